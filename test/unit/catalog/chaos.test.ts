import { describe, expect, it } from 'vitest';
import { Chaos } from './chaos.js';

/** One run: CATALOG_SEED=n; other ones: CATALOG_SEEDS=how many. */
const one = process.env['CATALOG_SEED'];
const count = Number(process.env['CATALOG_SEEDS'] ?? 100);
const seeds =
  one === undefined ? Array.from({ length: count }, (_, index) => index) : [Number(one)];

describe('a catalog under loss, partitions, restarts and a liar', () => {
  it(`shows what its owners wrote, nothing else, and never goes back (${seeds.length} seeds)`, () => {
    const problems = seeds.flatMap((seed) => {
      const replay = `CATALOG_SEED=${seed} npx vitest run --project unit test/unit/catalog/chaos.test.ts`;
      return new Chaos(seed).run().map((problem) => `${problem} (replay: ${replay})`);
    });
    expect(problems).toEqual([]);
  }, 300_000);
});
