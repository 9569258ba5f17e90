import { Server, ServerCredentials } from '@grpc/grpc-js';
import { MeshError, messageOf, type Clock, type Log } from '../base/index.js';
import type { MeshBackend } from './backend.js';
import { handlersOf, serviceDefinition } from './handlers.js';
import { claimSocketFile, privateUmask, shareSocketFile } from './socket-file.js';

/** The largest request taken: about 100 000 services. Unit: bytes. */
const requestMax = 64 * 1024 * 1024;

/** Calls that one connection may have open. */
const streamsMax = 256;

/** What `stop` gives open calls to end. Unit: milliseconds. */
const stopGraceMs = 5_000;

/** May use the socket when nobody says otherwise, and when there is such a group. */
const defaultGroup = 'meshd';

export interface MeshServerOptions {
  readonly backend: MeshBackend;
  /** Where the socket file is made. */
  readonly socketPath: string;
  /** Name or number of the group that may connect beside root; absent = `meshd`. */
  readonly group?: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface MeshServer {
  /** Takes no new calls and ends watches at once; cuts the calls that are still open after 5 s. */
  stop(): Promise<void>;
}

/**
 * Serves the mesh API on a unix socket.
 * Errors: already_exists (a live daemon has the socket), failed_precondition, permission_denied.
 */
export async function serveMesh(options: MeshServerOptions): Promise<MeshServer> {
  const { backend, socketPath, group = defaultGroup, clock, log } = options;
  const server = new Server({
    'grpc.max_receive_message_length': requestMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': streamsMax,
  });
  const stopping = new AbortController();
  const handlers = handlersOf({ backend, clock, log, stopping: stopping.signal });
  server.addService(serviceDefinition, handlers);
  await claimSocketFile(socketPath);
  await listen(server, socketPath);
  shareSocketFile(socketPath, group, log);
  return {
    stop: () => {
      stopping.abort();
      return shutDown(server, clock);
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  const umask = process.umask(privateUmask);
  try {
    await new Promise<void>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      server.bindAsync(`unix:${path}`, credentials, (error) => {
        if (error === null) resolve();
        else reject(listenError(path, error));
      });
    });
  } finally {
    process.umask(umask);
  }
}

function listenError(path: string, error: unknown): MeshError {
  const message = messageOf(error);
  const code = /EACCES|EPERM/.test(message) ? 'permission_denied' : 'failed_precondition';
  return new MeshError(code, `listen on ${path}: ${message}`, { cause: error });
}

function shutDown(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(stopGraceMs, () => server.forceShutdown());
    server.tryShutdown(() => {
      cancel();
      resolve();
    });
  });
}
