import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { probe } from '../../../src/io/probe.js';
import type { HealthCheck, HttpCheck } from '../../../src/model/index.js';

const tcp: HealthCheck = { type: 'tcp', intervalMs: 1_000, timeoutMs: 5_000, rise: 1, fall: 1 };
const http: HttpCheck = {
  ...tcp,
  type: 'http',
  path: '/healthz',
  status: [
    { from: 200, to: 299 },
    { from: 304, to: 304 },
  ],
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server on a port of its own; `gone` resolves when all its connections have ended. */
async function listen(server: Server, host = '127.0.0.1') {
  const sockets = new Set<Socket>();
  let whenGone = (): void => undefined;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) whenGone();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const gone = (): Promise<void> =>
    new Promise((resolve) => (sockets.size === 0 ? resolve() : (whenGone = resolve)));
  return { port: (server.address() as AddressInfo).port, gone };
}

/** What the probe says of a server, which then must have no connection left. */
async function tried(check: HealthCheck, server: Server, host?: string): Promise<string> {
  const { port, gone } = await listen(server, host);
  const signal = new AbortController().signal;
  const { ok, reason, latencyMs } = await probe(check, host ?? '127.0.0.1', port, signal);
  expect(latencyMs).toBeGreaterThan(0);
  await gone();
  return `${ok ? 'ok' : 'no'}: ${reason}`;
}

/** A port where nobody listens: one that was just given back. */
async function freePort(): Promise<number> {
  const server = createServer();
  const { port } = await listen(server);
  await closers.pop()!();
  return port;
}

/** A server that reads a request and answers these bytes, or resets the connection. */
function raw(answer: { send: string } | 'reset' | 'close' | 'never'): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      if (answer === 'never') return;
      if (answer === 'reset') socket.resetAndDestroy();
      else if (answer === 'close') socket.end();
      else socket.write(answer.send);
    });
  });
}

const answers =
  (status: number, body = '', headers = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };

describe('tcp', () => {
  test('succeeds with a connection, on IPv4 and IPv6', async () => {
    expect(await tried(tcp, createServer())).toBe('ok: connected');
    expect(await tried(tcp, createServer(), '::1')).toBe('ok: connected');
  });

  test('is refused', async () => {
    const port = await freePort();
    const { ok, reason } = await probe(tcp, '127.0.0.1', port, new AbortController().signal);
    expect([ok, reason]).toEqual([false, 'connect: connection refused']);
  });

  test('may be cancelled before and after it began', async () => {
    const { port, gone } = await listen(createServer());
    const abort = new AbortController();
    const result = probe(tcp, '127.0.0.1', port, abort.signal);
    abort.abort();
    expect(await result).toMatchObject({ ok: false, reason: 'cancelled' });
    expect(await probe(tcp, '127.0.0.1', port, abort.signal)).toMatchObject({ ok: false });
    await gone();
  });
});

describe('http', () => {
  const quick: HttpCheck = { ...http, timeoutMs: 50 };
  const cases: [name: string, check: HttpCheck, server: () => Server, want: string][] = [
    ['an accepted status', http, () => createHttpServer(answers(204)), 'ok: status 204'],
    ['another accepted status', http, () => createHttpServer(answers(304)), 'ok: status 304'],
    [
      'another status',
      http,
      () => createHttpServer(answers(503)),
      'no: status 503, expected 200-299, 304',
    ],
    [
      'a redirect, which is not followed',
      http,
      () => createHttpServer(answers(301, '', { Location: '/' })),
      'no: status 301, expected 200-299, 304',
    ],
    [
      'the expected body',
      { ...http, body: 'all "ökay"' },
      () => createHttpServer(answers(200, 'is all "ökay".')),
      'ok: status 200, body as expected',
    ],
    [
      'another body',
      { ...http, body: 'okay' },
      () => createHttpServer(answers(200, 'broken')),
      'no: body: the first 6 bytes do not contain "okay"',
    ],
    [
      'the expected text at the end of the first 64 KiB',
      { ...http, body: 'okay' },
      () => createHttpServer(answers(200, `${'x'.repeat(65_532)}okay`)),
      'ok: status 200, body as expected',
    ],
    [
      'the expected text behind the first 64 KiB',
      { ...http, body: 'okay' },
      () => createHttpServer(answers(200, `${'x'.repeat(65_533)}okay${'x'.repeat(1e6)}`)),
      'no: body: the first 65536 bytes do not contain "okay"',
    ],
    [
      'a body without end, of which the status is enough',
      http,
      () => raw({ send: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx' }),
      'ok: status 200',
    ],
    ['a slow server', quick, () => raw('never'), 'no: request: no answer in 50 ms'],
    [
      'a slow body',
      { ...quick, body: 'x' },
      () => raw({ send: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n.' }),
      'no: body: no answer in 50 ms',
    ],
    ['a reset', http, () => raw('reset'), 'no: request: connection reset by peer'],
    [
      'a close',
      http,
      () => raw('close'),
      'no: request: the connection was closed without an answer',
    ],
    ['no HTTP', http, () => raw({ send: '220 smtp\r\n' }), 'no: request: the answer is not HTTP'],
    [
      'a header without end',
      http,
      () => raw({ send: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}` }),
      'no: request: the answer is not HTTP',
    ],
    [
      'a change of the protocol',
      http,
      () =>
        raw({
          send: 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
        }),
      'no: status 101: the protocol was changed',
    ],
  ];
  test.each(cases)('%s', async (_name, check, server, want) => {
    expect(await tried(check, server())).toBe(want);
  });

  test('asks for the path, names the host and keeps nothing alive; IPv6 too', async () => {
    const seen: unknown[] = [];
    const record: RequestListener = ({ method, url, headers }, response) => {
      seen.push([method, url, headers.host?.replace(/:[0-9]+$/, ''), headers.connection]);
      response.end();
    };
    await tried(http, createHttpServer(record));
    await tried(http, createHttpServer(record), '::1');
    await tried({ ...http, path: '/a?b=%20', host: 'web.example' }, createHttpServer(record));
    expect(seen).toEqual([
      ['GET', '/healthz', '127.0.0.1', 'close'],
      ['GET', '/healthz', '[::1]', 'close'],
      ['GET', '/a?b=%20', 'web.example', 'close'],
    ]);
  });

  test('is refused', async () => {
    const port = await freePort();
    const { ok, reason } = await probe(http, '127.0.0.1', port, new AbortController().signal);
    expect([ok, reason]).toEqual([false, 'connect: connection refused']);
  });
});
