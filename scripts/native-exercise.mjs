// Walks every path of the native addon that allocates, then exits normally, so that a leak checker
// gets to look. Part of scripts/sanitize.
import { createRequire } from 'node:module';
import { Worker, isMainThread } from 'node:worker_threads';

const native = createRequire(import.meta.url)(process.env.MESHD_ADDON);

/** RTM_GETLINK of one interface, or a dump of all. */
function getLink(index, flags = 1) {
  const message = Buffer.alloc(32);
  message.writeUInt32LE(32, 0);
  message.writeUInt16LE(18, 4);
  message.writeUInt16LE(flags, 6);
  message.writeInt32LE(index, 20);
  return message;
}

const dumps = Buffer.concat([getLink(0, 0x301), getLink(0, 0x301)]);

for (let round = 0; round < 50; round++) {
  const socket = await native.open({ protocol: 0, netns: '/proc/self/ns/net' });
  const listener = await native.open({ protocol: 0, groups: [1] });
  listener.listen(() => undefined);
  await Promise.allSettled([
    native.open({ protocol: 31 }),
    native.open({ protocol: 'x' }),
    native.open({ protocol: 0, netns: '/absent' }),
    native.open({ protocol: 0, netns: '/etc/passwd' }),
    native.readFile('/proc/self/maps', { netns: '/proc/self/ns/net' }),
    native.readFile('/proc/self/maps', { maxBytes: 1 }),
    native.writeFile('/absent', Buffer.from('x')),
    socket.exchange(dumps, { oneByOne: true }),
    socket.exchange(dumps.subarray(1), { oneByOne: true }),
    socket.exchange(Buffer.alloc(8 << 20)),
    ...Array.from({ length: 1100 }, () => socket.exchange(getLink(1))),
    listener.exchange(dumps),
  ]);
  const responder = new native.Responder(() => undefined);
  for (const port of [0, 0]) {
    responder.add(await native.bindSocket({ type: 'udp', address: '127.0.0.1', port }), 1, 10);
  }
  const question = Buffer.from('\x03web\0\0\x01\0\x01', 'latin1');
  const kept = { flags: 0, answers: 0, authority: 0, turnBytes: 0, counter: 0 };
  for (const name of ['web', 'app', 'web']) {
    question.write(name, 1);
    responder.put(1, question, { ...kept, records: Buffer.alloc(9), labels: [name, 'all'] });
  }
  responder.forget('web');
  responder.respond(1, Buffer.concat([Buffer.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0), question]));
  if (round % 2 === 0) responder.close(); // else left to the collector
  socket.exchange(dumps);
  socket.exchange(dumps).catch(() => undefined);
  await Promise.all([socket.close(), socket.close(), listener.close()]);
  native.netnsId();
  await native.open({ protocol: 0 }); // never closed: left to the collector
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
}
