/** A bench: a set of cases that are measured in one way. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** Name and what is measured, in the order in which they run. */
  readonly cases: Readonly<Record<string, string>>;
  /** Cases that take so long that they run only when they are named. */
  readonly slow?: readonly string[];
  /** Options of scripts/lab for a bench that needs a kernel with IPVS; absent = it runs anywhere. */
  readonly guest?: readonly string[];
  /** C programs that it starts, by name: see `peer` in lab.ts. */
  readonly peers?: readonly string[];
  /** It starts dist/meshd.js. */
  readonly daemon?: boolean;
  run(cases: readonly string[]): Promise<void>;
}

/** Tells people how far it got. */
export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
