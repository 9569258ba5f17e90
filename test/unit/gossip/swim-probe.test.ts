import { describe, expect, it } from 'vitest';
import type { PacketMessage, Ping } from '../../../src/gossip/index.js';
import { at, Lone, textOf } from './lone.js';

const others = { a: 'alive 1', b: 'alive 1', c: 'alive 1', d: 'alive 1' };
const payload = new Uint8Array();

/** `m`, and the first ping that it sent. */
function probing(known: Record<string, string> = others): { lone: Lone; ping: Ping } {
  const lone = new Lone({ others: known });
  const ping = lone.nextSent('ping');
  return { lone, ping };
}

/** What was sent that has to do with this probe: `b: indirect-ping a nack`. */
function sentFor(lone: Lone, sequence: number): string[] {
  const isOfProbe = (one: PacketMessage): boolean => 'sequence' in one && one.sequence === sequence;
  return lone
    .takeSent()
    .flatMap(({ to, messages }) => messages.filter(isOfProbe).map((one) => `${to}: ${textOf(one)}`))
    .sort();
}

/** All but the one that is asked. */
function helpersOf({ node }: Ping): string[] {
  return Object.keys(others).filter((name) => name !== node);
}

describe('a probe', () => {
  it('is over when it is answered in time', () => {
    const { lone, ping } = probing();
    lone.pass(400);
    lone.hear({ type: 'ack', sequence: ping.sequence, payload }, ping.node);
    lone.pass(500);
    expect(sentFor(lone, ping.sequence)).toEqual([]);
    expect(lone.swim.counters).toMatchObject({ probesFailed: 0, suspicions: 0 });
    expect(lone.swim.queueSizes.waiting).toBeLessThanOrEqual(1);
  });

  it('is repeated by three others and over a stream after the timeout', () => {
    const { lone, ping } = probing();
    lone.pass(498);
    expect(sentFor(lone, ping.sequence)).toEqual([]);
    lone.pass(2);
    const wanted = helpersOf(ping).map((name) => `${name}: indirect-ping ${ping.node} nack`);
    expect(sentFor(lone, ping.sequence)).toEqual(wanted);
    expect(lone.opened).toHaveLength(1);
    expect(lone.opened[0]).toMatchObject({ to: at(ping.node), expectReply: true });
    expect(lone.opened[0]!.message).toMatchObject({ type: 'ping', node: ping.node });
  });

  it('succeeds by the word of one of them', () => {
    const { lone, ping } = probing();
    lone.pass(700);
    lone.hear({ type: 'ack', sequence: ping.sequence, payload }, helpersOf(ping)[0]);
    lone.pass(400);
    expect(lone.takeEvents()).toEqual([]);
  });

  it('succeeds over the stream, which says that packets get lost', () => {
    const { lone, ping } = probing();
    lone.pass(700);
    const { stream } = lone.opened[0]!;
    const message = { type: 'ack', sequence: ping.sequence, payload } as const;
    lone.step({ kind: 'reply', stream, message });
    lone.pass(400);
    expect(lone.takeEvents()).toEqual(['packets-lost']);
    expect(lone.swim.counters).toMatchObject({ probesByStream: 1, probesFailed: 0 });
  });

  it('does not believe the stream of a wrong one', () => {
    const { lone, ping } = probing();
    lone.pass(700);
    const { stream } = lone.opened[0]!;
    const message = { type: 'ack', sequence: ping.sequence + 1, payload } as const;
    lone.step({ kind: 'reply', stream, message });
    lone.pass(400);
    expect(lone.takeEvents()).toEqual([`suspected ${ping.node}`]);
  });

  it('ends in suspicion after the interval', () => {
    const { lone, ping } = probing();
    lone.pass(998);
    expect(lone.takeEvents()).toEqual([]);
    lone.pass(2);
    expect(lone.takeEvents()).toEqual([`suspected ${ping.node}`]);
    expect(lone.swim.counters).toMatchObject({ probesFailed: 1, suspicions: 1 });
  });

  it('accuses nobody of whom something newer was heard meanwhile', () => {
    const { lone, ping } = probing();
    lone.pass(600);
    lone.hear(`alive ${ping.node} 2`);
    lone.pass(500);
    expect(lone.stateOf(ping.node)).toBe('alive 2');
    expect(lone.swim.counters).toMatchObject({ probesFailed: 1, suspicions: 0 });
  });

  // Helpers that do not even say that they got no answer: the trouble may be ours.
  it.each([
    [0, 3],
    [1, 2],
    [3, 0],
  ])('with %i nacks of 3 makes our health worse by %i', (nacks, worse) => {
    const { lone, ping } = probing();
    lone.pass(900);
    for (let n = 0; n < nacks; n++) lone.hear({ type: 'nack', sequence: ping.sequence });
    lone.pass(100);
    expect(lone.swim.healthScore).toBe(worse);
  });

  it('without helpers makes our health worse by one', () => {
    const { lone } = probing({ a: 'alive 1' });
    lone.pass(1_000);
    expect(lone.swim.healthScore).toBe(1);
  });

  it('takes longer the worse our health is', () => {
    const lone = new Lone({ others: { a: 'alive 1' } });
    lone.hear('suspect m 1 by a');
    lone.hear('suspect m 2 by a');
    lone.nextSent('ping');
    lone.pass(2_998);
    expect(lone.stateOf('a')).toBe('alive 1');
    lone.pass(2);
    expect(lone.stateOf('a')).toBe('suspect 1');
  });

  it('tells the suspect what it is accused of, first hand', () => {
    const { lone } = probing({ a: 'alive 1' });
    lone.hear('suspect a 1 by b');
    lone.pass(2_500);
    const together = lone.takeSent().filter(({ messages }) => messages[0]?.type === 'ping');
    expect(together.some(({ messages }) => messages.map(textOf).includes('suspect a 1 by m'))).toBe(
      true,
    );
  });
});

/** What `m` answers to `a`, of acks, nacks and pings. */
function answers(lone: Lone): string[] {
  return lone
    .takeSent()
    .flatMap(({ to, messages }) =>
      messages
        .filter(({ type }) => type === 'ack' || type === 'nack' || type === 'ping')
        .map(
          (one) => `${to}: ${textOf(one)}${one.type === 'ping' ? '' : ` ${String(seqOf(one))}`}`,
        ),
    );
}

function seqOf(message: PacketMessage): number | undefined {
  return 'sequence' in message ? message.sequence : undefined;
}

describe('pings of others', () => {
  it.each([
    ['m', ['a: ack 7']],
    ['', ['a: ack 7']],
    ['M', []],
    ['other', []],
  ])('for "%s" are answered with %j', (node, wanted) => {
    const lone = new Lone();
    lone.hear({ type: 'ping', sequence: 7, node }, 'a');
    expect(answers(lone)).toEqual(wanted);
  });

  /** `a` asks `m` to ping `z`; the ping that goes out. */
  function relaying(nack: boolean): { lone: Lone; sequence: number } {
    const lone = new Lone();
    lone.hear({ type: 'indirect-ping', sequence: 7, node: 'z', target: at('z'), nack }, 'a');
    const [packet] = lone.takeSent();
    expect(packet?.to).toBe('z');
    return { lone, sequence: seqOf(packet!.messages[0]!)! };
  }

  it('are passed on, and so is the answer', () => {
    const { lone, sequence } = relaying(true);
    expect(sequence).not.toBe(7);
    lone.hear({ type: 'ack', sequence, payload }, 'z');
    expect(answers(lone)).toEqual(['a: ack 7']);
    lone.pass(1_000);
    expect(answers(lone)).toEqual([]);
  });

  it.each([
    [true, ['a: nack 7']],
    [false, []],
  ])('are passed on in vain: nack wanted %s, sent %j', (nack, wanted) => {
    const { lone } = relaying(nack);
    lone.pass(499);
    expect(answers(lone)).toEqual([]);
    lone.pass(1);
    expect(answers(lone)).toEqual(wanted);
    expect(lone.swim.queueSizes.waiting).toBe(0);
  });

  it('are passed on no more often than the limit at once', () => {
    const lone = new Lone({ limits: { relaysMax: 10 } });
    for (let sequence = 0; sequence < 50; sequence++)
      lone.hear({ type: 'indirect-ping', sequence, node: 'z', target: at('z'), nack: true }, 'a');
    expect(answers(lone)).toHaveLength(10);
    expect(lone.swim.counters).toMatchObject({ relayed: 10, relaysRefused: 40 });
  });
});
