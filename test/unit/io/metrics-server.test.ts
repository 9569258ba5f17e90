import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/index.js';
import { serveMetrics, type MetricsServer } from '../../../src/io/index.js';

const anyPort = { address: '127.0.0.1', port: 0 };

// eslint-disable-next-line @typescript-eslint/require-await -- as a port that may wait
async function* twoLines(): AsyncGenerator<string> {
  yield 'a 1\n';
  yield 'b 2\n';
}

async function get(
  options: RequestOptions,
): Promise<{ status: number; type: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, type: response.headers['content-type'], body }),
      );
    });
    outgoing.on('error', reject).end();
  });
}

describe('serveMetrics', () => {
  const servers: { close(): Promise<void> }[] = [];
  const log: string[] = [];
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'meshd-metrics-'));
    log.length = 0;
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    rmSync(directory, { recursive: true });
  });

  async function serve(
    listen: Parameters<typeof serveMetrics>[0],
    write: () => AsyncIterable<string> = twoLines,
    stallMs?: number,
  ): Promise<MetricsServer> {
    const warn = (_context: object, message: string): void => void log.push(message);
    const options = stallMs === undefined ? {} : { stallMs };
    const server = await serveMetrics(listen, write, { ...silentLog, warn }, options);
    servers.push(server);
    return server;
  }

  it('answers /metrics with what is written, in the text format', async () => {
    const { port } = await serve(anyPort);
    expect(await get({ port, path: '/metrics?x=1' })).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: 'a 1\nb 2\n',
    });
  });

  it('answers /healthz, and 404 to everything else', async () => {
    const { port } = await serve(anyPort);
    expect(await get({ port, path: '/healthz' })).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await get({ port, path: '/' })).toMatchObject({ status: 404, body: '' });
    expect(await get({ port, path: '/metrics/x' })).toMatchObject({ status: 404 });
    expect(await get({ port, path: '/metrics', method: 'POST' })).toMatchObject({ status: 404 });
  });

  it.each([
    ['web', 200, 'ok\n'],
    ['quiet', 503, 'nobody takes its calls\n'],
    ['unknown', 404, ''],
    ['web/80', 404, ''],
  ])('tells load balancers about %s: %d', async (name, status, body) => {
    const known = new Map([
      ['web', true],
      ['quiet', false],
    ]);
    const carriesCalls = (service: string): boolean | undefined => known.get(service);
    const server = await serveMetrics(anyPort, twoLines, silentLog, { carriesCalls });
    servers.push(server);
    const path = `/healthz/${name}`;
    expect(await get({ port: server.port, path })).toMatchObject({ status, body });
    expect(await get({ port: server.port, path, method: 'HEAD' })).toMatchObject({ status });
  });

  it('breaks off an answer that cannot be completed, and goes on serving', async () => {
    const { port } = await serve(anyPort, async function* () {
      yield* twoLines();
      throw new Error('the kernel gave up');
    });
    await expect(get({ port, path: '/metrics' })).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(log).toEqual(['metrics: the kernel gave up']);
    expect(await get({ port, path: '/healthz' })).toMatchObject({ status: 200 });
  });

  /** Writes without end; `ended` when nobody wants more. */
  function endless(): { write: () => AsyncGenerator<string>; ended: Promise<void> } {
    let end: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    // eslint-disable-next-line @typescript-eslint/require-await -- as a port that may wait
    async function* write(): AsyncGenerator<string> {
      try {
        for (;;) yield `${'x'.repeat(1000)} 1\n`;
      } finally {
        end();
      }
    }
    return { write, ended };
  }

  /** Asks for the metrics and reads nothing. */
  async function ask(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1').pause();
    await once(socket, 'connect');
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    return socket;
  }

  it('stops writing for a client that has gone', async () => {
    const { write, ended } = endless();
    const { port } = await serve(anyPort, write);
    const socket = await ask(port);
    socket.resume();
    await once(socket, 'data');
    socket.destroy();
    await ended;
  });

  it('cuts off a client that does not read', async () => {
    const { write, ended } = endless();
    const { port } = await serve(anyPort, write, 50);
    const socket = await ask(port);
    await ended;
    socket.destroy();
  });

  it('cuts off a client that does not ask', async () => {
    const { port } = await serve(anyPort, twoLines, 50);
    const socket = connect(port, '127.0.0.1');
    await once(socket.resume(), 'close');
  });

  it('serves on a unix socket, where a dead process has left one too', async () => {
    const socketPath = join(directory, 'metrics.sock');
    const dead = createServer().listen(socketPath);
    await once(dead, 'listening');
    const stale = join(directory, 'stale.sock');
    // A socket file outlives its process when it is killed; a renamed one outlives `close`.
    renameSync(socketPath, stale);
    dead.close();
    const server = await serve({ socketPath: stale });
    expect(server.port).toBe(0);
    expect(await get({ socketPath: stale, path: '/healthz' })).toMatchObject({ status: 200 });
    await servers.pop()!.close();
    expect(existsSync(stale)).toBe(false);
  });

  it('leaves alone the socket of a living process, and what is no socket', async () => {
    const socketPath = join(directory, 'metrics.sock');
    await serve({ socketPath });
    await expect(serve({ socketPath })).rejects.toMatchObject({
      code: 'unavailable',
      message: `metrics: cannot listen on ${socketPath}: listen EADDRINUSE: address already in use ${socketPath}`,
    });
    expect(await get({ socketPath, path: '/healthz' })).toMatchObject({ status: 200 });
    const file = join(directory, 'notes.txt');
    writeFileSync(file, 'mine');
    await expect(serve({ socketPath: file })).rejects.toMatchObject({ code: 'unavailable' });
    expect(existsSync(file)).toBe(true);
  });

  it('cannot listen on a port in use: unavailable, with the reason', async () => {
    const { port } = await serve(anyPort);
    await expect(serve({ address: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`metrics: cannot listen on 127.0.0.1:${port}: `) as string,
    });
  });
});
