import { release } from 'node:os';

/** A measured value, and a peer's for the same work in the same run. */
export interface Figure {
  readonly bench: string;
  readonly case: string;
  /** Which figure of the case, where it has several: `p99`, `snat auto`. */
  readonly figure?: string;
  readonly value: number;
  readonly unit: 'ms' | 's' | '1/s' | 'Mbit/s' | 'MB' | '%' | 'Ops' | 'us' | 'count' | 'B/s';
  readonly peer?: string;
  readonly peerValue?: number;
  /** What is aimed at: of the ratio, or of the value where there is no peer. */
  readonly goal?: { readonly ratio: number } | { readonly value: number };
  readonly rounds?: number;
  /** Parts of the value, in its unit. */
  readonly phases?: Readonly<Record<string, number>>;
  readonly [note: string]: unknown;
}

/** Prints a figure as one line of JSON, completed by its ratio (above 1: ours is better). */
export function emit(figure: Figure): void {
  const { goal, phases, ...rest } = figure;
  const ratio = ratioOf(figure);
  const line = {
    ...rest,
    value: rounded(figure.value),
    ...(figure.peerValue === undefined ? {} : { peerValue: rounded(figure.peerValue) }),
    ...(ratio === undefined ? {} : { ratio: rounded(ratio) }),
    ...(goal === undefined ? {} : { goal, met: isMet(figure, ratio) }),
    ...(phases === undefined
      ? {}
      : { phases: Object.fromEntries(Object.entries(phases).map(([k, v]) => [k, rounded(v)])) }),
    kernel: release(),
    node: process.version,
    date: new Date().toISOString().slice(0, 16) + 'Z',
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function ratioOf({ value, unit, peerValue }: Figure): number | undefined {
  if (peerValue === undefined) return undefined;
  const isRate = unit === '1/s' || unit === 'Mbit/s';
  return isRate ? value / peerValue : peerValue / value;
}

/** Every value that has a goal of its own is better the smaller it is. */
function isMet({ goal, value }: Figure, ratio: number | undefined): boolean {
  if (goal === undefined) return true;
  return 'ratio' in goal ? (ratio ?? 0) >= goal.ratio : value <= goal.value;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
