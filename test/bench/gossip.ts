import type { Bench } from './bench.js';
import { measureCrash } from './gossip-crash.js';
import { measureFalsePositives } from './gossip-falsepos.js';

interface GossipCase {
  readonly what: string;
  measure(): void | Promise<void>;
}

const cases: Readonly<Record<string, GossipCase>> = {
  crash: { what: 'one of 100 members crashes: until the last knows', measure: measureCrash },
  falsepos: {
    what: '10 of 100 members starved: healthy ones declared dead, with Lifeguard and without',
    measure: measureFalsePositives,
  },
};

/** Whole clusters in virtual time (test/sim), seeded: the same figures on every machine. */
export const gossip: Bench = {
  name: 'gossip',
  summary: 'a cluster of members: how fast news travels, what is wrongly believed',
  cases: Object.fromEntries(Object.entries(cases).map(([name, { what }]) => [name, what])),
  async run(wanted) {
    for (const name of wanted) await cases[name]?.measure();
  },
};
