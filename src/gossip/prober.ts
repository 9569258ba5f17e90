import type { Core } from './core.js';
import { readsChecksum, type Gossip } from './gossip.js';
import type { Member } from './member-table.js';
import type { PacketMessage, PeerAddress } from './messages.js';
import type { Rules } from './rules.js';
import type { Streams } from './streams.js';
import type { StreamId } from './effects.js';
import type { Timer } from './timers.js';
import { understands } from './versions.js';

/** One member asked whether it lives. */
interface Probe {
  readonly member: Member;
  /** The one that is asked: a newer one is not accused, for it has been heard of meanwhile. */
  readonly incarnation: number;
  readonly sequence: number;
  readonly deadlineMs: number;
  /** What comes next unless an answer does. */
  timer: Timer;
  stream?: StreamId;
  nacksExpected: number;
  nacks: number;
}

/**
 * The failure detector: one member per interval, in an order of chance that reaches everybody, is
 * pinged; if silent, by others in our place and over a stream; if still silent at the deadline,
 * suspected. Probes do not overlap: a tick during a probe is lost. Source: SWIM, memberlist.
 */
export class Prober {
  private current: Probe | undefined;
  private readonly phaseMs: number;

  constructor(
    private readonly core: Core,
    private readonly gossip: Gossip,
    private readonly rules: Rules,
    private readonly streams: Streams,
  ) {
    this.phaseMs = Math.floor(core.nowMs + core.random() * core.profile.probeIntervalMs);
    this.plan();
  }

  private plan(): void {
    const dueMs = this.core.nextMultiple(this.phaseMs, this.core.profile.probeIntervalMs);
    this.core.timers.at(dueMs, () => {
      this.plan();
      // Whoever leaves accuses nobody any more.
      if (this.current === undefined && !this.core.leaving) this.next();
    });
  }

  private next(): void {
    const { core } = this;
    const isProbed = (member: Member): boolean => core.isOther(member) && !member.isGone;
    const member = core.members.next(isProbed, () => this.rules.forgetOld());
    if (member !== undefined) this.begin(member);
  }

  private begin(member: Member): void {
    const { core } = this;
    const { probeTimeoutMs, probeIntervalMs } = core.profile;
    const sequence = core.nextSequence();
    const probe: Probe = {
      member,
      incarnation: member.incarnation,
      sequence,
      deadlineMs: core.nowMs + core.health.scale(probeIntervalMs),
      timer: core.timers.at(core.nowMs + probeTimeoutMs, () => this.askOthers(probe)),
      nacksExpected: 0,
      nacks: 0,
    };
    this.current = probe;
    core.counters.probes++;
    core.waiting.set(sequence, {
      ack: () => this.succeed(probe),
      nack: () => probe.nacks++,
    });
    this.ping(probe);
  }

  private ping({ member, sequence }: Probe): void {
    const { node, at, state, incarnation } = member;
    const messages: PacketMessage[] = [{ type: 'ping', sequence, node, source: this.source() }];
    const suspected = state === 'suspect' && this.core.lifeguard;
    // It hears of the accusation first hand, and may contradict at once.
    if (suspected) messages.push({ type: 'suspect', node, incarnation, from: this.core.self.node });
    this.gossip.send(at, messages, suspected && readsChecksum(member));
  }

  private askOthers(probe: Probe): void {
    const { core } = this;
    const { member, sequence } = probe;
    const { node, at: target } = member;
    probe.timer = core.timers.at(probe.deadlineMs, () => this.fail(probe));
    const isHelper = (one: Member): boolean =>
      core.isOther(one) && one !== member && one.state === 'alive';
    for (const { at, protocolMax } of core.members.pick(core.profile.indirectChecks, isHelper)) {
      const nack = core.lifeguard && protocolMax >= understands.nack;
      if (nack) probe.nacksExpected++;
      const source = this.source();
      const message = { type: 'indirect-ping', sequence, node, target, nack, source } as const;
      this.gossip.send(at, [message], false);
    }
    this.pingByStream(probe);
  }

  private pingByStream(probe: Probe): void {
    const { core } = this;
    const { node, at, protocolMax } = probe.member;
    const understood = protocolMax >= understands.streamPing;
    if (core.options.streamPings === false || !understood) return;
    const ping = { type: 'ping', sequence: probe.sequence, node, source: this.source() } as const;
    probe.stream = this.streams.ask(at, ping, probe.deadlineMs - core.nowMs, {
      reply: (message) => {
        delete probe.stream;
        if (message.type !== 'ack' || message.sequence !== probe.sequence) return;
        core.counters.probesByStream++;
        core.emit({ kind: 'packets-lost', node });
        this.succeed(probe);
      },
      failed: () => delete probe.stream,
    });
  }

  private succeed(probe: Probe): void {
    this.core.health.add(-1);
    this.end(probe);
  }

  private fail(probe: Probe): void {
    const { core } = this;
    const { member, incarnation } = probe;
    core.counters.probesFailed++;
    // Helpers that do not even say that they got no answer: the trouble may be ours.
    const missing = Math.max(0, probe.nacksExpected - probe.nacks);
    core.health.add(probe.nacksExpected > 0 ? missing : 1);
    this.end(probe);
    const { node } = member;
    if (core.leaving) return;
    this.rules.suspect({ type: 'suspect', node, incarnation, from: core.self.node });
  }

  private end(probe: Probe): void {
    probe.timer.cancel();
    this.core.waiting.delete(probe.sequence);
    if (probe.stream !== undefined) this.streams.abandon(probe.stream);
    if (this.current === probe) this.current = undefined;
  }

  private source(): PeerAddress & { readonly node: string } {
    const { at, node } = this.core.self;
    return { address: at.address, port: at.port, node };
  }
}
