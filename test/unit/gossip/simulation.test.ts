import { describe, expect, it } from 'vitest';
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
