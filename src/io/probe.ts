import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { messageOf } from '../base/index.js';
import { formatEndpoint, type HealthCheck, type HttpCheck } from '../model/index.js';

/** What one try of a destination gave. */
interface Result {
  readonly ok: boolean;
  readonly reason: string;
  readonly latencyMs: number;
}

/** Part of the body that is searched. Unit: bytes. */
const bodyBytesMax = 64 * 1024;

/**
 * Tries a destination once: `tcp` succeeds when a connection is made, `http` when a GET is answered
 * with an accepted status and, if asked for, a text in the first 64 KiB of the body. Redirects are
 * answers, not followed. `check.timeoutMs` covers all of it; no connection is used twice or left
 * open. Never rejects; ends at once when `signal` aborts.
 */
export function probe(
  check: HealthCheck,
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<Result> {
  if (signal.aborted) return Promise.resolve({ ok: false, reason: 'cancelled', latencyMs: 0 });
  const startMs = performance.now();
  return new Promise((resolve) => {
    let ended = false;
    const end = (ok: boolean, reason: string): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      close();
      resolve({ ok, reason, latencyMs: performance.now() - startMs });
    };
    const abort = (): void => end(false, 'cancelled');
    const attempt: Attempt = { doing: 'connect', end };
    const timer = setTimeout(() => {
      end(false, `${attempt.doing}: no answer in ${check.timeoutMs} ms`);
    }, check.timeoutMs);
    signal.addEventListener('abort', abort);
    const close =
      check.type === 'tcp'
        ? tryTcp(address, port, attempt)
        : tryHttp(check, address, port, attempt);
  });
}

interface Attempt {
  /** What a failure now is a failure of. */
  doing: 'connect' | 'request' | 'body';
  end(ok: boolean, reason: string): void;
}

function tryTcp(address: string, port: number, attempt: Attempt): () => void {
  const socket = connect({ host: address, port });
  // Stays on after the end: what a closed socket still reports must not be an uncaught error.
  socket.on('error', (error) => attempt.end(false, failure(attempt, error)));
  socket.on('connect', () => attempt.end(true, 'connected'));
  // A reset leaves no TIME_WAIT behind: thousands of checks would fill the ports of this host.
  return () => (socket.connecting ? socket.destroy() : socket.resetAndDestroy());
}

function tryHttp(check: HttpCheck, address: string, port: number, attempt: Attempt): () => void {
  const host = formatEndpoint(address, port);
  const sent = request({
    host: address,
    port,
    path: check.path,
    method: 'GET',
    agent: false,
    headers: { Host: check.host ?? host, 'User-Agent': 'meshd', Connection: 'close' },
  });
  sent.on('socket', (socket) => socket.on('connect', () => (attempt.doing = 'request')));
  sent.on('error', (error) => attempt.end(false, failure(attempt, error)));
  sent.on('response', (response) => judge(check, response, attempt));
  sent.on('upgrade', () => attempt.end(false, 'status 101: the protocol was changed'));
  sent.end();
  return () => void sent.destroy();
}

function judge(check: HttpCheck, response: IncomingMessage, attempt: Attempt): void {
  const status = response.statusCode ?? 0;
  if (!check.status.some(({ from, to }) => status >= from && status <= to)) {
    const accepted = check.status.map(({ from, to }) => (from === to ? from : `${from}-${to}`));
    attempt.end(false, `status ${status}, expected ${accepted.join(', ')}`);
    return;
  }
  if (check.body === undefined) {
    attempt.end(true, `status ${status}`);
    return;
  }
  attempt.doing = 'body';
  const wanted = Buffer.from(check.body);
  let seen = Buffer.alloc(0);
  const missing = (): void => {
    attempt.end(false, `body: the first ${seen.length} bytes do not contain ${quote(check.body!)}`);
  };
  response.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]).subarray(0, bodyBytesMax);
    if (seen.includes(wanted)) attempt.end(true, `status ${status}, body as expected`);
    else if (seen.length === bodyBytesMax) missing();
  });
  response.on('end', missing);
  response.on('error', (error) => attempt.end(false, failure(attempt, error)));
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 37)}...` : text);
}

/** `connect: connection refused`, `request: connection reset by peer`. */
function failure({ doing }: Attempt, error: Error & { errno?: number; code?: string }): string {
  const known = error.errno === undefined ? undefined : getSystemErrorMap().get(error.errno);
  if (known !== undefined) return `${doing}: ${known[1]}`;
  if (error.code === 'ECONNRESET') return `${doing}: the connection was closed without an answer`;
  if (error.code?.startsWith('HPE_') === true) return `${doing}: the answer is not HTTP`;
  return `${doing}: ${messageOf(error)}`;
}
