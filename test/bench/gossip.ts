import type { Bench } from './bench.js';
import { measureChurn } from './gossip-churn.js';
import { measureCpu } from './gossip-cpu.js';
import { measureCrash } from './gossip-crash.js';
import { measureFalsePositives } from './gossip-falsepos.js';
import { measureIdle } from './gossip-idle.js';
import { measureJoin } from './gossip-join.js';
import { measureLive } from './gossip-live.js';
import { hasIpvs, runInGuest } from './lab.js';
import { measureLargeUpdate, measureUpdate } from './gossip-update.js';

interface GossipCase {
  readonly what: string;
  /** Options of scripts/lab for a case with real kernels; absent = virtual time, anywhere. */
  readonly guest?: readonly string[];
  readonly measure: () => void | Promise<void>;
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
  live: {
    what: 'wall clock: five hosts, from a change on one to the kernels of the others',
    guest: ['--icount', '--memory', '3G', '--timeout', '1800'],
    measure: measureLive,
  },
  cpu: { what: 'what a received message costs, against decrypting alone', measure: measureCpu },
};

/**
 * Whole clusters in virtual time (test/sim), seeded: the same figures on every machine. Live hosts
 * run in a guest.
 */
export const gossip: Bench = {
  name: 'gossip',
  daemon: true,
  summary: 'a cluster of members: how fast news travels, what is wrongly believed',
  cases: Object.fromEntries(Object.entries(cases).map(([name, { what }]) => [name, what])),
  async run(wanted) {
    for (const name of wanted) {
      const { guest, measure } = cases[name]!;
      if (guest === undefined || hasIpvs()) await measure();
      else if ((await runInGuest({ ...gossip, guest }, [name])) !== 0) {
        throw new Error(`${name}: failed in the guest`);
      }
    }
  },
};
