import { createServer, type Server } from 'node:http';
import { unlink } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MeshError, messageOf, type Log } from '../base/index.js';

/** Where metrics are served: a TCP address, or a unix socket of this path. */
export type MetricsListen =
  { readonly address: string; readonly port: number } | { readonly socketPath: string };

export interface MetricsServer {
  /** The port in use; 0 for a unix socket. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `GET /metrics` with the text that `write` yields, and `GET /healthz`.
 * Errors: unavailable when the address cannot be listened on.
 */
export async function serveMetrics(
  listen: MetricsListen,
  write: () => AsyncIterable<string>,
  log: Log,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0];
    if (request.method !== 'GET' || (path !== '/metrics' && path !== '/healthz')) {
      response.writeHead(404).end();
      return;
    }
    if (path === '/healthz') {
      response.end('ok\n');
      return;
    }
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    // A part that fails breaks the connection off: half an answer must not look whole.
    pipeline(Readable.from(batched(write())), response).catch((error: unknown) => {
      log.warn({ err: error }, `metrics: ${messageOf(error)}`);
    });
  });
  // A scraper that stalls must not hold a connection for good.
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  await startListening(server, listen);
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

/** Parts are a line or two; a socket wants more at a time. */
async function* batched(parts: AsyncIterable<string>): AsyncGenerator<string> {
  let batch = '';
  for await (const part of parts) {
    batch += part;
    if (batch.length < 64 * 1024) continue;
    yield batch;
    batch = '';
  }
  yield batch;
}

async function startListening(server: Server, listen: MetricsListen): Promise<void> {
  if ('socketPath' in listen) await unlink(listen.socketPath).catch(() => undefined);
  const where = 'socketPath' in listen ? listen.socketPath : `${listen.address}:${listen.port}`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new MeshError('unavailable', `metrics: cannot listen on ${where}: ${error.message}`));
    });
    if ('socketPath' in listen) server.listen(listen.socketPath, resolve);
    else server.listen(listen.port, listen.address, resolve);
  });
}
