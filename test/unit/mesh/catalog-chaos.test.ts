import { describe, expect, it } from 'vitest';
import { CatalogChaos } from '../../sim/catalog-chaos.js';

/** One run: MESH_SEED=n; other ones: MESH_SEEDS=how many. */
const one = process.env['MESH_SEED'];
const count = Number(process.env['MESH_SEEDS'] ?? 120);
const seeds =
  one === undefined ? Array.from({ length: count }, (_, index) => index) : [Number(one)];

describe('members and catalogs under loss, partitions, restarts and clock jumps', () => {
  it(`agree in the end, and never go back (${seeds.length} seeds)`, () => {
    for (const seed of seeds) {
      const replay = `MESH_SEED=${seed} npx vitest run --project unit test/unit/mesh/catalog-chaos.test.ts`;
      expect(new CatalogChaos(seed).run(), `replay: ${replay}`).toEqual([]);
    }
  }, 300_000);
});
