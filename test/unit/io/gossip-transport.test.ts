import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { GossipHandlers, GossipTransport } from '../../../src/gossip/index.js';
import { openGossipTransport, type GossipTransportOptions } from '../../../src/io/index.js';

const open: GossipTransport[] = [];
afterEach(() => Promise.all(open.splice(0).map((transport) => transport.close())));

const deaf: GossipHandlers = {
  packet: () => undefined,
  accepted: () => ({ received: () => undefined, closed: () => undefined }),
};

async function listen(
  handlers: Partial<GossipHandlers>,
  options: GossipTransportOptions = {},
  address = '127.0.0.1',
) {
  const all = { ...deaf, ...handlers };
  const transport = await openGossipTransport({ address, port: 0 }, all, options);
  open.push(transport);
  return transport;
}

function promised<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

describe('the gossip transport', () => {
  test.each(['127.0.0.1', '::1'])('carries packets from its own port (%s)', async (address) => {
    const got = promised<string>();
    const receiver = await listen(
      { packet: (bytes, from) => got.resolve(`${bytes.toString()} ${from.address} ${from.port}`) },
      {},
      address,
    );
    const sender = await listen({}, {}, address);
    sender.send({ address, port: receiver.port }, Buffer.from('ping'));
    expect(await got.promise).toBe(`ping ${address} ${sender.port}`);
    expect(sender.counters).toMatchObject({ sentPackets: 1, sentBytes: 4, sendErrors: 0 });
    expect(receiver.counters).toMatchObject({ receivedPackets: 1, receivedBytes: 4 });
  });

  test('exchanges a request and an answer over a stream', async () => {
    const server = await listen({
      accepted: (stream) => ({
        received: (bytes) => stream.send(Buffer.from(`${bytes.toString()}!`), true),
        closed: () => undefined,
      }),
    });
    const client = await listen({});
    const ended = promised<string>();
    let answer = '';
    const to = { address: '127.0.0.1', port: server.port };
    const stream = client.connect(to, 5_000, {
      received: (bytes) => (answer += bytes.toString()),
      closed: (reason) => ended.resolve(reason ?? 'closed'),
    });
    stream.send(Buffer.from('all'), false);
    expect(await ended.promise).toBe('closed');
    expect(answer).toBe('all!');
  });

  test('says why a stream failed', async () => {
    const client = await listen({});
    const gone = await openGossipTransport({ address: '127.0.0.1', port: 0 }, deaf);
    await gone.close();
    const ended = promised<string | undefined>();
    client.connect({ address: '127.0.0.1', port: gone.port }, 5_000, {
      received: () => undefined,
      closed: ended.resolve,
    });
    expect(await ended.promise).toContain('ECONNREFUSED');
  });

  test('ends the exchange of a peer that takes too long', async () => {
    const ended = promised<string | undefined>();
    const server = await listen(
      { accepted: () => ({ received: () => undefined, closed: ended.resolve }) },
      { exchangeMs: 50 },
    );
    const slow = connect(server.port, '127.0.0.1');
    const cut = promised<boolean>();
    slow.on('error', () => undefined);
    slow.on('close', cut.resolve);
    slow.write('a');
    expect(await ended.promise).toBe('no end in 50 ms');
    await cut.promise;
  });

  test('turns away more streams than it may have', async () => {
    const first = promised<undefined>();
    const accepted = () => {
      first.resolve(undefined);
      return { received: () => undefined, closed: () => undefined };
    };
    const server = await listen({ accepted }, { streamsMax: 1 });
    const held = connect(server.port, '127.0.0.1');
    held.on('error', () => undefined);
    await first.promise;
    const refused = promised<boolean>();
    const second = connect(server.port, '127.0.0.1');
    second.on('error', () => undefined);
    second.on('close', refused.resolve);
    await refused.promise;
    expect(server.counters.refusedStreams).toBe(1);
    held.destroy();
  });

  test('names the address that it cannot have', async () => {
    const taken = await listen({});
    const again = openGossipTransport({ address: '127.0.0.1', port: taken.port }, deaf);
    await expect(again).rejects.toThrow(
      `listen for gossip on 127.0.0.1:${taken.port}: listen EADDRINUSE`,
    );
  });
});
