import { describe, expect, test } from 'vitest';
import type { Log } from '../../../src/base/index.js';
import { decodeSerf, encodeIntent, encodeSerfState } from '../../../src/mesh/serf-codec.js';
import { SerfLayer } from '../../../src/mesh/serf.js';
import { SimClock } from '../../support/sim-clock.js';

/** A member whose broadcasts are kept, in words: `join m 3`. */
function member(name = 'm') {
  const clock = new SimClock();
  const told: string[] = [];
  const lines: string[] = [];
  const dones: (() => void)[] = [];
  const note = (_: object, line: string): void => void lines.push(line);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const serf = new SerfLayer({
    self: name,
    clock,
    log,
    broadcast: (_, payload, done) => {
      told.push(textOf(payload));
      if (done !== undefined) dones.push(done);
    },
  });
  return { serf, clock, told, lines, dones };
}

function textOf(bytes: Uint8Array): string {
  const message = decodeSerf(bytes);
  if (typeof message === 'string') return message;
  const { value } = message;
  return `${value.type} ${'node' in value ? value.node : value.name} ${value.time}`;
}

function event(time: number, name: string): Buffer {
  const [ltime, key] = [Buffer.from('LTime'), Buffer.from('Name')];
  return Buffer.from([
    ...[3, 0x82, 0xa5, ...ltime, 0xcd, time >> 8, time & 0xff],
    ...[0xa4, ...key, 0xa0 | name.length, ...Buffer.from(name)],
  ]);
}

const intent = (type: 'join' | 'leave', node: string, time: number): Buffer =>
  encodeIntent({ type, node, time });

const stateOf = (time: number, node: string, left: boolean): Buffer =>
  encodeSerfState({ time, eventTime: time, queryTime: time }, { node, statusTime: time - 1, left });

const ours = Buffer.from('M...');

describe('among members of serf', () => {
  test('our messages ride on one that serf ignores', () => {
    const { serf, told } = member();
    const bytes = serf.wrap(ours);
    expect(textOf(bytes)).toBe('join m 0');
    expect(serf.receive(bytes)).toEqual(ours);
    expect(serf.receiveState(serf.wrapState(ours), false)).toEqual(ours);
    expect(told).toEqual([]);
  });

  test('we say that we came and went, later than all that we heard of', async () => {
    const { serf, told, dones, clock } = member();
    serf.joined();
    serf.receiveState(stateOf(40, 's', false), true);
    serf.receive(intent('join', 's', 50));
    let left = 0;
    serf.leave(5_000, () => left++);
    expect(told).toEqual(['join m 1', 'join s 50', 'leave m 51']);
    await clock.advance(100);
    expect(left).toBe(0);
    dones[0]!();
    await clock.advance(10_000);
    expect(left).toBe(1);
  });

  test('a leave that nobody hears ends all the same', async () => {
    const { serf, clock } = member();
    let left = 0;
    serf.leave(5_000, () => left++);
    await clock.advance(5_000);
    expect(left).toBe(1);
  });

  test('whoever says that we left is contradicted, until we leave', () => {
    const { serf, told } = member();
    serf.joined();
    serf.receive(intent('leave', 'm', 1));
    serf.receive(intent('leave', 'm', 9));
    serf.receiveState(stateOf(20, 'm', true), false);
    serf.leave(0, () => undefined);
    serf.receive(intent('leave', 'm', 100));
    expect(told).toEqual(['join m 1', 'join m 10', 'join m 21', 'leave m 22']);
  });

  test('intents, events and queries are passed on once', () => {
    const { serf, told, lines } = member();
    for (let times = 0; times < 2; times++) {
      serf.receive(intent('leave', 's', 5));
      serf.receive(intent('join', 's', 4));
      serf.receive(event(5, 'deploy'));
      serf.receive(event(5, 'other'));
    }
    expect(told).toEqual(['leave s 5', 'event deploy 5', 'event other 5']);
    expect(lines).toEqual(['serf event deploy', 'serf event other']);
    expect(serf.counters).toMatchObject({ events: 2, intents: 1 });
  });

  test('old events are not heard, nor those from before we came', () => {
    const { serf, lines } = member();
    serf.receive(event(1_000, 'new'));
    serf.receive(event(488, 'old'));
    serf.receiveState(stateOf(1_100, 's', false), true);
    serf.receive(event(1_099, 'before'));
    serf.receive(event(1_100, 'after'));
    expect(lines).toEqual(['serf event new', 'serf event after']);
  });

  test('nobody can make us count too far', () => {
    const { serf, told } = member();
    serf.receive(intent('leave', 'm', 2 ** 32 - 1));
    serf.joined();
    serf.leave(0, () => undefined);
    expect(told.at(-1)).toBe(`leave m ${2 ** 32 - 1}`);
    expect(serf.receiveState(serf.wrapState(ours), false)).toEqual(ours);
  });

  test('what is remembered is bounded', () => {
    const { serf, lines } = member();
    for (let time = 1; time < 5_000; time++) serf.receive(event(time, 'x'));
    for (let n = 0; n < 1_000; n++) serf.receive(event(6_000, `x${n}`));
    expect(lines).toHaveLength(4_999 + 64);
  });
});
