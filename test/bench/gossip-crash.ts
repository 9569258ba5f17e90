import { profiles, type ProfileName } from '../../src/gossip/index.js';
import { suspicionTimes } from '../../src/gossip/formulas.js';
import { settledCluster } from '../sim/cluster.js';
import { Network } from '../sim/network.js';
import { between, seededRandom } from '../sim/random.js';
import { progress } from './bench.js';
import { emit } from './figure.js';
import { percentile } from './stats.js';

const members = 100;
const rounds = 50;
const goalsS: Readonly<Partial<Record<ProfileName, number>>> = { lan: 6, fast: 2 };

/** Unit of both: milliseconds after the crash. */
interface Heard {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** From the crash of a member to the moment in which the last of the others declares it dead. */
export function measureCrash(): void {
  for (const [name, goal] of Object.entries(goalsS)) {
    const profile = name as ProfileName;
    const heard = Array.from({ length: rounds }, (_, seed) => crashOne(profile, seed + 1));
    progress(`crash: ${profile}: ${rounds} clusters done`);
    const first = heard.map(({ firstMs }) => firstMs / 1000);
    const last = heard.map(({ lastMs }) => lastMs / 1000);
    const { minMs } = suspicionTimes(profiles[profile], members, true);
    emit({
      bench: 'gossip',
      case: 'crash',
      figure: profile,
      value: Math.max(...last),
      unit: 's',
      goal: { value: goal },
      rounds,
      p50: seconds(percentile(last, 0.5)),
      firstP50: seconds(percentile(first, 0.5)),
      // No member is dead before it was asked for one interval and suspected for this long.
      floor: seconds((profiles[profile].probeIntervalMs + minMs) / 1000),
      members,
      time: 'virtual',
    });
  }
}

function crashOne(profile: ProfileName, seed: number): Heard {
  const network = new Network(seededRandom(seed));
  const deaths: number[] = [];
  const choices = { profile: profiles[profile] };
  const cluster = settledCluster(members, network, choices, (_observer, event) => {
    if (event.kind === 'member' && event.change === 'failed') deaths.push(network.nowMs);
  });
  // Not at the same moment of everybody's interval in each round.
  network.runUntil(between(network.random, 5_000, 6_000));
  const crashedAt = network.nowMs;
  cluster[0]!.crash();
  while (deaths.length < members - 1 && network.nowMs < crashedAt + 120_000)
    network.runUntil(network.nowMs + 100);
  if (deaths.length !== members - 1)
    throw new Error(`seed ${seed}: ${deaths.length} deaths, ${members - 1} members to hear of one`);
  return { firstMs: deaths[0]! - crashedAt, lastMs: deaths.at(-1)! - crashedAt };
}

function seconds(value: number): number {
  return Number(value.toPrecision(4));
}
