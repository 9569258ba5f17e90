import { profiles } from '../../src/gossip/index.js';
import { settledCluster } from '../sim/cluster.js';
import { Network } from '../sim/network.js';
import { between, seededRandom } from '../sim/random.js';
import type { SimMember } from '../sim/sim-member.js';
import { progress } from './bench.js';
import { emit } from './figure.js';

const members = 100;
const starved = 10;
/** How long a member is blocked, and how long it runs in between. Unit: milliseconds. */
const blockedMs = [2_048, 8_192, 16_384, 32_768];
const runningMs = [64, 4_096];
const settledAtMs = 10_000;
const runMs = 120_000;

/** Events `failed` about members that run well. */
interface FalseDeaths {
  /** Seen by anybody. */
  total: number;
  /** Seen by members that run well themselves. */
  atHealthy: number;
}

/**
 * As in the interval experiments of the Lifeguard paper (arXiv 1707.00788, V): all that some
 * members send and are sent waits for a while, all at once, then flows for a while, in turn. Their
 * timers run all the time, so that what we do about a process that was stopped does not show here.
 */
export function measureFalsePositives(): void {
  const on: FalseDeaths = { total: 0, atHealthy: 0 };
  const off: FalseDeaths = { total: 0, atHealthy: 0 };
  let runs = 0;
  for (const blocked of blockedMs) {
    for (const running of runningMs) {
      const seed = ++runs;
      starveSome(seed, true, blocked, running, on);
      starveSome(seed, false, blocked, running, off);
    }
    progress(`falsepos: up to ${blocked} ms: with Lifeguard ${textOf(on)}, without ${textOf(off)}`);
  }
  for (const figure of ['atHealthy', 'total'] as const)
    emit({
      bench: 'gossip',
      case: 'falsepos',
      figure: figure === 'total' ? 'at any member' : 'at healthy members',
      value: Math.max(1, on[figure]),
      unit: 'count',
      peer: 'SWIM without Lifeguard',
      peerValue: off[figure],
      goal: { ratio: 20 },
      ...(on[figure] === 0 ? { note: 'none at all; counted as 1 for the ratio' } : {}),
      rounds: runs,
      members,
      starved,
      profile: 'lan',
      time: 'virtual',
    });
}

function starveSome(
  seed: number,
  lifeguard: boolean,
  blocked: number,
  running: number,
  deaths: FalseDeaths,
): void {
  const network = new Network(seededRandom(seed));
  const isHealthy = ({ index }: SimMember): boolean => index >= starved;
  const choices = { profile: profiles.lan, lifeguard };
  const byName = new Map<string, SimMember>();
  const cluster = settledCluster(members, network, choices, (observer, event) => {
    if (event.kind !== 'member' || event.change !== 'failed') return;
    if (!isHealthy(byName.get(event.member.node)!)) return;
    deaths.total++;
    if (isHealthy(observer)) deaths.atHealthy++;
  });
  for (const member of cluster) byName.set(member.name, member);
  network.runUntil(settledAtMs);
  for (const member of cluster.slice(0, starved)) {
    const block = (): void => {
      member.hold();
      network.after(blocked, () => {
        member.release();
        network.after(running, block);
      });
    };
    network.after(between(network.random, 0, 10), block);
  }
  network.runUntil(settledAtMs + runMs);
}

function textOf({ total, atHealthy }: FalseDeaths): string {
  return `${total} (${atHealthy} at healthy members)`;
}
