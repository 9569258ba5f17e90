import { SourceLimit } from './admission.js';
import { sameAddress, type Core } from './core.js';
import { suspicionTimes } from './formulas.js';
import type { Gossip } from './gossip.js';
import { Member } from './member-table.js';
import type { Alive, Dead, MemberState, PeerAddress, Suspect, Versions } from './messages.js';
import { metaBytesMax } from './options.js';
import { Suspicion } from './suspicion.js';
import { isSane } from './versions.js';

/** Bytes of a name that is believed; memberlist has no limit. */
const nameLengthMax = 512;

/** An incarnation is 32 bits. */
const incarnationMax = 2 ** 32 - 1;

/** That a member lives, gossiped or out of a push-pull. */
type Claim = Omit<Alive, 'type'>;

/**
 * What is believed of whom. Only a member itself raises its incarnation; what is said of it counts
 * if it is of its latest incarnation that we know, and of one incarnation the worse is believed:
 *
 *     unknown --alive--> alive <--alive, newer-- suspect --timer--> dead
 *                          |                        ^                 |
 *                          +--suspect, as new-------+                 |
 *                          +--dead, as new--> dead or left --alive, newer--> alive
 *
 * Source: SWIM; the details are memberlist's.
 */
export class Rules {
  /** Members that failed and were forgotten: where to look for them after a partition. */
  readonly lost = new Map<string, { readonly at: PeerAddress; readonly sinceMs: number }>();
  private readonly strangers: SourceLimit;
  private forgotAtMs = -Infinity;

  constructor(
    private readonly core: Core,
    private readonly gossip: Gossip,
  ) {
    const { strangersBurst, strangersPerSecond, sourcesMax } = core.limits;
    this.strangers = new SourceLimit(strangersBurst, strangersPerSecond, sourcesMax);
  }

  /** `source`: who told us; undefined = somebody that we asked. */
  alive(claim: Claim, source: string | undefined): void {
    const { core } = this;
    const { node, incarnation, versions } = claim;
    if (versions !== undefined && !isSane(versions)) return;
    const known = core.members.get(node);
    if (known === undefined) {
      if (incarnation > 0 && this.isAdmitted(claim, source)) this.join(claim);
      return;
    }
    if (!sameAddress(known.at, claim.at)) {
      if (known !== core.self && this.isReclaimable(known)) this.accept(known, claim);
      else if (!core.leaving) this.conflict(known, claim.at);
    } else if (known === core.self) this.aliveSelf(claim);
    else if (incarnation > known.incarnation) this.accept(known, claim);
  }

  suspect(message: Suspect): void {
    const { core } = this;
    const { node, incarnation, from } = message;
    const member = core.members.get(node);
    if (member === undefined || incarnation < member.incarnation) return;
    if (member.suspicion !== undefined) {
      if (member.suspicion.confirm(from)) this.gossip.tell(message);
      return;
    }
    if (member.state !== 'alive') return;
    if (member === core.self) {
      this.refute(incarnation);
      return;
    }
    core.counters.suspicions++;
    this.gossip.tell(message);
    member.change({ incarnation, state: 'suspect' }, core.nowMs);
    const times = suspicionTimes(core.profile, core.members.size, core.lifeguard);
    member.suspicion = new Suspicion(core.timers, times, core.nowMs, from, () =>
      this.declareDead(member),
    );
    core.emitMember('suspected', member);
  }

  dead(message: Dead): void {
    const { core } = this;
    const { node, incarnation, from } = message;
    const member = core.members.get(node);
    if (member === undefined || incarnation < member.incarnation || member.isGone) return;
    if (member === core.self) {
      this.refute(incarnation);
      return;
    }
    this.endSuspicion(member);
    this.gossip.tell(message);
    member.change({ incarnation, state: from === node ? 'left' : 'dead' }, core.nowMs);
    core.emitMember(from === node ? 'left' : 'failed', member);
  }

  /** What a peer knows. That somebody is dead is only a suspicion: it may have come back. */
  merge(members: readonly MemberState[], source: string | undefined): void {
    const me = this.core.self.node;
    for (const member of members) {
      const { node, incarnation } = member;
      if (member.state === 'alive') this.alive(member, source);
      else if (member.state === 'left') this.dead({ type: 'dead', node, incarnation, from: node });
      else this.suspect({ type: 'suspect', node, incarnation, from: me });
    }
  }

  /** Tells what we are now; a change of it needs a new incarnation. */
  announce(): void {
    this.gossip.tell(aliveOf(this.core.self.facts));
  }

  raiseIncarnation(above: number): void {
    const { self, nowMs } = this.core;
    const incarnation = Math.min(incarnationMax, Math.max(self.incarnation, above) + 1);
    self.change({ incarnation }, nowMs);
  }

  /** We go: from now on we contradict nothing, our own leave that comes back least of all. */
  leave(done: () => void): void {
    const { core } = this;
    const { node, incarnation } = core.self;
    core.leaving = true;
    core.self.change({ state: 'left' }, core.nowMs);
    this.gossip.tell({ type: 'dead', node, incarnation, from: node }, done);
  }

  /** Forgets the dead of whom everybody must have heard. */
  forgetOld(): void {
    const { core } = this;
    this.forgotAtMs = core.nowMs;
    const before = core.nowMs - core.profile.gossipToTheDeadMs;
    const isOver = (member: Member): boolean =>
      core.isOther(member) && member.isGone && member.changedAtMs < before;
    for (const member of core.members.removeWhere(isOver)) {
      if (member.state === 'dead') this.remember(member);
      core.emitMember('forgotten', member);
    }
  }

  private remember({ node, at }: Member): void {
    this.lost.delete(node);
    for (const [oldest] of this.lost) {
      if (this.lost.size < this.core.limits.lostMax) break;
      this.lost.delete(oldest);
    }
    this.lost.set(node, { at, sinceMs: this.core.nowMs });
  }

  private join(claim: Claim): void {
    const { node, at, meta } = claim;
    const nobody = { node, at, meta, incarnation: 0, state: 'dead' } as const;
    const member = new Member(nobody, this.core.nowMs);
    this.core.members.add(member);
    this.lost.delete(node);
    this.accept(member, claim);
  }

  private accept(member: Member, claim: Claim): void {
    const { core } = this;
    const { at, meta, incarnation, versions = member.facts.versions } = claim;
    const { state: before, isGone: wasGone } = member;
    const changed = !sameAddress(member.at, at) || !sameBytes(member.facts.meta, meta);
    this.endSuspicion(member);
    member.change(
      { at, meta, incarnation, state: 'alive', ...versionsField(versions) },
      core.nowMs,
    );
    this.gossip.tell(aliveOf(member.facts));
    if (wasGone) core.emitMember('joined', member);
    if (before === 'suspect') core.emitMember('recovered', member);
    if (changed && !wasGone) core.emitMember('updated', member);
  }

  private aliveSelf({ incarnation, meta, versions }: Claim): void {
    const { facts: self } = this.core.self;
    if (incarnation < self.incarnation) return;
    const same = sameBytes(meta, self.meta) && sameVersions(versions, self.versions);
    if (incarnation > self.incarnation || !same) this.refute(incarnation);
  }

  private refute(accused: number): void {
    const { core } = this;
    if (core.leaving) return;
    this.raiseIncarnation(accused);
    core.health.add(1);
    core.counters.refutations++;
    this.announce();
    core.emit({ kind: 'refuted', incarnation: core.self.incarnation });
  }

  private declareDead({ node, incarnation }: Member): void {
    this.core.counters.deathsDeclared++;
    this.dead({ type: 'dead', node, incarnation, from: this.core.self.node });
  }

  private conflict({ node, at: known }: Member, claimed: PeerAddress): void {
    this.core.counters.conflicts++;
    this.core.emit({ kind: 'conflict', node, known, claimed });
  }

  /** Whether another address may take the name; then its incarnation does not matter. */
  private isReclaimable({ state, changedAtMs }: Member): boolean {
    if (state === 'left') return true;
    const afterMs = this.core.options.reclaimAfterMs ?? 0;
    return state === 'dead' && afterMs > 0 && this.core.nowMs - changedAtMs > afterMs;
  }

  private isAdmitted({ node, meta }: Claim, source: string | undefined): boolean {
    const { core } = this;
    const admitted =
      node.length > 0 &&
      node.length <= nameLengthMax &&
      meta.length <= metaBytesMax &&
      (source === undefined || this.strangers.take(source, core.nowMs)) &&
      this.hasRoom();
    if (!admitted) core.counters.membersRefused++;
    return admitted;
  }

  private hasRoom(): boolean {
    const { members, limits, nowMs } = this.core;
    if (members.size < limits.membersMax) return true;
    // It looks at all members: strangers must not make it do so at every message.
    if (nowMs - this.forgotAtMs >= 1000) this.forgetOld();
    return members.size < limits.membersMax;
  }

  private endSuspicion(member: Member): void {
    member.suspicion?.cancel();
    delete member.suspicion;
  }
}

function aliveOf({ node, at, meta, incarnation, versions }: Claim): Alive {
  return { type: 'alive', node, at, meta, incarnation, ...versionsField(versions) };
}

function versionsField(versions: Versions | undefined): { versions?: Versions } {
  return versions === undefined ? {} : { versions };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, at) => byte === b[at]));
}

function sameVersions(a: Versions | undefined, b: Versions | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.protocolMin === b.protocolMin &&
    a.protocolMax === b.protocolMax &&
    a.protocol === b.protocol &&
    a.delegateMin === b.delegateMin &&
    a.delegateMax === b.delegateMax &&
    a.delegate === b.delegate
  );
}
