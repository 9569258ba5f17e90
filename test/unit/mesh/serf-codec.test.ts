import { describe, expect, test } from 'vitest';
import {
  decodeSerf,
  decodeSerfState,
  encodeIntent,
  encodeSerfState,
} from '../../../src/mesh/serf-codec.js';
import { vectors } from '../../support/gossip-vectors.js';
import { expectNoThrow } from '../../support/random-bytes.js';

/** What serf 0.9.4 and 0.10.1 sent, out of its packets. */
const captured = vectors
  .filter(({ name }) => name.startsWith('serf-'))
  .flatMap(({ name, messages }) =>
    messages.flatMap((message) => {
      if (message.type === 'user') return [{ name, bytes: Buffer.from(message.payload) }];
      if (message.type !== 'push-pull') return [];
      return [{ name, bytes: Buffer.from(message.userState) }];
    }),
  );

function capturedOf(type: number): Buffer[] {
  return captured.filter(({ bytes }) => bytes[0] === type).map(({ bytes }) => bytes);
}

const none = Buffer.alloc(0);

describe("serf's messages", () => {
  test.each([
    [0, [{ type: 'leave', time: 2, node: 's2' }]],
    [1, [{ type: 'join', time: 1, node: 's2' }]],
  ] as const)('are written as serf writes them: type %i', (type, [intent]) => {
    expect(capturedOf(type)).toContainEqual(encodeIntent(intent));
  });

  test('are read', () => {
    expect(capturedOf(3).map((bytes) => decodeSerf(bytes))).toContainEqual({
      value: {
        type: 'event',
        time: 1,
        name: 'deploy',
        payload: Buffer.from('payload-123'),
        coalesce: true,
      },
      rest: none,
    });
    expect(capturedOf(4).map((bytes) => decodeSerf(bytes))).toContainEqual({
      value: { type: 'query', time: 1, id: 0x136ccdc6, name: 'uptime', flags: 1 },
      rest: none,
    });
    expect(decodeSerf(capturedOf(0)[0]!)).toMatchObject({ value: { time: 2 }, rest: none });
  });

  test('are told apart from what is not needed, and from what is not its', () => {
    expect(capturedOf(5).map((bytes) => decodeSerf(bytes))).toContain('foreign');
    expect(decodeSerf(none)).toBe('malformed');
    expect(decodeSerf(Buffer.from('M'))).toBe('malformed');
    expect(decodeSerf(Buffer.from([1, 0x82]))).toBe('malformed');
  });

  test('carry what follows them', () => {
    const rest = Buffer.from('ours');
    const intent = { type: 'join', time: 0, node: 'm' } as const;
    const bytes = Buffer.concat([encodeIntent(intent), rest]);
    expect(decodeSerf(bytes)).toEqual({ value: intent, rest });
  });
});

describe("serf's state", () => {
  test('is read', () => {
    expect(capturedOf(2).length).toBeGreaterThan(3);
    expect(capturedOf(2).map((bytes) => decodeSerfState(bytes))).toContainEqual({
      value: {
        time: 1,
        eventTime: 1,
        queryTime: 1,
        statusTimes: new Map([
          ['s1', 0],
          ['s3', 0],
        ]),
        left: [],
        events: [],
      },
      rest: none,
    });
  });

  test('is read with its events', () => {
    const events = Buffer.from([
      ...[
        2,
        0x81,
        0xa6,
        ...Buffer.from('Events'),
        0x93,
        0xc0,
        0x82,
        0xa6,
        ...Buffer.from('Events'),
      ],
      ...[0x91, 0x82, 0xa4, ...Buffer.from('Name'), 0xa1, 0x78, 0xa7, ...Buffer.from('Payload')],
      ...[0xa1, 0x79, 0xa5, ...Buffer.from('LTime'), 7, 0xc0],
    ]);
    expect(decodeSerfState(events)).toMatchObject({
      value: {
        events: [{ type: 'event', time: 7, name: 'x', payload: Buffer.from('y'), coalesce: false }],
      },
    });
  });

  test.each([true, false])('is written so that it can be read (left: %s)', (left) => {
    const times = { time: 300, eventTime: 2, queryTime: 70_000 };
    const bytes = encodeSerfState(times, { node: 'm', statusTime: 299, left });
    const statusTimes = new Map([['m', 299]]);
    expect(decodeSerfState(bytes)).toEqual({
      value: { ...times, statusTimes, left: left ? ['m'] : [], events: [] },
      rest: none,
    });
  });

  test('is nothing else', () => {
    expect(decodeSerfState(none)).toBe('malformed');
    expect(decodeSerfState(capturedOf(1)[0]!)).toBe('malformed');
  });
});

test('bytes of any kind do no harm', () => {
  const samples = captured.map(({ bytes }) => bytes);
  expectNoThrow(samples, decodeSerf);
  expectNoThrow(samples, decodeSerfState);
});
