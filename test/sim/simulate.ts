import { profiles, type GossipEvent } from '../../src/gossip/index.js';
import { suspicionTimes } from '../../src/gossip/formulas.js';
import { scenarioOf } from './scenario.js';
import type { SimMember } from './sim-member.js';
import { Watch } from './watch.js';
import { World } from './world.js';

/** After the end of all trouble, everybody must agree within this. Unit: milliseconds. */
const convergeWithinMs = 900_000;

export interface Outcome {
  readonly seed: number;
  /** None: all properties hold. */
  readonly problems: readonly string[];
  /** From calm to agreement. */
  readonly convergedMs: number;
  readonly packets: number;
}

/** How to see a run again. */
export function replayCommand(seed: number): string {
  return `npm run sim -- --seed ${seed}`;
}

/**
 * A whole cluster in virtual time: trouble, then calm, then agreement that lasts. Everything
 * follows from the seed. `trace` is told what happens, line by line.
 */
export function simulate(seed: number, trace?: (line: string) => void): Outcome {
  const scenario = scenarioOf(seed);
  const problems: string[] = [];
  let settled = false;
  const note = (text: string): void =>
    trace?.(`${(world.network.nowMs / 1000).toFixed(3).padStart(9)}  ${text}`);
  const complain = (problem: string): void => {
    problems.push(`${(world.network.nowMs / 1000).toFixed(3)} s: ${problem}`);
    note(`PROBLEM ${problem}`);
  };
  const { members, profile, seeds, clean, calmAtMs } = scenario;
  const times = suspicionTimes(profiles[profile], members, true);
  const fearlessAfterMs = clean ? times.maxMs + 10_000 : undefined;
  const watch = new Watch((name) => world.host(name), fearlessAfterMs, complain);
  const world: World = new World(scenario, {
    note,
    started: (host) => watch.started(host),
    saw: (host, event) => {
      if (trace !== undefined) noteEvent(note, host, event);
      watch.saw(host, event);
      checkQueues(host, members, complain);
      if (settled && event.kind === 'member' && event.change !== 'forgotten')
        complain(`${host.name}: ${event.member.node} ${event.change} though nothing happened`);
    },
  });
  note(`${members} members, profile ${profile}, ${seeds} seeds${clean ? ', clean' : ''}`);
  const { network } = world;
  network.runUntil(calmAtMs);
  world.calm();
  const { gossipToTheDeadMs, probeIntervalMs, streamTimeoutMs, awarenessMaxMult } =
    profiles[profile];
  // What was said and asked before may still be under way.
  network.runUntil(calmAtMs + Math.max(streamTimeoutMs, awarenessMaxMult * probeIntervalMs));
  while (disagreement(world) !== undefined && network.nowMs < calmAtMs + convergeWithinMs)
    network.runUntil(network.nowMs + 250);
  const convergedMs = network.nowMs - calmAtMs;
  const last = disagreement(world);
  if (last === undefined) note('all agree');
  else complain(`no agreement: ${last}`);
  settled = last === undefined;
  // The dead are forgotten at the end of a round of probes.
  network.runUntil(network.nowMs + 1.5 * gossipToTheDeadMs + 2 * members * probeIntervalMs);
  if (settled) checkRest(world, complain);
  return { seed, problems, convergedMs, packets: network.packets };
}

/** Who of the living sees something else than the living as they are; undefined = nobody. */
function disagreement(world: World): string | undefined {
  const { living } = world;
  for (const observer of living) {
    const seen = observer
      .swim!.members()
      .filter(({ state }) => state === 'alive' || state === 'suspect');
    if (seen.length !== living.length)
      return `${observer.name} sees ${seen.length} of ${living.length} alive`;
    for (const host of living) {
      const { self } = host.swim!;
      const member = observer.swim!.member(host.name);
      if (member?.state !== 'alive') return `${observer.name} sees ${host.name} ${member?.state}`;
      const meta = Buffer.from(member.meta).toString();
      if (meta !== world.metaOf(host) || member.incarnation !== self.incarnation)
        return `${observer.name} sees ${host.name} at ${meta}, incarnation ${member.incarnation}`;
    }
  }
  return undefined;
}

function checkQueues(host: SimMember, members: number, complain: (problem: string) => void): void {
  if (host.swim === undefined) return;
  const { broadcasts, userBroadcasts, timers, waiting } = host.swim.queueSizes;
  const bounds = { broadcasts: members, userBroadcasts: 8, timers: 200, waiting: 64 };
  const sizes = { broadcasts, userBroadcasts, timers, waiting };
  for (const [name, bound] of Object.entries(bounds)) {
    const size = sizes[name as keyof typeof sizes];
    if (size > bound) complain(`${host.name}: ${size} ${name}`);
  }
}

/** Long after agreement: nothing left to do, and the dead forgotten. */
function checkRest(world: World, complain: (problem: string) => void): void {
  for (const host of world.living) {
    const { broadcasts, userBroadcasts } = host.swim!.queueSizes;
    if (world.living.length > 1 && broadcasts + userBroadcasts > 0)
      complain(`${host.name}: ${broadcasts + userBroadcasts} broadcasts still wait`);
    const known = host.swim!.members().length;
    if (known !== world.living.length)
      complain(`${host.name}: knows ${known}, ${world.living.length} are there`);
  }
  const last = disagreement(world);
  if (last !== undefined) complain(`no agreement any more: ${last}`);
}

function noteEvent(note: (text: string) => void, host: SimMember, event: GossipEvent): void {
  if (event.kind === 'member') {
    const { node, incarnation, meta } = event.member;
    const facts = `incarnation ${incarnation}, meta ${Buffer.from(meta).toString()}`;
    note(`    ${host.name}: ${node} ${event.change} (${facts})`);
  } else if (event.kind === 'refuted')
    note(`    ${host.name}: refutes, incarnation ${event.incarnation}`);
  else if (event.kind === 'join')
    note(`    ${host.name}: join through ${event.at.address}: ${event.problem ?? 'done'}`);
  else note(`    ${host.name}: ${event.kind}`);
}
