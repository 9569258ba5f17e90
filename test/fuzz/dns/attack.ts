/** What every attack has: a seed, a number of packets, and what it says when one of them hurts. */
import { seededRandom } from '../../sim/random.js';

export interface Attack {
  readonly packets: number;
  readonly seed: number;
  /** Called now and then, with how many are done. */
  readonly progress?: (done: number) => void;
}

/** By name, what was counted. */
export type Figures = Readonly<Record<string, number>>;

/** Longer than any message can take, on a busy machine too. Unit: milliseconds. */
const messageMs = 2_000;
const progressEvery = 10_000;

/** Rejects with the message at hand when `one` throws, or takes too long. */
export async function attack(
  { packets, seed, progress }: Attack,
  invent: (random: () => number) => Buffer,
  one: (bytes: Buffer, number: number) => Promise<void> | void,
): Promise<void> {
  const random = seededRandom(seed);
  for (let number = 1; number <= packets; number++) {
    const bytes = invent(random);
    // What is said of it may be a part of it.
    const told = (): string => `message ${number} of seed ${seed}: ${bytes.toString('hex')}`;
    const startedAt = performance.now();
    try {
      const done = one(bytes, number);
      if (done !== undefined) await done;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${reason}\n${told()}`, { cause: error });
    }
    const tookMs = performance.now() - startedAt;
    if (tookMs > messageMs) throw new Error(`it took ${Math.round(tookMs)} ms\n${told()}`);
    if (number % progressEvery === 0) progress?.(number);
  }
}

export function insist(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
