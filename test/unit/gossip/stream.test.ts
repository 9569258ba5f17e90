import { describe, expect, it } from 'vitest';
import {
  encodeStream,
  Keyring,
  type PushPull,
  StreamReader,
  type UserMessage,
  wireLimits,
  wireOptions,
} from '../../../src/gossip/index.js';
import { compress } from '../../../src/gossip/wire/lzw.js';
import { compressMessage } from '../../../src/gossip/wire/compress.js';
import { encodeStreamMessage } from '../../../src/gossip/wire/stream-message.js';

const plain = wireOptions({});
const uncompressed = wireOptions({ compress: false });
const labelled = wireOptions({ label: 'east' });
const sealed = wireOptions({ keyring: new Keyring(Buffer.alloc(32, 1)) });
const ack = { type: 'ack', sequence: 1, payload: Buffer.alloc(0) } as const;

function read(bytes: Buffer, options = plain, side: 'request' | 'reply' = 'request') {
  return new StreamReader(options, side).push(bytes);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Head of a push-pull: Nodes and UserStateLen as given. */
function pushPullHead(members: string, userState: string): string {
  return `06 83 a44a6f696ec2 a54e6f646573${members} ac5573657253746174654c656e${userState}`;
}

/** {Addr 10.0.0.1, Name x, Port 7946, State 0}, or with something else in place. */
function member(fields: Partial<Record<'Addr' | 'Name' | 'Port' | 'State', string>>): string {
  const values = { Addr: 'a40a000001', Name: 'a178', Port: 'cd1f0a', State: '00', ...fields };
  const entries = Object.entries(values).map(
    ([name, value]) =>
      (0xa0 | name.length).toString(16) + Buffer.from(name).toString('hex') + value,
  );
  return `84${entries.join('')}`;
}

describe('a stream', () => {
  it.each([
    ['a type of packets', hex('03 80'), plain, 'unknown-type'],
    ['encryption without keys', encodeStream(ack, sealed, 'reply'), plain, 'undecryptable'],
    ['plain text with keys', encodeStream(ack, plain, 'reply'), sealed, 'not-encrypted'],
    ['a frame above 8 MiB', hex('0a 00800001'), sealed, 'too-large'],
    ['no label', encodeStream(ack, plain, 'request'), labelled, 'label'],
    ['the first byte of no label', hex('02'), labelled, 'label'],
    ['a label where none is', encodeStream(ack, labelled, 'request'), plain, 'label'],
    ['too many members', hex(pushPullHead('ce00100001', '00')), plain, 'too-large'],
    ['too much user state', hex(pushPullHead('00', 'ce01400001')), plain, 'too-large'],
    [
      'too large a user message',
      hex('08 81 aa557365724d73674c656e ce01400001'),
      plain,
      'too-large',
    ],
    ['a map above 64 KiB', hex('02 81 a178 daffff'), plain, 'too-large'],
    ['text above 64 KiB', hex('00 81 a178 db00100000'), plain, 'too-large'],
    [
      'compression twice',
      compressMessage(compressMessage(encodeStreamMessage(ack))),
      plain,
      'too-deep',
    ],
    ['4 billion entries', hex('02 dfffffffff'), plain, 'too-large'],
  ] as const)('with %s is dropped', (_, bytes, options, reason) => {
    expect(read(bytes, options)).toBe(reason);
  });

  it('is cut off when it ends too early', () => {
    const bytes = encodeStream(ack, sealed, 'request');
    const reader = new StreamReader(sealed, 'request');
    expect(reader.push(bytes.subarray(0, -1))).toBeUndefined();
    expect(reader.end()).toBe('truncated');
    expect(reader.push(bytes)).toBe('truncated');
  });

  it('carries the label in the request alone, and authenticates it in both', () => {
    const keyring = new Keyring(Buffer.alloc(16, 1));
    const east = wireOptions({ keyring, label: 'east' });
    const reply = encodeStream(ack, east, 'reply');
    expect(encodeStream(ack, east, 'request').length - reply.length).toBe(2 + 4);
    expect(read(reply, east, 'reply')).toEqual(ack);
    expect(read(reply, wireOptions({ keyring }), 'reply')).toBe('undecryptable');
    expect(read(encodeStream(ack, east, 'request'), east, 'reply')).toBe('label');
  });

  it('leaves out members that nobody could be', () => {
    const odd = [
      member({ Addr: 'a3010203' }),
      member({ Name: 'a0' }),
      member({ Port: '00' }),
      member({ State: '09' }),
      '80',
    ];
    const bytes = hex(
      pushPullHead('07', '00') + member({}) + odd.join('') + member({ Name: 'a179' }),
    );
    const { members } = read(bytes) as PushPull;
    expect(members.map(({ node }) => node)).toEqual(['x', 'y']);
  });

  it.each([0, 31, 32, 255, 256, 65_535, 65_536, 1_000_000])('carries %i bytes', (size) => {
    for (const options of [plain, uncompressed, sealed]) {
      const payload = Buffer.alloc(size, 'some text');
      const bytes = encodeStream({ type: 'user', payload }, options, 'request');
      const received = read(bytes, options) as UserMessage;
      expect(payload.equals(received.payload)).toBe(true);
    }
  });

  it('refuses to send what no peer would read', () => {
    const payload = Buffer.alloc(wireLimits.userState + 1);
    const send = (): unknown => encodeStream({ type: 'user', payload }, plain, 'request');
    expect(send).toThrow('encode a stream: 8388609 bytes; peers read 8388608');
  });

  it('is inflated to 12 MiB and no further', () => {
    const size = wireLimits.stream + 1;
    const bomb = compressMessage(Buffer.alloc(size, 6));
    expect(bomb.length).toBeLessThan(64 * 1024);
    expect(read(bomb)).toBe('too-large');
    expect(compress(Buffer.alloc(size - 1)).length).toBeLessThan(64 * 1024);
  });

  it('is looked at once when it has no length and comes in small pieces', () => {
    const userState = Buffer.alloc(300_000, 5);
    const at = { address: '10.0.0.1', port: 7946 };
    const members = Array.from({ length: 5000 }, (_, i) => {
      const meta = Buffer.alloc(20);
      return { node: `node-${i}`, at, meta, incarnation: i, state: 'alive' as const };
    });
    const sent: PushPull = { type: 'push-pull', join: true, members, userState };
    const bytes = encodeStream(sent, uncompressed, 'request');
    const reader = new StreamReader(plain, 'request');
    for (let i = 0; i < bytes.length - 1; i++) {
      if (reader.push(bytes.subarray(i, i + 1)) !== undefined) throw new Error(`decided at ${i}`);
    }
    const received = reader.push(bytes.subarray(-1)) as PushPull;
    expect(received.members.length).toBe(5000);
    expect(userState.equals(received.userState)).toBe(true);
  });
});
