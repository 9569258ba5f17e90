import { describe, expect, it } from 'vitest';
import { simulateCatalog } from '../../sim/catalog-chaos.js';
import { replayCommand } from '../../sim/simulate.js';

const seeds = 120;
const chunk = 30;

describe('members and catalogs under loss, partitions, restarts and clock jumps', () => {
  for (let from = 1; from <= seeds; from += chunk)
    it(`agree in the end, and never go back: seeds ${from} to ${from + chunk - 1}`, () => {
      for (let seed = from; seed < from + chunk; seed++) {
        const replay = `${replayCommand(seed)} --scenario catalog`;
        expect(simulateCatalog(seed).problems, replay).toEqual([]);
      }
    });
});
