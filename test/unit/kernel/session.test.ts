import { describe, expect, test } from 'vitest';
import {
  MessageWriter,
  dumpInterrupted,
  flag,
  messagesOf,
} from '../../../src/kernel/linux/message.js';
import {
  NetlinkSession,
  batchBytesMax,
  type Exchange,
  type NetlinkSocket,
} from '../../../src/kernel/linux/session.js';

interface Reply {
  type: number;
  flags?: number;
  sequence?: number;
  errno?: number;
  text?: string;
  body?: Buffer;
}

/** One message as the kernel would send it; `errno` makes it an error or the end of a dump. */
function reply({ type, flags = 0, sequence = 1, errno, text, body }: Reply): Buffer {
  const writer = new MessageWriter();
  writer.begin(type, flags | (text === undefined ? 0 : 0x300), sequence);
  if (errno !== undefined) writer.u32(-errno >>> 0);
  if (type === 2) writer.raw(Buffer.alloc(16));
  if (text !== undefined) writer.attributeString(1, text);
  if (body !== undefined) writer.raw(body);
  writer.end();
  return Buffer.from(writer.bytes());
}

function request(sequence: number, bodyBytes = 0): Buffer {
  const writer = new MessageWriter();
  writer.begin(0x20, flag.request, sequence);
  writer.raw(Buffer.alloc(bodyBytes));
  writer.end();
  return Buffer.from(writer.bytes());
}

class ScriptedSocket implements NetlinkSocket {
  readonly sent: { bytes: Buffer; oneByOne: boolean }[] = [];
  constructor(private readonly answers: Partial<Exchange>[]) {}

  exchange(requests: Uint8Array, options?: { oneByOne?: boolean }): Promise<Exchange> {
    this.sent.push({ bytes: Buffer.from(requests), oneByOne: options?.oneByOne ?? false });
    const answer = this.answers.shift() ?? {};
    const whole = { replies: Buffer.alloc(0), overrun: false, errno: 0, sent: requests.length };
    return Promise.resolve({ ...whole, ...answer });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function sessionWith(...answers: Partial<Exchange>[]) {
  const socket = new ScriptedSocket(answers);
  return { socket, session: new NetlinkSession(socket) };
}

const done = reply({ type: 3, errno: 0 });
const payload = (text: string, flags = 0) => reply({ type: 0x20, flags, body: Buffer.from(text) });
const dumpTexts = async (session: NetlinkSession) =>
  (await session.dump('list things', request(1))).map((message) => message.body.toString());

describe('transact', () => {
  test('silence is success', async () => {
    const { session } = sessionWith({});
    expect(await session.transact(request(1))).toEqual(new Map());
  });

  test('refusals are found by sequence, with the text of the kernel where there is one', async () => {
    const replies = Buffer.concat([
      reply({ type: 2, sequence: 7, errno: 17 }),
      reply({ type: 2, sequence: 8, errno: 0 }),
      reply({ type: 2, sequence: 9, errno: 22, text: 'Invalid prefix' }),
    ]);
    const { session } = sessionWith({ replies });
    expect([...(await session.transact(request(7)))]).toEqual([
      [7, { errno: 17 }],
      [9, { errno: 22, message: 'Invalid prefix' }],
    ]);
    expect(session.counters.refusals).toBe(2);
  });

  test('a large batch is cut between messages, a whole one is not', async () => {
    const messages = Buffer.concat(Array.from({ length: 5 }, (_, i) => request(i + 1, 50_000)));
    const { session, socket } = sessionWith();
    await session.transact(messages);
    expect(socket.sent.map(({ bytes }) => [...messagesOf(bytes)].length)).toEqual([2, 2, 1]);
    expect(socket.sent.every(({ bytes }) => bytes.length <= batchBytesMax)).toBe(true);
    await session.transact(messages, { whole: true });
    expect(socket.sent.at(-1)!.bytes.length).toBe(messages.length);
  });

  test('lost replies make the outcome unknown', async () => {
    const { session } = sessionWith({ overrun: true });
    await expect(session.transact(request(1))).rejects.toThrow(
      'netlink batch: replies were lost, outcome unknown (ENOBUFS)',
    );
    expect(session.failed).toBe(false);
  });

  test('a failing socket fails the batch and the session', async () => {
    const { session } = sessionWith({ errno: 1, sent: 0 });
    await expect(session.transact(request(1))).rejects.toThrow('CAP_NET_ADMIN is missing');
    expect(session.failed).toBe(true);
  });
});

describe('dump', () => {
  test('returns what lies between the control messages', async () => {
    const replies = Buffer.concat([payload('aaaa'), payload('bbbb'), done]);
    const { session, socket } = sessionWith({ replies });
    expect(await dumpTexts(session)).toEqual(['aaaa', 'bbbb']);
    expect(socket.sent[0]!.oneByOne).toBe(true);
  });

  test.each<[string, Partial<Exchange>]>([
    ['was interrupted', { replies: Buffer.concat([payload('old.', dumpInterrupted), done]) }],
    ['lost replies', { replies: payload('old.'), overrun: true }],
  ])('is repeated when it %s', async (_, first) => {
    const { session } = sessionWith(first, { replies: Buffer.concat([payload('new.'), done]) });
    expect(await dumpTexts(session)).toEqual(['new.']);
  });

  test('gives up after a bounded number of attempts', async () => {
    const { session, socket } = sessionWith(
      ...Array<Partial<Exchange>>(20).fill({ overrun: true }),
    );
    await expect(dumpTexts(session)).rejects.toThrow(
      'list things: incomplete after 8 attempts (ENOBUFS)',
    );
    expect(socket.sent).toHaveLength(8);
    expect(session.counters.overruns).toBe(8);
  });

  test.each<[string, Buffer]>([
    ['as an error', reply({ type: 2, errno: 95, text: 'not here' })],
    ['at its end', reply({ type: 3, errno: 95 })],
  ])('fails when it is refused %s', async (_, replies) => {
    const { session } = sessionWith({ replies });
    await expect(dumpTexts(session)).rejects.toMatchObject({ errno: 95 });
  });

  test('many requests are spread over exchanges', async () => {
    const requests = Buffer.concat(Array.from({ length: 1100 }, (_, i) => request(i + 1)));
    const { session, socket } = sessionWith();
    await session.dump('list things', requests);
    const counts = socket.sent.map(({ bytes }) => [...messagesOf(bytes)].length);
    expect(counts).toEqual([512, 512, 76]);
  });

  test('a reply cut short is not read beyond its end', async () => {
    const { session } = sessionWith({ replies: payload('aaaa').subarray(0, 18) });
    expect(await dumpTexts(session)).toEqual([]);
  });
});

test('sequence numbers start at 1 and grow', () => {
  const { session } = sessionWith();
  expect([session.nextSequence(), session.nextSequence()]).toEqual([1, 2]);
});
