import { Client, credentials, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { MeshError, type Clock } from '../base/index.js';
import type { StreamMethod, UnaryMethod } from './methods.js';
import { fromStatus } from './status.js';

/** One who calls the mesh API. Failures are the MeshErrors of the daemon's side. */
export interface ApiClient {
  /** Errors: unavailable when there is no daemon; deadline_exceeded; those of the method. */
  call<Q, R>(method: UnaryMethod<Q, R>, request: Q): Promise<R>;
  /** Leaving the loop, or `signal`, cancels the call; then the stream ends without an error. */
  stream<Q, R>(method: StreamMethod<Q, R>, request: Q, signal?: AbortSignal): AsyncGenerator<R>;
  close(): void;
}

export interface ApiClientOptions {
  /** Of the daemon's socket file. */
  readonly path: string;
  /** For unary calls. Unit: milliseconds from the call. */
  readonly deadlineMs: number;
  readonly clock: Pick<Clock, 'after'>;
}

export function createApiClient({ path, deadlineMs, clock }: ApiClientOptions): ApiClient {
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    // A name for the :authority header; that of the path would have to be escaped.
    'grpc.default_authority': 'localhost',
    // The socket of a daemon that is not there does not appear by waiting inside a call.
    'grpc.enable_retries': 0,
  });
  return {
    call: (method, request) =>
      new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          (error, value) => {
            stopTimer();
            if (error !== null) reject(fromStatus(error));
            else if (value === undefined) reject(new MeshError('internal', 'an answer is missing'));
            else resolve(value);
          },
        );
        // By our own timer: gRPC's deadlines are wall clock times, which may jump.
        const stopTimer = clock.after(deadlineMs, () => {
          const name = method.path.slice(method.path.lastIndexOf('/') + 1);
          const text = `${name}: no answer within ${deadlineMs / 1_000} s`;
          reject(new MeshError('deadline_exceeded', text));
          call.cancel();
        });
      }),
    stream: (method, request, signal) =>
      readAll(
        client.makeServerStreamRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
        ),
        signal,
      ),
    close: () => client.close(),
  };
}

async function* readAll<R>(call: ClientReadableStream<R>, signal?: AbortSignal): AsyncGenerator<R> {
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted === true) cancel();
  try {
    for await (const value of call) yield value as R;
  } catch (error) {
    if (signal?.aborted !== true) throw fromStatus(error as ServiceError);
  } finally {
    signal?.removeEventListener('abort', cancel);
    // The cancellation comes back as an error, which nobody waits for any more.
    call.on('error', () => undefined);
    cancel();
  }
}
