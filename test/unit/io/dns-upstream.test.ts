import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { decode, encode, type Packet } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { dnsUpstream } from '../../../src/io/index.js';
import { query } from '../dns/mesh.js';

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const answer = (question: Buffer, more: Partial<Packet> = {}): Buffer => {
  const { id, questions = [] } = decode(question);
  const answers = [{ name: 'web', type: 'A', ttl: 5, data: '192.0.2.80' } as const];
  return encode({ id: id!, type: 'response', flags: 0x0180, questions, answers, ...more });
};

/** Answers each question by UDP with these messages, and by TCP with one. */
async function serve(
  udp: (question: Buffer) => readonly Buffer[],
  tcp?: (question: Buffer) => Buffer,
): Promise<number> {
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      const response = tcp!(bytes.subarray(2));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(response.length);
      // In pieces, as it may come.
      socket.write(Buffer.concat([length, response.subarray(0, 5)]));
      setImmediate(() => socket.end(response.subarray(5)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    for (const response of udp(question)) socket.send(response, from.port, from.address);
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  closers.push(
    () => server.close(),
    () => socket.close(),
  );
  return port;
}

/** Cuts short what it says by UDP, and says by TCP a byte now and then. */
async function serveSlowly(): Promise<number> {
  const port = await serve((question) => [answer(question, { flags: 0x0380, answers: [] })]);
  for (const close of closers.splice(0, 1)) close();
  const server = createServer((socket) => {
    const timer = setInterval(() => socket.write(Buffer.of(1)), 10);
    socket.on('error', () => undefined).on('close', () => clearInterval(timer));
  }).listen(port, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  return port;
}

describe('another name server', () => {
  it('is believed only with the id and the question that were asked', async () => {
    const port = await serve((question) => {
      const [id, name] = [answer(question), answer(query('other', 'A'))];
      id.writeUInt16BE((id.readUInt16BE(0) + 1) % 0x1_0000);
      return [id, name, Buffer.of(1, 2, 3), question, answer(question)];
    });
    const asked = query('web', 'A');
    expect(await dnsUpstream('127.0.0.1', port).exchange(asked, 5_000)).toEqual(answer(asked));
  });

  it('is asked by TCP when its answer was cut short', async () => {
    const port = await serve(
      (question) => [answer(question, { flags: 0x0380, answers: [] })],
      (question) => answer(question),
    );
    const asked = query('web', 'A');
    expect(await dnsUpstream('127.0.0.1', port).exchange(asked, 5_000)).toEqual(answer(asked));
  });

  it('that is slow byte by byte by TCP: an error when its time is over', async () => {
    const port = await serveSlowly();
    const asked = dnsUpstream('127.0.0.1', port).exchange(query('web', 'A'), 100);
    await expect(asked).rejects.toThrow(`ask 127.0.0.1:${port}: no answer in 0.1 s by TCP`);
  });

  it('that says nothing, or is not there: an error', async () => {
    const port = await serve(() => []);
    await expect(dnsUpstream('127.0.0.1', port).exchange(query('web', 'A'), 50)).rejects.toThrow(
      `ask 127.0.0.1:${port}: no answer in 0.05 s`,
    );
    for (const close of closers.splice(0)) close();
    await expect(dnsUpstream('127.0.0.1', port).exchange(query('web', 'A'), 5_000)).rejects.toThrow(
      'ECONNREFUSED',
    );
  });
});
