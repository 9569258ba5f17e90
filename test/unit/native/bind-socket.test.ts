import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { loadNative, type BindSocketOptions } from '../../../src/kernel/linux/native.js';

const native = loadNative();
const loopback = '127.0.0.1';

test('a UDP socket that dgram takes over', async () => {
  const fd = await native.bindSocket({ type: 'udp', address: loopback, port: 0 });
  const server = createSocket('udp4').bind({ fd });
  server.on('message', (bytes, { port, address }) => server.send(bytes, port, address));
  const client = createSocket('udp4');
  client.send('ping', server.address().port, loopback);
  const [answer] = (await once(client, 'message')) as [Buffer];
  expect(String(answer)).toBe('ping');
  client.close();
  server.close();
});

test('a TCP socket that net takes over', async () => {
  const fd = await native.bindSocket({ type: 'tcp', address: '::1', port: 0 });
  const server = createServer((socket) => socket.end('pong')).listen({ fd });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = createConnection({ host: '::1', port });
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(String(answer)).toBe('pong');
  client.destroy();
  server.close();
});

test('a port that is taken', async () => {
  const server = createSocket('udp4').bind(0, loopback);
  await once(server, 'listening');
  const at = { type: 'udp', address: loopback, port: server.address().port } as const;
  await expect(native.bindSocket(at)).rejects.toMatchObject({
    code: 'EADDRINUSE',
    syscall: 'bind',
  });
  server.close();
});

test.each<[string, object, object]>([
  ['no address', { address: 'localhost' }, { code: 'EINVAL' }],
  ['an address of somebody else', { address: '192.0.2.1' }, { code: 'EADDRNOTAVAIL' }],
  ['a namespace that is not there', { netns: '/run/netns/none' }, { code: 'ENOENT' }],
  ['no port', { port: 65_536 }, { name: 'RangeError' }],
  ['another type', { type: 'raw' }, { name: 'TypeError' }],
])('%s', async (_, wrong, error) => {
  const options = { type: 'udp', address: loopback, port: 0, ...wrong } as BindSocketOptions;
  await expect(native.bindSocket(options)).rejects.toMatchObject(error);
});

test('a descriptor belongs to the caller', async () => {
  const fd = await native.bindSocket({ type: 'udp', address: loopback, port: 0 });
  expect(() => closeSync(fd)).not.toThrow();
  expect(() => closeSync(fd)).toThrow('EBADF');
});
