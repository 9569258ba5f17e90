import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { DnsServer } from '../../../src/dns/index.js';
import { openDnsStreams } from '../../../src/io/index.js';
import { loadNative } from '../../../src/kernel/linux/native.js';
import { handlersFor, mesh, query } from '../dns/mesh.js';

const opened: { close?(): unknown; destroy?(): unknown }[] = [];
afterEach(() => opened.splice(0).forEach((one) => (one.close ?? one.destroy)?.call(one)));

/** A client of a server that answers so. */
async function connect(answer: (bytes: Buffer) => Buffer | undefined): Promise<Socket> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  const fd = await loadNative().bindSocket({ type: 'tcp', address: '127.0.0.1', port });
  opened.push(openDnsStreams({ fd, answer, failed: () => undefined }));
  const client = createConnection({ host: '127.0.0.1', port });
  opened.push(client);
  await once(client, 'connect');
  return client;
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

it('takes a message as long as they can be', async () => {
  const dns = new DnsServer(handlersFor([]));
  const client = await connect((bytes) => dns.answer(bytes, mesh(['front']), 'tcp') as Buffer);
  // All that is behind the question is an option of EDNS that nobody knows.
  const whole = Buffer.alloc(0xffff);
  const head = query('web', 'A', { edns: 1_232 });
  head.copy(whole);
  const left = whole.length - head.length;
  whole.writeUInt16BE(left, head.length - 2);
  whole.writeUInt16BE(65_001, head.length);
  whole.writeUInt16BE(left - 4, head.length + 2);
  client.write(framed(whole));
  const [response] = (await once(client, 'data')) as [Buffer];
  expect(response.readUInt16BE(0)).toBe(response.length - 2);
  expect(response.toString('hex')).toContain('0a4000c8');
});

it('answers many at once, in the order in which they came', async () => {
  const client = await connect((bytes) => bytes);
  const messages = Array.from({ length: 1_000 }, (_, i) => Buffer.of(i >> 8, i & 0xff));
  const all = Buffer.concat(messages.map(framed));
  client.write(all);
  let received = Buffer.alloc(0);
  client.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
  while (received.length < all.length) await once(client, 'data');
  expect(received.equals(all)).toBe(true);
});

it('takes no more of somebody who does not read, and goes on when he does', async () => {
  let answered = 0;
  const response = Buffer.alloc(60_000);
  const client = await connect(() => {
    answered++;
    return response;
  });
  client.pause();
  // Ten times what the kernel has room for on the way, were they all answered.
  const queries = 2_000;
  client.write(Buffer.concat(Array.from({ length: queries }, () => framed(Buffer.alloc(12)))));
  let before = -1;
  while (answered !== before) {
    before = answered;
    // Another connection is served meanwhile, so that this one had its turn.
    const other = await connect((bytes) => bytes);
    other.write(framed(Buffer.alloc(12)));
    await once(other, 'data');
  }
  expect(answered).toBeGreaterThan(0);
  expect(answered).toBeLessThan(queries / 2);
  let received = 0;
  client.on('data', (bytes: Buffer) => (received += bytes.length));
  client.resume();
  while (answered < 2 * before + 10) await once(client, 'data');
  expect(received).toBeGreaterThan(0);
});
