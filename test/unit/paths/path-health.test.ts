import { describe, expect, it } from 'vitest';
import { isTrouble, PathHealth, type Outgoing, type PathState } from '../../../src/paths/index.js';

/** What the way from one end to the other does to a packet; true = it arrives. */
type Way = (bytes: Buffer, nowMs: number) => boolean;

const all: Way = () => true;
const none: Way = () => false;
const narrow: Way = (bytes) => bytes.length <= 1_300;

const addresses = {
  a: ['10.255.0.1', 'fd6d:6573:6800::1'],
  b: ['10.255.0.2', 'fd6d:6573:6800::2'],
} as const;
type End = keyof typeof addresses;
const ends: readonly End[] = ['a', 'b'];
const other = { a: 'b', b: 'a' } as const;

/** Two nodes with a way each, in virtual time. */
class Pair {
  nowMs = 0;
  delayMs = 3;
  sentPackets: { from: End; bytes: Buffer; isRequest: boolean }[] = [];
  readonly ways: Record<End, Way> = { a: all, b: all };
  readonly ends: Record<End, PathHealth> = { a: this.newEnd(1n), b: this.newEnd(2n) };
  private readonly turnMs: Record<End, number> = { a: 100, b: 650 };
  private readonly onTheWay: { to: End; from: string; bytes: Buffer; atMs: number }[] = [];
  private nonces = 1_000n;

  constructor() {
    for (const end of ends) this.introduce(end);
  }

  restart(end: End, session: bigint): void {
    this.ends[end] = this.newEnd(session);
    this.introduce(end);
  }

  run(seconds: number): void {
    const endMs = this.nowMs + seconds * 1_000;
    for (; this.nowMs < endMs; this.nowMs++) {
      for (const end of ends) {
        if (this.nowMs % 1_000 !== this.turnMs[end]) continue;
        this.ends[end].turn(this.nowMs).forEach((packet) => this.send(end, packet, true));
      }
      for (const one of this.onTheWay.filter(({ atMs }) => atMs === this.nowMs)) {
        this.onTheWay.splice(this.onTheWay.indexOf(one), 1);
        const answer = this.ends[one.to].received(one.from, one.bytes, this.nowMs);
        if (answer !== undefined) this.send(one.to, answer, false);
      }
    }
  }

  state(end: End): PathState {
    return this.ends[end].states(this.nowMs)[0]!;
  }

  /** `a's word, b's word`. */
  words(): string {
    return ends.map((end) => this.state(end).verdict).join(', ');
  }

  private newEnd(session: bigint): PathHealth {
    return new PathHealth({ session, nonce: () => this.nonces++ });
  }

  private introduce(end: End): void {
    this.ends[end].setPeers([{ node: other[end], addresses: addresses[other[end]] }], 1_450);
  }

  private send(from: End, { to, bytes }: Outgoing, isRequest: boolean): void {
    this.sentPackets.push({ from, bytes, isRequest });
    if (!this.ways[from](bytes, this.nowMs)) return;
    const source = addresses[from].find((one) => one.includes(':') === to.includes(':'))!;
    this.onTheWay.push({ to: other[from], from: source, bytes, atMs: this.nowMs + this.delayMs });
  }
}

interface Case {
  readonly is: string;
  /** From a to b, and back. */
  readonly out: Way;
  readonly back: Way;
  readonly want: string;
}

const lossy = (share: number): Way => {
  let count = 0;
  return () => ++count % Math.round(1 / share) !== 0;
};
/** IPv6 has ten bytes of payload less for each large packet: 1450 - 48. */
const without6: Way = (bytes) => bytes.length !== 1_402;

const cases: readonly Case[] = [
  { is: 'carries everything', out: all, back: all, want: 'ok, ok' },
  { is: 'carries nothing', out: none, back: none, want: 'lost, lost' },
  { is: 'carries nothing there', out: none, back: all, want: 'lost out, lost' },
  { is: 'carries nothing back', out: all, back: none, want: 'lost, lost out' },
  { is: 'carries small packets alone', out: narrow, back: narrow, want: 'large lost, large lost' },
  {
    is: 'carries only small ones there',
    out: narrow,
    back: all,
    want: 'large lost out, large lost in',
  },
  { is: 'loses every tenth packet', out: lossy(0.1), back: lossy(0.1), want: 'ok, ok' },
  {
    is: 'carries no large ones of IPv6',
    out: without6,
    back: all,
    want: 'large lost out, large lost in',
  },
];

describe('the way between two nodes', () => {
  it.each(cases)('that $is, from the start', ({ out, back, want }) => {
    const pair = new Pair();
    Object.assign(pair.ways, { a: out, b: back });
    pair.run(12);
    // Of what was never there it cannot be said that it was lost.
    expect(pair.words()).toBe(want.replaceAll(/\blost(?! out)(?<!large lost)/g, 'silent'));
  });

  it.each(cases)('that $is, after it was well, and then is well again', (one) => {
    const pair = new Pair();
    pair.run(20);
    expect(pair.words()).toBe('ok, ok');
    Object.assign(pair.ways, { a: one.out, b: one.back });
    pair.run(9);
    expect(pair.words()).toBe(one.want);
    pair.run(200);
    expect(pair.words()).toBe(one.want);
    Object.assign(pair.ways, { a: all, b: all });
    pair.run(5);
    expect(pair.words()).toBe('ok, ok');
  });

  it('is not called broken for single losses, nor known after two probes', () => {
    const pair = new Pair();
    pair.run(2);
    expect(pair.words()).toBe('unknown, unknown');
    pair.run(10);
    for (let round = 0; round < 20; round++) {
      pair.ways.a = none;
      pair.run(2);
      pair.ways.a = all;
      pair.run(2);
      expect(isTrouble(pair.state('a').verdict)).toBe(false);
    }
  });

  it('says which family is in trouble when the other is not', () => {
    const pair = new Pair();
    pair.ways.a = without6;
    pair.run(12);
    expect(pair.state('a')).toMatchObject({ verdict: 'large lost out', family: 6 });
    pair.ways.a = narrow;
    pair.run(12);
    expect(pair.state('a').family).toBeUndefined();
  });

  it('has figures', () => {
    const pair = new Pair();
    pair.run(20);
    pair.ways.a = narrow;
    pair.run(20);
    expect(pair.state('a')).toMatchObject({
      node: 'b',
      mtu: 1_450,
      peerMtu: 1_450,
      rttMs: 6,
      sent: 160,
      lost: 36,
      smallLoss: 0,
      smallAgeMs: 894,
      largeAgeMs: 20_894,
    });
    expect(pair.state('a').largeLoss).toBe(1);
    expect(pair.state('b').lost).toBe(0);
  });

  it('is not broken when answers are late, as those to a busy process are', () => {
    const pair = new Pair();
    pair.delayMs = 1_250;
    pair.run(20);
    expect(pair.words()).toBe('ok, ok');
    expect(pair.state('a').lost).toBeGreaterThan(50);
  });

  it('survives a restart of the other end', () => {
    const pair = new Pair();
    pair.run(20);
    pair.restart('b', 3n);
    pair.run(10);
    expect(pair.words()).toBe('ok, ok');
    pair.ways.a = narrow;
    pair.run(10);
    expect(pair.words()).toBe('large lost out, large lost in');
  });

  it('never answers with more than was asked', () => {
    const pair = new Pair();
    pair.run(10);
    const [requests, answers] = [true, false].map((wanted) =>
      pair.sentPackets.filter(({ isRequest }) => isRequest === wanted).map(({ bytes }) => bytes),
    );
    expect(new Set(answers!.map(({ length }) => length))).toEqual(new Set([64]));
    expect(new Set(requests!.map(({ length }) => length))).toEqual(new Set([64, 1_422, 1_402]));
    expect(answers!.length).toBeLessThanOrEqual(requests!.length);
  });
});

describe('strangers and forgers', () => {
  it('get no answer, and no packet is taken from an address that is nobody', () => {
    const pair = new Pair();
    pair.run(5);
    const request = pair.sentPackets.find(({ from }) => from === 'b')!.bytes;
    expect(pair.ends.a.received('10.255.9.9', request, pair.nowMs)).toBeUndefined();
    expect(pair.ends.a.received('10.255.0.2', Buffer.from('hello'), pair.nowMs)).toBeUndefined();
  });

  it('cannot make a node answer without end', () => {
    const pair = new Pair();
    pair.run(12);
    const request = pair.sentPackets.filter((one) => one.from === 'b' && one.isRequest).at(-1)!;
    const answers = Array.from({ length: 1_000 }, () =>
      pair.ends.a.received('10.255.0.2', request.bytes, pair.nowMs),
    );
    expect(answers.filter((one) => one !== undefined).length).toBeLessThanOrEqual(16);
    pair.run(9);
    expect(pair.words()).toBe('ok, ok');
  });

  it('cannot answer what they have not read', () => {
    const pair = new Pair();
    pair.run(12);
    pair.ways.a = none;
    const seen = pair.sentPackets.filter((one) => one.from === 'b' && !one.isRequest).at(-1)!;
    for (let round = 0; round < 9; round++) {
      pair.run(1);
      const forged = Buffer.from(seen.bytes);
      forged.writeUInt32BE(forged.readUInt32BE(32) + round + 1, 32);
      pair.ends.a.received('10.255.0.2', forged, pair.nowMs);
    }
    expect(pair.state('a').verdict).toBe('lost out');
  });

  it('cannot spoil what is known of the peer by requests in its name', () => {
    const pair = new Pair();
    pair.run(12);
    const real = pair.sentPackets.find((one) => one.from === 'b' && one.isRequest)!.bytes;
    const forged = Buffer.from(real);
    forged.writeBigUInt64BE(77n, 8);
    forged.writeBigUInt64BE(0n, 16);
    forged.writeUInt32BE(4_000_000_000, 32);
    pair.ends.a.received('10.255.0.2', forged, pair.nowMs);
    pair.run(9);
    expect(pair.words()).toBe('ok, ok');
  });
});

describe('many nodes', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => {
      return { node: `n${i}`, addresses: [`10.255.${i >> 8}.${i & 255}`] };
    });

  it('have their turn one after the other, a second each, and at least every half minute', () => {
    const health = new PathHealth({ session: 1n, nonce: () => 1n });
    expect(health.turn(0)).toEqual([]);
    expect(health.pauseMs).toBe(1_000);
    health.setPeers(many(3), 1_450);
    const order = [1, 2, 3, 4].map((now) => health.turn(now).map(({ to }) => to));
    expect(order.flat()).toEqual([0, 0, 1, 1, 2, 2, 0, 0].map((i) => `10.255.0.${i}`));
    expect(health.pauseMs).toBe(1_000);
    health.setPeers(many(1_000), 1_450);
    expect(health.pauseMs).toBe(30);
  });

  it('keep what is known of them while others come and go', () => {
    const health = new PathHealth({ session: 1n, nonce: () => 1n });
    health.setPeers(many(2), 1_450);
    health.turn(0);
    health.turn(1);
    health.setPeers(many(3), 1_450);
    expect(health.turn(2).map(({ to }) => to)).toEqual(['10.255.0.0', '10.255.0.0']);
    expect(health.states(3).map(({ sent }) => sent)).toEqual([4, 2, 0]);
    health.setPeers([], 0);
    expect(health.states(4)).toEqual([]);
  });
});
