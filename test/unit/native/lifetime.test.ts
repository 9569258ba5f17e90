import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { loadNative, type NetlinkSocket } from '../../../src/kernel/linux/native.js';
import { NLM_F_DUMP, addonPath, getLink, parse } from './messages.js';

const native = loadNative();
const ABSENT = 0x7fff0000;
const QUEUE = 1024;

const opened: NetlinkSocket[] = [];
const open = async (): Promise<NetlinkSocket> => {
  const socket = await native.open({ protocol: 0 });
  opened.push(socket);
  return socket;
};

afterEach(async () => {
  await Promise.all(opened.splice(0).map((socket) => socket.close()));
});

/** Keeps a pool thread busy long enough for anything the JavaScript thread does meanwhile. */
const longBatch = Buffer.concat(
  Array.from({ length: 4000 }, (_, i) => getLink(i, { index: ABSENT })),
);

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

test('2,000 exchanges in flight keep their order and their answers', async () => {
  const sockets = await Promise.all([open(), open(), open(), open()]);
  const finished = new Map<NetlinkSocket, number[]>(sockets.map((s) => [s, []]));
  await Promise.all(
    Array.from({ length: 2000 }, async (_, i) => {
      const socket = sockets[i % sockets.length]!;
      const { replies } = await socket.exchange(getLink(i, { index: 1 }));
      expect(parse(replies).map((m) => m.seq)).toEqual([i]);
      finished.get(socket)!.push(i);
    }),
  );
  for (const order of finished.values()) {
    expect(order).toHaveLength(500);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  }
});

test('the queue is bounded', async () => {
  const socket = await open();
  const results = await Promise.allSettled(
    Array.from({ length: QUEUE + 3 }, () => socket.exchange(getLink(1, { index: 1 }))),
  );
  // One runs, 1,024 wait.
  expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(QUEUE + 1);
  for (const result of results.slice(QUEUE + 1)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ERR_QUEUE_FULL' } });
  }
  await socket.exchange(getLink(1, { index: 1 }));
});

test('close waits for the running exchange and rejects the waiting ones', async () => {
  const socket = await open();
  const events: string[] = [];
  const running = socket.exchange(longBatch).then((result) => {
    events.push('ran');
    return result;
  });
  const waiting = [socket.exchange(longBatch), socket.exchange(longBatch)];
  const closed = Promise.all([socket.close(), socket.close()]).then(() => events.push('closed'));
  const refused = await Promise.allSettled(waiting);
  expect(events).toEqual([]);
  for (const result of refused) {
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'ERR_CLOSED', errno: 9 },
    });
  }
  expect(parse((await running).replies)).toHaveLength(4000);
  await closed;
  expect(events).toEqual(['ran', 'closed']);
});

test('after close everything is refused, and close may be called again', async () => {
  const socket = await open();
  await socket.close();
  await socket.close();
  await expect(socket.exchange(longBatch)).rejects.toMatchObject({ code: 'ERR_CLOSED', errno: 9 });
  expect(() => socket.listen(() => undefined)).toThrow(
    expect.objectContaining({ code: 'ERR_CLOSED' }),
  );
  expect([socket.portId, socket.receiveBufferBytes]).toEqual([0, 0]);
});

test('listening and exchanging exclude each other', async () => {
  const socket = await open();
  const running = socket.exchange(longBatch);
  expect(() => socket.listen(() => undefined)).toThrow(
    expect.objectContaining({ code: 'ERR_BUSY' }),
  );
  await running;
  expect(() => socket.listen('x' as never)).toThrow(TypeError);
  socket.listen(() => undefined);
  expect(() => socket.listen(() => undefined)).toThrow(
    expect.objectContaining({ code: 'ERR_LISTENING' }),
  );
  await expect(socket.exchange(longBatch)).rejects.toMatchObject({ code: 'ERR_LISTENING' });
});

test('no descriptor is lost over 1,000 sockets', async () => {
  await (await open()).close();
  const before = openDescriptors();
  for (let round = 0; round < 20; round++) {
    const sockets = await Promise.all(
      Array.from({ length: 50 }, () => native.open({ protocol: 0 })),
    );
    expect(new Set(sockets.map((s) => s.portId)).size).toBe(50);
    sockets.slice(25).forEach((s) => s.listen(() => undefined));
    const answers = sockets.slice(0, 25).map((s) => s.exchange(getLink(1, { flags: NLM_F_DUMP })));
    await Promise.all([...answers, ...sockets.map((s) => s.close())]);
  }
  expect(openDescriptors()).toBe(before);
});

/** Runs in a worker thread, with the path of the addon for its data. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const native = require(workerData.addon);
  const request = Buffer.from(workerData.request);
  (async () => {
    const sockets = await Promise.all([0, 1, 2].map(() => native.open({ protocol: 0 })));
    const listener = await native.open({ protocol: 0, groups: [1] });
    listener.listen(() => undefined);
    if (workerData.mode === 'listen') return parentPort.postMessage('up');
    for (const socket of sockets) {
      for (let i = 0; i < 500; i++) socket.exchange(request).catch(() => undefined);
    }
    native.readFile('/proc/self/maps').catch(() => undefined);
    if (workerData.mode === 'exit') process.exit(0);
    if (workerData.mode === 'throw') throw new Error('planned');
    parentPort.postMessage('up');
    // Calls in a tight loop, so that terminate() hits the middle of a call.
    for (;;) {
      for (let i = 0; i < 2000; i++) sockets[i % 3].exchange(request).catch(() => undefined);
      await new Promise(setImmediate);
    }
  })().catch((error) => { setImmediate(() => { throw error; }); });
`;

async function runWorker(mode: string): Promise<number> {
  const worker = new Worker(WORKER, {
    eval: true,
    workerData: { mode, addon: addonPath(), request: longBatch },
  });
  return new Promise((resolve, reject) => {
    worker.on('message', () => void worker.terminate());
    worker.on('error', (error) => (error.message === 'planned' ? undefined : reject(error)));
    worker.on('exit', resolve);
  });
}

test.each(['exit', 'throw', 'terminate', 'listen'])(
  'a worker thread may end at any time: %s',
  async (mode) => {
    await runWorker(mode);
    const before = openDescriptors();
    await Promise.all([runWorker(mode), runWorker(mode)]);
    await runWorker(mode);
    expect(openDescriptors()).toBe(before);
    // This thread's own copy of the addon is untouched.
    const socket = await open();
    expect(parse((await socket.exchange(getLink(1, { index: 1 }))).replies)).toHaveLength(1);
  },
  30_000,
);
