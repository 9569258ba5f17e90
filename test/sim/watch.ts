import type { GossipEvent, MemberEvent, MemberState } from '../../src/gossip/index.js';
import type { SimMember } from './sim-member.js';

/** What one observer believes of one member, by the events that it was told. */
interface Belief {
  readonly state: MemberState['state'];
  readonly incarnation: number;
  readonly version: Version;
}

/** Members' meta is `life.count`. */
interface Version {
  readonly life: number;
  readonly count: number;
}

/** Which change may follow upon which state; unknown = never heard of, or forgotten. */
const mayFollow: Readonly<Record<MemberState['state'] | 'unknown', readonly string[]>> = {
  unknown: ['joined'],
  alive: ['updated', 'suspected', 'failed', 'left'],
  suspect: ['recovered', 'failed', 'left'],
  dead: ['joined', 'forgotten'],
  left: ['joined', 'forgotten'],
};

/** Holds every event against what may never happen; calls `complain` with what did. */
export class Watch {
  private readonly beliefs = new Map<SimMember, Map<string, Belief>>();

  constructor(
    private readonly host: (name: string) => SimMember,
    /** Where nothing is lost or late, no member may be declared dead from this age on. */
    private readonly fearlessAfterMs: number | undefined,
    private readonly complain: (problem: string) => void,
  ) {}

  /** A member starts, with what it remembers. */
  started(observer: SimMember): void {
    const beliefs = new Map<string, Belief>();
    for (const member of observer.swim?.members() ?? [])
      if (member.node !== observer.name) beliefs.set(member.node, beliefOf(member));
    this.beliefs.set(observer, beliefs);
  }

  saw(observer: SimMember, event: GossipEvent): void {
    if (event.kind === 'conflict') this.complain(`${observer.name}: conflict about ${event.node}`);
    if (event.kind !== 'member') return;
    const { change, member } = event;
    const beliefs = this.beliefs.get(observer)!;
    const before = beliefs.get(member.node);
    const after = beliefOf(member);
    const problem = this.problemOf(change, before, after, this.host(member.node));
    if (problem !== undefined)
      this.complain(`${observer.name}: ${member.node} ${change}: ${problem}`);
    if (change === 'forgotten') beliefs.delete(member.node);
    else beliefs.set(member.node, after);
  }

  private problemOf(
    change: MemberEvent['change'],
    before: Belief | undefined,
    after: Belief,
    subject: SimMember,
  ): string | undefined {
    const from = before?.state ?? 'unknown';
    if (!mayFollow[from].includes(change)) return `was ${from}`;
    if (after.version.life > subject.life) return 'before it was started';
    if (before === undefined) return undefined;
    if (after.incarnation < before.incarnation)
      return `incarnation ${after.incarnation} after ${before.incarnation}`;
    if (change === 'joined' && after.incarnation === before.incarnation)
      return `again at incarnation ${after.incarnation}`;
    const { version } = before;
    if (after.version.life === version.life && after.version.count < version.count)
      return `meta ${after.version.count} after ${version.count}`;
    if (change === 'failed' && this.mustLive(subject))
      return 'but it runs, and nothing is in the way';
    return undefined;
  }

  /** Incarnations begin anew with each life: the death of the last one may still go around. */
  private mustLive(subject: SimMember): boolean {
    if (this.fearlessAfterMs === undefined || !subject.reachable || subject.hasLeft) return false;
    return subject.life === 1 || subject.livesForMs > this.fearlessAfterMs;
  }
}

function beliefOf({ state, incarnation, meta }: MemberState): Belief {
  const [life, count] = Buffer.from(meta).toString().split('.').map(Number);
  return { state, incarnation, version: { life: life!, count: count! } };
}
