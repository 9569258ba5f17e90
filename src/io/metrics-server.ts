import { lstat, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { MeshError, messageOf, type Log } from '../base/index.js';

/** Where metrics are served: a TCP address, or a unix socket of this path. */
export type MetricsListen =
  { readonly address: string; readonly port: number } | { readonly socketPath: string };

export interface MetricsServer {
  /** The port in use; 0 for a unix socket. */
  readonly port: number;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  /** Whether calls of a service are carried; undefined when it has none, or there is no such service. */
  readonly carriesCalls?: (service: string) => boolean | undefined;
  /** A client that neither sends nor reads for so long is cut off. Default 10 s. */
  readonly stallMs?: number;
}

/**
 * Serves `GET /metrics` with the text that `write` yields, `GET /healthz`, which says that the daemon
 * runs, and `GET /healthz/SERVICE`: 200 when its calls are carried, 503 when not, 404 when unknown.
 * Errors: unavailable when the address cannot be listened on.
 */
export async function serveMetrics(
  listen: MetricsListen,
  write: () => AsyncIterable<string>,
  log: Log,
  options: MetricsServerOptions = {},
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const health = isRead ? healthAt(path, options) : undefined;
    if (health !== undefined) {
      response.writeHead(health ? 200 : 503).end(health ? 'ok\n' : 'nobody takes its calls\n');
      return;
    }
    if (request.method !== 'GET' || path !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    // A part that fails breaks the connection off: half an answer must not look whole.
    pipeline(Readable.from(batched(write())), response).catch((error: unknown) => {
      log.warn({ err: error }, `metrics: ${messageOf(error)}`);
    });
  });
  // A scraper that stalls must not hold a connection for good, be it sending or reading.
  server.timeout = options.stallMs ?? 10_000;
  server.maxConnections = 64;
  await startListening(server, listen);
  // Such as no descriptor left for a connection: the next one may find one.
  server.on('error', (error) => log.warn({ err: error }, `metrics: ${error.message}`));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function healthAt(path: string, { carriesCalls }: MetricsServerOptions): boolean | undefined {
  if (path === '/healthz') return true;
  const [, name] = /^\/healthz\/([^/]+)$/.exec(path) ?? [];
  return name === undefined ? undefined : carriesCalls?.(name);
}

/** Parts are a line or two; a socket wants more at a time. */
async function* batched(parts: AsyncIterable<string>): AsyncGenerator<string> {
  let batch = '';
  for await (const part of parts) {
    batch += part;
    if (batch.length < 64 * 1024) continue;
    yield batch;
    batch = '';
    // A fast reader of a large table must not keep everybody else waiting.
    await setImmediate();
  }
  yield batch;
}

async function startListening(server: Server, listen: MetricsListen): Promise<void> {
  const where = 'socketPath' in listen ? listen.socketPath : `${listen.address}:${listen.port}`;
  try {
    if ('socketPath' in listen) await removeDeadSocket(listen.socketPath);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen('socketPath' in listen ? { path: listen.socketPath } : hostOf(listen), () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const text = `metrics: cannot listen on ${where}: ${messageOf(error)}`;
    throw new MeshError('unavailable', text, { cause: error });
  }
}

function hostOf({ address, port }: { readonly address: string; readonly port: number }) {
  return { host: address, port };
}

/** The socket file of a dead process goes; what is no socket, or has a listener, stays. */
async function removeDeadSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isSocket() !== true) return;
  const refused = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  if (refused) await unlink(path);
}
