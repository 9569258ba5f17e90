import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../base/index.js';

/** Where names are asked for by TCP in one sandbox. */
export interface DnsStreams {
  close(): void;
}

export interface DnsStreamsOptions {
  /** A bound descriptor, which this closes. */
  readonly fd: number;
  /** The response, or undefined for none. */
  readonly answer: (bytes: Buffer, source: string) => Promise<Buffer> | Buffer | undefined;
  readonly failed: (reason: string) => void;
}

/** RFC 7766, section 6.2.3. Unit: milliseconds. */
const idleMs = 10_000;
const connectionsMax = 64;
/** Of one connection, responses under way. */
const openMax = 64;
const messageBytesMax = 0xffff;

export function openDnsStreams({ fd, answer, failed }: DnsStreamsOptions): DnsStreams {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    serve(socket, answer);
  });
  server.maxConnections = connectionsMax;
  server.on('error', (error) => failed(messageOf(error)));
  server.listen({ fd });
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Messages behind their lengths (RFC 1035, section 4.2.2); responses in any order. */
function serve(socket: Socket, answer: DnsStreamsOptions['answer']): void {
  const source = socket.remoteAddress ?? '';
  let rest: Buffer = Buffer.alloc(0);
  let underWay = 0;
  // Who asks without reading what is said shall not fill our memory with it.
  const isBusy = (): boolean => underWay >= openMax || socket.writableNeedDrain;
  const respond = (response: Buffer | undefined): void => {
    underWay--;
    // Nothing was asked that could be answered: what follows cannot be trusted either.
    if (response === undefined || response.length > messageBytesMax) socket.destroy();
    else if (!socket.destroyed) socket.write(Buffer.concat([lengthOf(response), response]));
  };
  const take = (): void => {
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      if (socket.destroyed || isBusy()) break;
      const end = 2 + rest.readUInt16BE(0);
      const message = rest.subarray(2, end);
      rest = rest.subarray(end);
      underWay++;
      const response = answer(message, source);
      if (response instanceof Promise) void response.then(respond).then(take);
      else respond(response);
    }
    if (isBusy()) socket.pause();
    else socket.resume();
  };
  socket.on('drain', take);
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    take();
  });
}

function lengthOf({ length }: Buffer): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(length);
  return bytes;
}
