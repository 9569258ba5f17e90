import { describe, expect, it } from 'vitest';
import { defaultLimits, type MemberState, type StreamMessage } from '../../../src/gossip/index.js';
import { between, oneOf, seededRandom } from '../../sim/random.js';
import { at, Lone, memberOf } from './lone.js';

function pushPull(members: Record<string, string>): StreamMessage {
  const states = Object.entries(members).map(([node, text]): MemberState => memberOf(node, text));
  return { type: 'push-pull', join: false, members: states, userState: new Uint8Array() };
}

const others = { a: 'alive 2', b: 'alive 1', c: 'alive 1', d: 'alive 1' };

describe('a push-pull', () => {
  // What is known of a, what the peer says, what is known then.
  it.each([
    ['unknown', 'alive 1', 'alive 1'],
    ['unknown', 'suspect 1', 'unknown'],
    ['unknown', 'dead 1', 'unknown'],
    ['unknown', 'left 1', 'unknown'],
    ['alive 2', 'alive 3', 'alive 3'],
    ['alive 2', 'alive 1', 'alive 2'],
    ['alive 2', 'suspect 2', 'suspect 2'],
    ['alive 2', 'dead 2', 'suspect 2'],
    ['alive 2', 'dead 1', 'alive 2'],
    ['alive 2', 'left 2', 'left 2'],
  ])('%s, the peer says %s: %s', (before, theirs, after) => {
    const { a, ...rest } = others;
    const lone = new Lone({ others: before === 'unknown' ? rest : { a, ...rest } });
    lone.step({ kind: 'request', stream: -1, from: 'p', message: pushPull({ a: theirs }) });
    expect(lone.stateOf('a')).toBe(after);
  });

  it('is answered with what was known before it', () => {
    const lone = new Lone({ others: { b: 'alive 1' } });
    lone.step({ kind: 'request', stream: -1, from: 'p', message: pushPull({ a: 'alive 1' }) });
    const [reply] = lone.replies;
    const names = reply?.type === 'push-pull' ? reply.members.map(({ node }) => node).sort() : [];
    expect(names).toEqual(['b', 'm']);
  });

  it('is refused when one source asks too often', () => {
    const lone = new Lone({ limits: { requestsBurst: 5, requestsPerSecond: 2 } });
    const ask = (from: string): string | undefined => {
      lone.step({ kind: 'request', stream: -1, from, message: pushPull({}) });
      return lone.replies.splice(0)[0]?.type;
    };
    expect(Array.from({ length: 7 }, () => ask('p'))).toEqual([
      ...Array<string>(5).fill('push-pull'),
      'error',
      'error',
    ]);
    expect(ask('q')).toBe('push-pull');
    lone.pass(500);
    expect([ask('p'), ask('p')]).toEqual(['push-pull', 'error']);
    expect(lone.swim.counters.requestsRefused).toBe(3);
  });

  it('is refused whole when one member speaks a protocol that others do not', () => {
    const lone = new Lone({ others: { b: 'alive 1' } });
    const versions = { ...memberOf('a', 'alive 1').versions!, protocolMin: 6, protocolMax: 7 };
    const a = { ...memberOf('a', 'alive 1'), versions: { ...versions, protocol: 6 } };
    const message = { ...pushPull({}), members: [a] } as StreamMessage;
    lone.step({ kind: 'request', stream: -1, from: 'p', message });
    expect(lone.stateOf('a')).toBe('unknown');
    expect(lone.takeEvents()).toEqual(['merge-refused']);
  });
});

describe('joining', () => {
  /** When the member tried, while nobody answers. Unit: seconds. */
  function attempts(untilMs: number): number[] {
    const lone = new Lone();
    lone.use((swim, nowMs) => swim.join([at('a')], nowMs));
    const times: number[] = [];
    while (lone.nowMs < untilMs) {
      for (const { stream, message } of lone.opened.splice(0)) {
        if (message.type !== 'push-pull') continue;
        times.push(lone.nowMs / 1000);
        lone.step({ kind: 'stream-failed', stream, reason: 'refused' });
      }
      lone.pass(10);
    }
    return times;
  }

  it('is tried again, half as often each time, at least every 38 s', () => {
    const waits = attempts(20_000).map((time, index, times) => time - (times[index - 1] ?? 0));
    // 1, 2, 4 and 8 s, a quarter more or less.
    expect(waits.length).toBeGreaterThanOrEqual(4);
    for (const [index, wait] of waits.slice(1, 5).entries()) {
      expect(wait).toBeGreaterThanOrEqual(0.75 * 2 ** index - 0.01);
      expect(wait).toBeLessThanOrEqual(1.25 * 2 ** index + 0.02);
    }
  });

  it('ends with the first that answers', () => {
    const lone = new Lone();
    lone.use((swim, nowMs) => swim.join([at('a'), at('b')], nowMs));
    const [first, second] = lone.opened.splice(0);
    lone.step({ kind: 'stream-failed', stream: first!.stream, reason: 'refused' });
    lone.step({ kind: 'reply', stream: second!.stream, message: pushPull({ b: 'alive 1' }) });
    expect(lone.takeEvents()).toEqual(['join refused', 'joined b', 'join worked']);
    const asked = lone.swim.counters.joinAttempts;
    lone.pass(10_000);
    expect(lone.swim.counters.joinAttempts).toBe(asked);
  });

  it('never goes through ourselves', () => {
    const lone = new Lone();
    lone.use((swim, nowMs) => swim.join([at('m')], nowMs));
    expect(lone.opened).toEqual([]);
  });
});

describe('strangers', () => {
  /** One source names 10,000 members in a second; how many are known then. */
  function flood(lone: Lone, source: string, from: number): number {
    for (let n = 0; n < 10_000; n++) {
      const claim = memberOf(`x${from + n}`, 'alive 1');
      lone.hear({ ...claim, type: 'alive' }, source);
      if (n % 100 === 99) lone.pass(10);
    }
    return lone.swim.members().length;
  }

  it('are taken up in a limited number from one source', () => {
    const lone = new Lone();
    const { strangersBurst, strangersPerSecond } = defaultLimits;
    const known = flood(lone, 'b', 0);
    expect(known).toBeGreaterThan(strangersBurst);
    expect(known).toBeLessThanOrEqual(1 + strangersBurst + strangersPerSecond);
    expect(lone.swim.counters.membersRefused).toBe(10_000 - (known - 1));
    expect(lone.swim.queueSizes.broadcasts).toBeLessThanOrEqual(known);
  });

  it('are taken up until the table is full from all sources', () => {
    const lone = new Lone({ limits: { membersMax: 100 } });
    expect(['b', 'c'].map((source, index) => flood(lone, source, index * 10_000))).toEqual([
      100, 100,
    ]);
  });

  it('have names of 1 to 512 characters', () => {
    const lone = new Lone();
    for (const node of ['', 'x'.repeat(513), 'x'.repeat(512)])
      lone.hear({ ...memberOf('a', 'alive 1'), type: 'alive', node });
    expect(
      lone.swim
        .members()
        .map(({ node }) => node.length)
        .sort(),
    ).toEqual([1, 512]);
  });
});

describe('the dead', () => {
  /** Until when packets went to `a`, and when it was forgotten. Unit: seconds. */
  function lastPacketAfter(message: string): { readonly told: boolean; readonly known: string[] } {
    const lone = new Lone({ others });
    lone.hear(message);
    lone.takeSent();
    let told = false;
    const known: string[] = [];
    for (let second = 0; second < 40; second++) {
      lone.use((swim, nowMs) => swim.broadcast('news', Buffer.from('news'), nowMs));
      lone.pass(1_000);
      const toA = lone.takeSent().some(({ to }) => to === 'a');
      told ||= toA;
      if (second >= 31) expect(toA).toBe(false);
      if (second % 13 === 0) known.push(lone.stateOf('a'));
    }
    return { told, known };
  }

  it('are told for 30 s, for they may live, and then forgotten', () => {
    const { told, known } = lastPacketAfter('dead a 2 by b');
    expect(told).toBe(true);
    expect(known).toEqual(['dead 2', 'dead 2', 'dead 2', 'unknown']);
  });

  it('are not told when they left', () => {
    const { told, known } = lastPacketAfter('dead a 2 by a');
    expect(told).toBe(false);
    expect(known.at(-1)).toBe('unknown');
  });
});

describe('packets', () => {
  it('never exceed the budget, whatever waits', () => {
    for (const packetBytes of [200, 512, 1_400]) {
      const lone = new Lone({ others, packetBytes });
      const max = lone.swim.broadcastBytesMax;
      for (let n = 0; n < 200; n++) {
        const payload = Buffer.alloc((n * 37) % (max + 1));
        lone.use((swim, nowMs) => swim.broadcast(`b${n}`, payload, nowMs));
        lone.hear({ ...memberOf(`x${n}`, `alive 1 ${'y'.repeat(n % 100)}`), type: 'alive' });
        lone.pass(50);
      }
      const sizes = lone.packets.map(({ parts }) =>
        parts.reduce((sum, { length }) => sum + length + 2, 2),
      );
      expect(Math.max(...sizes)).toBeLessThanOrEqual(packetBytes);
      expect(lone.swim.counters.packetsSent).toBe(sizes.length);
      expect(() => lone.swim.broadcast('large', Buffer.alloc(max + 1), lone.nowMs)).toThrow(
        `at most ${max} fit`,
      );
    }
  });
});

describe('the clock', () => {
  it('may jump by any fraction: what is due is done, for the caller came when it was told to', () => {
    const lone = new Lone({ others });
    const random = seededRandom(1);
    for (let n = 1; n <= 2_000; n++) {
      lone.nowMs += between(random, -1, 1) * oneOf(random, [1, 1_000, 3_600_000]);
      lone.use((swim, nowMs) => swim.tick(nowMs));
      const dueMs = lone.swim.nextTickMs();
      lone.nowMs = dueMs;
      lone.use((swim, nowMs) => swim.tick(nowMs));
      expect(lone.swim.nextTickMs()).toBeGreaterThan(dueMs);
    }
  });

  it('may stand for a minute without anybody being accused', () => {
    const lone = new Lone({ others });
    const ping = lone.nextSent('ping');
    lone.nowMs += 60_000;
    lone.use((swim, nowMs) => swim.tick(nowMs));
    lone.hear({ type: 'ack', sequence: ping.sequence, payload: new Uint8Array() }, ping.node);
    lone.pass(400);
    expect(lone.takeEvents()).toEqual([]);
    expect(lone.swim.counters.stalls).toBe(1);
  });
});
