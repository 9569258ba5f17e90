import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadNative, type NetlinkSocket } from '../../../src/kernel/linux/native.js';
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_ACK,
  NLM_F_DUMP,
  RTM_NEWLINK,
  dumpAddresses,
  errorOf,
  getLink,
  linkName,
  parse,
} from './messages.js';

const native = loadNative();
const ENODEV = 19;
const EMSGSIZE = 90;
const ABSENT = 0x7fff0000;

let socket: NetlinkSocket;

beforeEach(async () => {
  socket = await native.open({ protocol: 0 });
});

afterEach(() => socket.close());

test('a dump ends with NLMSG_DONE and carries our port', async () => {
  const { replies, ...rest } = await socket.exchange(getLink(7, { flags: NLM_F_DUMP }));
  expect(rest).toEqual({ overrun: false, errno: 0, sent: 32 });
  const messages = parse(replies);
  expect(messages.at(-1)!.type).toBe(NLMSG_DONE);
  expect(messages.every((m) => m.seq === 7 && m.pid === socket.portId)).toBe(true);
  const links = messages.filter((m) => m.type === RTM_NEWLINK);
  expect(links.map(linkName)).toContain('lo');
});

test('a batch answers every message, errors in order', async () => {
  const count = 2000;
  const batch = Array.from({ length: count }, (_, i) =>
    getLink(i, { index: i % 3 === 0 ? ABSENT : 1, flags: NLM_F_ACK }),
  );
  const { replies, overrun, errno, sent } = await socket.exchange(Buffer.concat(batch));
  expect({ overrun, errno, sent }).toEqual({ overrun: false, errno: 0, sent: count * 32 });

  const verdicts = parse(replies).filter((m) => m.type === NLMSG_ERROR);
  expect(verdicts.map((m) => m.seq)).toEqual(batch.map((_, i) => i));
  expect(verdicts.map(errorOf)).toEqual(batch.map((_, i) => (i % 3 === 0 ? ENODEV : 0)));
  expect(parse(replies).filter((m) => m.type === RTM_NEWLINK)).toHaveLength(
    batch.filter((_, i) => i % 3 !== 0).length,
  );
});

test('oneByOne runs several dumps on one socket', async () => {
  const requests = Buffer.concat([
    getLink(1, { flags: NLM_F_DUMP }),
    dumpAddresses(2),
    getLink(3, { index: ABSENT }),
    getLink(4, { flags: NLM_F_DUMP }),
  ]);
  const { replies, errno, sent } = await socket.exchange(requests, { oneByOne: true });
  expect({ errno, sent }).toEqual({ errno: 0, sent: requests.length });
  const messages = parse(replies);
  const sequence = messages.map((m) => m.seq);
  expect(sequence).toEqual(sequence.toSorted((a, b) => a - b));
  const ends = messages.filter((m) => m.type === NLMSG_DONE || m.type === NLMSG_ERROR);
  expect(ends.map((m) => [m.seq, m.type])).toEqual([
    [1, NLMSG_DONE],
    [2, NLMSG_DONE],
    [3, NLMSG_ERROR],
    [4, NLMSG_DONE],
  ]);
});

test('the extended acknowledgement says why', async () => {
  const wrong = getLink(1, { flags: NLM_F_DUMP });
  wrong.writeUInt8(200, 17); // padding of ifinfomsg: only strict checking looks at it
  const [answer] = parse((await socket.exchange(wrong)).replies);
  expect(errorOf(answer!)).toBe(22);
  expect(answer!.body.toString('latin1')).toContain('Invalid values in header');
});

test('the bytes are copied before the call returns', async () => {
  const request = getLink(1, { index: 1 });
  const pending = socket.exchange(request);
  request.fill(0xff);
  const [link] = parse((await pending).replies);
  expect(linkName(link!)).toBe('lo');
});

test('a view into a larger buffer sends only itself', async () => {
  const store = Buffer.concat([Buffer.alloc(5, 0xff), getLink(9, { index: 1 }), Buffer.alloc(9)]);
  const { replies, sent } = await socket.exchange(
    new Uint8Array(store.buffer, store.byteOffset + 5, 32),
  );
  expect(sent).toBe(32);
  expect(parse(replies).map((m) => m.seq)).toEqual([9]);
});

test('a refused send is an errno, not an exception', async () => {
  const { replies, errno, sent, overrun } = await socket.exchange(Buffer.alloc(8 << 20));
  expect({ errno, sent, overrun }).toEqual({ errno: EMSGSIZE, sent: 0, overrun: false });
  expect(replies).toHaveLength(0);
  // It had no effect: the socket goes on.
  expect(parse((await socket.exchange(getLink(1, { index: 1 }))).replies)).toHaveLength(1);
});

test('a tiny receive buffer overruns, and the socket recovers', async () => {
  const tiny = await native.open({ protocol: 0, receiveBufferBytes: 1 });
  expect(tiny.receiveBufferBytes).toBeLessThan(10_000);
  const batch = Array.from({ length: 1000 }, (_, i) => getLink(i, { index: ABSENT }));
  const lossy = await tiny.exchange(Buffer.concat(batch));
  expect(lossy.overrun).toBe(true);
  expect(lossy.errno).toBe(0);
  expect(lossy.sent).toBe(32_000);
  expect(parse(lossy.replies).length).toBeLessThan(1000);

  const next = await tiny.exchange(getLink(5000, { index: ABSENT }));
  expect(next.overrun).toBe(false);
  expect(parse(next.replies).map((m) => m.seq)).toEqual([5000]);
  await tiny.close();
});

test('the receive buffer is the requested size, doubled by the kernel, unless capped', () => {
  expect(socket.receiveBufferBytes).toBeGreaterThan(64 * 1024);
  expect(socket.portId).toBeGreaterThan(0);
});

const framed = getLink(1, { index: 1 });
const withLength = (length: number): Buffer => {
  const message = Buffer.from(framed);
  message.writeUInt32LE(length, 0);
  return message;
};

test.each([
  ['not bytes', 'abc', undefined, TypeError],
  ['a plain array', [1, 2], undefined, TypeError],
  ['another typed array', new Uint32Array(8), undefined, TypeError],
  ['an ArrayBuffer', new ArrayBuffer(32), undefined, TypeError],
  ['nothing', undefined, undefined, TypeError],
  ['an empty buffer', Buffer.alloc(0), undefined, RangeError],
  ['options that are no object', framed, 1, TypeError],
  ['a null for options', framed, null, TypeError],
  ['oneByOne that is no boolean', framed, { oneByOne: 1 }, TypeError],
  ['a length below the header', withLength(12), { oneByOne: true }, RangeError],
  ['a length beyond the buffer', withLength(36), { oneByOne: true }, RangeError],
  ['a huge length', withLength(0xffffffff), { oneByOne: true }, RangeError],
  ['a length of zero', withLength(0), { oneByOne: true }, RangeError],
  ['an unaligned length', withLength(31), { oneByOne: true }, RangeError],
  [
    'a rest after the last',
    Buffer.concat([framed, Buffer.alloc(3)]),
    { oneByOne: true },
    RangeError,
  ],
])('exchange rejects %s', async (_, requests, options, kind) => {
  await expect(socket.exchange(requests as never, options as never)).rejects.toThrow(kind);
});

test('exchange rejects a detached buffer', async () => {
  const bytes = new Uint8Array(32);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  await expect(socket.exchange(bytes)).rejects.toThrow(RangeError);
});

test('a getter that throws rejects with its exception', async () => {
  const options = {
    get oneByOne(): boolean {
      throw new Error('from the getter');
    },
  };
  await expect(socket.exchange(framed, options)).rejects.toThrow('from the getter');
});

test('methods need a Socket for this', () => {
  const { exchange } = socket as { exchange: (this: unknown, bytes: Uint8Array) => unknown };
  expect(() => exchange.call({}, framed)).toThrow(TypeError);
});

test('a Socket made by its constructor is a closed one', async () => {
  const made = new (socket.constructor as new () => NetlinkSocket)();
  await expect(made.exchange(framed)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  await made.close();
});

test.each([
  ['no options', undefined, TypeError],
  ['a string for protocol', { protocol: '0' }, TypeError],
  ['a fraction for protocol', { protocol: 0.5 }, RangeError],
  ['NaN for protocol', { protocol: NaN }, RangeError],
  ['a number for netns', { protocol: 0, netns: 1 }, TypeError],
  ['an empty netns', { protocol: 0, netns: '' }, RangeError],
  ['a NUL in netns', { protocol: 0, netns: 'a\0b' }, RangeError],
  ['groups that are no array', { protocol: 0, groups: 1 }, TypeError],
  ['group 0', { protocol: 0, groups: [0] }, RangeError],
  ['a buffer of zero', { protocol: 0, receiveBufferBytes: 0 }, RangeError],
])('open rejects %s', async (_, options, kind) => {
  await expect(native.open(options as never)).rejects.toThrow(kind);
});

test('open tells what failed', async () => {
  await expect(native.open({ protocol: 31 })).rejects.toMatchObject({
    errno: 93,
    code: 'EPROTONOSUPPORT',
    syscall: 'socket',
  });
  await expect(native.open({ protocol: 0, netns: '/run/netns/absent' })).rejects.toMatchObject({
    errno: 2,
    code: 'ENOENT',
    syscall: 'open',
    path: '/run/netns/absent',
    message: "ENOENT: no such file or directory, open '/run/netns/absent'",
  });
});
