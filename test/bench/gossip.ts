import type { Bench } from './bench.js';
import { measureChurn } from './gossip-churn.js';
import { measureCpu } from './gossip-cpu.js';
import { measureCrash } from './gossip-crash.js';
import { measureFalsePositives } from './gossip-falsepos.js';
import { measureIdle } from './gossip-idle.js';
import { measureJoin } from './gossip-join.js';
import { measureLargeUpdate, measureUpdate } from './gossip-update.js';

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
  update: { what: 'a row changes on one of 100 nodes: until all have it', measure: measureUpdate },
  'update-1000': { what: 'the same with 1,000 nodes; some minutes', measure: measureLargeUpdate },
  churn: { what: '25 nodes crash and come back while rows change', measure: measureChurn },
  idle: { what: 'what a node sends while nothing happens', measure: measureIdle },
  join: { what: 'a node joins 100 others with 10,000 rows', measure: measureJoin },
  cpu: { what: 'what a received message costs, against decrypting alone', measure: measureCpu },
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
