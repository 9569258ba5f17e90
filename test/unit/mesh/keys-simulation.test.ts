import { describe, expect, it } from 'vitest';
import { simulateKeys } from '../../sim/key-chaos.js';
import { replayCommand } from '../../sim/simulate.js';

const seeds = 60;
const chunk = 15;

describe('whole nodes whose keys are changed, on the real wire', () => {
  let overtaken = 0;
  for (let from = 1; from <= seeds; from += chunk)
    it(`lose nobody, tell no key and agree in the end: seeds ${from} to ${from + chunk - 1}`, async () => {
      for (let seed = from; seed < from + chunk; seed++) {
        const outcome = await simulateKeys(seed);
        expect(outcome.problems, `${replayCommand(seed)} --scenario keys`).toEqual([]);
        overtaken += outcome.overtaken;
      }
    });

  it('meet packets that the removal of their key has overtaken', () => {
    expect(overtaken).toBeGreaterThan(0);
  });

  it('do the same again with the same seed', async () => {
    const traces = [1, 2].map(async () => {
      const lines: string[] = [];
      await simulateKeys(7, (line) => lines.push(line));
      return lines;
    });
    const [first, second] = await Promise.all(traces);
    expect(first!.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
  });
});
