import { describe, expect, it } from 'vitest';
import { Sim, expected, shown } from './sim.js';

const links = { loss: 0.1, duplication: 0.05, delayMaxMs: 60 };

describe('a catalog of many nodes', () => {
  it('is alike everywhere within 5 s of a change, at a tenth of all datagrams lost', () => {
    const sim = new Sim({ ...links, seed: 1, nodes: 20 });
    for (const node of sim.nodes) sim.start(node, false);
    sim.time.runUntil(5_000);
    const times: number[] = [];
    for (let change = 0; change < 40; change++) {
      const node = sim.nodes[Math.floor(sim.random() * sim.nodes.length)]!;
      const key = `service/${change % 7}`;
      sim.write(node, key, `${change}`);
      const startMs = sim.time.nowMs;
      const isAlike = (): boolean =>
        sim.nodes.every(({ catalog }) => {
          const value = catalog!.get(node.name, key)?.row.value;
          return value !== undefined && Buffer.from(value).toString() === `${change}`;
        });
      sim.time.runUntil(startMs + 20_000, isAlike);
      times.push(sim.time.nowMs - startMs);
    }
    expect(Math.max(...times)).toBeLessThan(5_000);
    sim.time.runUntil(sim.time.nowMs + 5_000);
    for (const node of sim.nodes) expect(shown(node.catalog!)).toEqual(expected(sim, node));
  });
});
