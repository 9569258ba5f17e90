import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import { openProbeSocket, type ProbeSocket } from '../../../src/io/index.js';

const open: ProbeSocket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.close()));

/** Two addresses of this machine, and a port that is free on both. */
const pair = ['127.0.0.1', '127.0.0.2'] as const;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

async function listen(address: string, port: number): Promise<[ProbeSocket, string[]]> {
  const got: string[] = [];
  const socket = await openProbeSocket(
    { address, port },
    {
      received: (from, bytes) => got.push(`${from} ${bytes.toString()}`),
      refused: (reason) => got.push(`refused: ${reason}`),
    },
  );
  open.push(socket);
  return [socket, got];
}

describe('a socket for probes', () => {
  test('sends from its own port to the same port, and takes from that one alone', async () => {
    const port = await freePort();
    const [one] = await listen(pair[0], port);
    const [two, got] = await listen(pair[1], port);
    const stranger = createSocket('udp4');
    await new Promise<void>((resolve) => stranger.send('no', port, pair[1], () => resolve()));
    stranger.close();
    one.send(pair[1], Buffer.from('yes'));
    await expect.poll(() => got).toEqual(['127.0.0.1 yes']);
    two.close();
    open.pop();
    two.send(pair[0], Buffer.from('too late'));
  });

  test('says what the kernel refuses, and which address it does not have', async () => {
    const port = await freePort();
    const [one, got] = await listen(pair[0], port);
    one.send(pair[1], Buffer.alloc(70_000));
    await expect.poll(() => got.join()).toMatch(/^refused: send EMSGSIZE/);
    await expect(listen('192.0.2.1', port)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(`^listen for probes on 192.0.2.1:${port}: `) as string,
    });
  });
});
