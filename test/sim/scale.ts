import { profiles, type ProfileName } from '../../src/gossip/index.js';
import { settledCluster } from './cluster.js';
import { fair, Network, type Weather } from './network.js';
import { seededRandom } from './random.js';

/** How fast news travels in a large cluster at rest. Times: milliseconds after the cause. */
export interface ScaleFigures {
  /** One member's new meta, heard by so many of the others. */
  readonly updateHalfMs: number;
  readonly update99Ms: number;
  readonly updateAllMs: number;
  /** One member crashed: the first who knows, and the last. */
  readonly deathFirstMs: number;
  readonly deathAllMs: number;
  /** Living members that somebody declared dead. */
  readonly falseDeaths: number;
  /** By one member at rest, per second. */
  readonly idlePackets: number;
  readonly idleBytes: number;
}

export interface ScaleRun {
  readonly members: number;
  readonly seed: number;
  readonly profile?: ProfileName;
  readonly weather?: Partial<Weather>;
  readonly lifeguard?: boolean;
  /** Virtual time in all. */
  readonly durationMs?: number;
}

/** Settles, counts idle packets, changes one member's meta, crashes another. */
export function measureScale(run: ScaleRun): ScaleFigures {
  const network = new Network(seededRandom(run.seed));
  const updates: number[] = [];
  const deaths: number[] = [];
  let falseDeaths = 0;
  const profile = profiles[run.profile ?? 'lan'];
  const choices = { profile, lifeguard: run.lifeguard ?? true };
  const cluster = settledCluster(run.members, network, choices, (_observer, event) => {
    if (event.kind !== 'member') return;
    if (event.change === 'updated') updates.push(network.nowMs);
    if (event.change !== 'failed') return;
    if (event.member.node === cluster[1]!.name && !cluster[1]!.reachable)
      deaths.push(network.nowMs);
    else falseDeaths++;
  });
  network.weather = { ...fair, ...run.weather };
  network.runUntil(5_000);
  const before = { packets: network.packets, bytes: network.bytes };
  network.runUntil(10_000);
  const perSecond = (count: number): number => count / 5 / run.members;
  const idlePackets = perSecond(network.packets - before.packets);
  const idleBytes = perSecond(network.bytes - before.bytes);
  const updatedAt = network.nowMs;
  cluster[0]!.setMeta('new');
  network.runUntil(15_000);
  const crashedAt = network.nowMs;
  cluster[1]!.crash();
  network.runUntil(run.durationMs ?? 60_000);
  const others = run.members - 1;
  const heard = (share: number): number =>
    (updates[Math.ceil(others * share) - 1] ?? Infinity) - updatedAt;
  return {
    updateHalfMs: heard(0.5),
    update99Ms: heard(0.99),
    updateAllMs: heard(1),
    deathFirstMs: (deaths[0] ?? Infinity) - crashedAt,
    deathAllMs: (deaths[others - 1] ?? Infinity) - crashedAt,
    falseDeaths,
    idlePackets,
    idleBytes,
  };
}
