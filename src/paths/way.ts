import { encodePacket, packetBytesMin, type ProbePacket, type ProbeSize } from './packet.js';
import { hasSeen, nothingSeen, seenWith, type Seen } from './seen.js';
import type { Outcome, Turn, WayFacts } from './verdict.js';

/** Of this end, the same towards all peers. */
export interface OwnEnd {
  readonly session: bigint;
  /** 64 bits that nobody can guess. */
  readonly nonce: () => bigint;
}

/** What takes longer is counted as lost, and believed all the same when it comes. Unit: milliseconds. */
export const answerLimitMs = 2_000;
/** Turns that are remembered: what loss is counted over. */
const turnsMax = 16;
/** Of an honest peer two requests come in a turn; more than this are somebody else's. */
const answersPerSecond = 16;

interface Probe {
  readonly nonce: bigint;
  outcome: Outcome;
}

interface OpenTurn extends Turn {
  readonly probes: Readonly<Record<ProbeSize, Probe>>;
  arrived?: boolean;
}

/** What is known of the way to one address of one node, and what goes there next. */
export class Way implements WayFacts {
  readonly turns: OpenTurn[] = [];
  heardMs?: number;
  seen: Readonly<Record<ProbeSize, Seen>> = { small: nothingSeen, large: nothingSeen };
  firstSeen = 0;
  /** Since the way is known; of both sizes. */
  readonly totals = { sent: 0, lost: 0 };
  /** Of the last answer to a small request. */
  rttMs?: number;
  readonly answeredMs: Partial<Record<ProbeSize, number>> = {};
  /** Of the peer's device. */
  peerMtu?: number;
  private lastTurn = 0;
  private answered = { sinceMs: -Infinity, count: 0 };
  private peerSession = 0n;

  constructor(private readonly own: OwnEnd) {}

  /** The requests of the next turn. `mtu`: of this end's device; `largeBytes`: of a large request. */
  nextTurn(now: number, mtu: number, largeBytes: number): Buffer[] {
    const turn = openTurn(++this.lastTurn, now, this.own.nonce);
    this.turns.push(turn);
    if (this.turns.length > turnsMax) this.turns.shift();
    this.totals.sent += 2;
    const request = (size: ProbeSize, bytes: number): Buffer => {
      const { nonce } = turn.probes[size];
      const packet = this.packet({ kind: 'request', size, nonce, turn: turn.number, mtu });
      return encodePacket(packet, bytes);
    };
    return [request('small', packetBytesMin), request('large', largeBytes)];
  }

  /** What was not answered by now is lost. */
  expire(now: number): void {
    for (const { sentMs, probes } of this.turns) {
      if (now - sentMs < answerLimitMs) continue;
      for (const probe of Object.values(probes)) {
        if (probe.outcome !== 'pending') continue;
        probe.outcome = 'lost';
        this.totals.lost++;
      }
    }
  }

  /** Returns the answer to it; undefined when there were too many. */
  request(packet: ProbePacket, now: number, mtu: number): Buffer | undefined {
    if (now - this.answered.sinceMs >= 1_000) this.answered = { sinceMs: now, count: 0 };
    if (++this.answered.count > answersPerSecond) return undefined;
    this.heardMs = now;
    // Who gives our number back has read what we sent: its own word is not a stranger's.
    if (packet.peerSession === this.own.session) {
      this.meet(packet);
      const { size, turn } = packet;
      if (this.firstSeen === 0) this.firstSeen = turn;
      this.seen = { ...this.seen, [size]: seenWith(this.seen[size], turn) };
    }
    const { size, nonce, turn } = packet;
    return encodePacket(this.packet({ kind: 'answer', size, nonce, turn, mtu }));
  }

  answer(packet: ProbePacket, now: number): void {
    const turn = this.turns.find(({ number }) => number === packet.turn);
    const probe = turn?.probes[packet.size];
    if (probe === undefined || probe.nonce !== packet.nonce || probe.outcome === 'answered') return;
    probe.outcome = 'answered';
    this.heardMs = now;
    this.answeredMs[packet.size] = now;
    if (packet.size === 'small') this.rttMs = now - turn!.sentMs;
    this.meet(packet);
  }

  private packet(part: Pick<ProbePacket, 'kind' | 'size' | 'nonce' | 'turn' | 'mtu'>): ProbePacket {
    const { own, peerSession, seen } = this;
    return { ...part, session: own.session, peerSession, seen };
  }

  /** What the peer says, known to be the peer's. */
  private meet({ session, peerSession, seen, mtu }: ProbePacket): void {
    if (session !== this.peerSession) {
      this.peerSession = session;
      this.seen = { small: nothingSeen, large: nothingSeen };
      this.firstSeen = 0;
    }
    this.peerMtu = mtu;
    if (peerSession !== this.own.session) return;
    for (const turn of this.turns) {
      const arrived = hasSeen(seen.small, turn.number);
      if (arrived !== undefined) turn.arrived = arrived;
    }
  }
}

function openTurn(number: number, sentMs: number, nonce: () => bigint): OpenTurn {
  const probes = {
    small: { nonce: nonce(), outcome: 'pending' as Outcome },
    large: { nonce: nonce(), outcome: 'pending' as Outcome },
  };
  const outcome = {
    get small() {
      return probes.small.outcome;
    },
    get large() {
      return probes.large.outcome;
    },
  };
  return { number, sentMs, probes, outcome };
}
