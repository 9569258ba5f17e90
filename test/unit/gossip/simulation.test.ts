import { describe, expect, it } from 'vitest';
import { profiles } from '../../../src/gossip/index.js';
import { settledCluster } from '../../sim/cluster.js';
import { Network } from '../../sim/network.js';
import { seededRandom } from '../../sim/random.js';
import { replayCommand, simulate } from '../../sim/simulate.js';

const seeds = 500;
const chunk = 50;

/** Whole clusters in virtual time: what may never happen, and that all agree afterwards. */
describe('a cluster, after all kinds of trouble', () => {
  for (let from = 1; from <= seeds; from += chunk)
    it(`agrees: seeds ${from} to ${from + chunk - 1}`, () => {
      for (let seed = from; seed < from + chunk; seed++)
        expect(simulate(seed).problems, replayCommand(seed)).toEqual([]);
    });

  it('does the same again with the same seed', () => {
    const traces = [1, 2].map(() => {
      const lines: string[] = [];
      simulate(42, (line) => lines.push(line));
      return lines;
    });
    expect(traces[0]!.length).toBeGreaterThan(20);
    expect(traces[1]).toEqual(traces[0]);
  });
});

describe('after a cut of a minute', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('fast finds all again: seed %i', (seed) => {
    const network = new Network(seededRandom(seed));
    const choices = { profile: profiles.fast };
    const cluster = settledCluster(5, network, choices, () => undefined);
    // As every daemon does, also the first one, which knows no address: it looks for the lost.
    for (const { swim } of cluster) swim!.join([], 0);
    const addresses = cluster.map(({ at }) => at.address);
    const alone = addresses.slice(0, 1 + (seed % 2));
    for (const one of alone) {
      for (const other of addresses.filter((address) => !alone.includes(address))) {
        network.cutOff(one, other);
        network.cutOff(other, one);
      }
    }
    const seen = (): number[] => {
      const states = cluster.map(({ swim }) => swim!.members().map(({ state }) => state));
      return states.map((of) => of.filter((state) => state === 'alive').length);
    };
    network.runUntil(60_000);
    expect(Math.max(...seen())).toBeLessThan(5);
    network.healAll();
    network.runUntil(63_000);
    expect(seen()).toEqual([5, 5, 5, 5, 5]);
  });
});
