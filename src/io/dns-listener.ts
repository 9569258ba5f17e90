import { createSocket, type RemoteInfo } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../base/index.js';
import { familyOf } from '../model/index.js';

/** Where names are asked for in one sandbox: UDP and TCP of one address. */
export interface DnsListener {
  close(): void;
}

export interface DnsListenerOptions {
  readonly address: string;
  /** Bound descriptors, which this closes. */
  readonly udpFd: number;
  readonly tcpFd: number;
  /** The response, or undefined for none. */
  readonly answer: (
    bytes: Buffer,
    from: { readonly transport: 'udp' | 'tcp'; readonly source: string },
  ) => Promise<Buffer> | Buffer | undefined;
  readonly failed: (reason: string) => void;
}

/** RFC 7766, section 6.2.3. Unit: milliseconds. */
const idleMs = 10_000;
const connectionsMax = 64;
/** Of one connection, responses under way. */
const openMax = 64;
const messageBytesMax = 0xffff;

export function openDnsListener(options: DnsListenerOptions): DnsListener {
  const udp = openUdp(options);
  const tcp = openTcp(options);
  return {
    close: () => {
      udp.close();
      tcp.close();
    },
  };
}

function openUdp({ address, udpFd, answer, failed }: DnsListenerOptions): DnsListener {
  const family = familyOf(address);
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Addresses only, so that no packet waits for a name server.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  let isOpen = true;
  const respond = (bytes: Buffer, { address: source, port }: RemoteInfo): void => {
    // Who has gone by now does not mind.
    if (isOpen) socket.send(bytes, port, source, () => undefined);
  };
  socket.on('message', (bytes, from) => {
    const response = answer(bytes, { transport: 'udp', source: from.address });
    if (response === undefined) return;
    if (response instanceof Promise) void response.then((late) => respond(late, from));
    else respond(response, from);
  });
  socket.on('error', (error) => failed(messageOf(error)));
  socket.bind({ fd: udpFd, exclusive: true });
  return {
    close: () => {
      isOpen = false;
      socket.close();
    },
  };
}

function openTcp({ tcpFd, answer, failed }: DnsListenerOptions): DnsListener {
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
  server.listen({ fd: tcpFd });
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Messages behind their lengths (RFC 1035, section 4.2.2); responses in any order. */
function serve(socket: Socket, answer: DnsListenerOptions['answer']): void {
  const source = socket.remoteAddress ?? '';
  let rest: Buffer = Buffer.alloc(0);
  let underWay = 0;
  const respond = (response: Buffer | undefined): void => {
    underWay--;
    // Nothing was asked that could be answered: what follows cannot be trusted either.
    if (response === undefined || response.length > messageBytesMax) socket.destroy();
    else if (!socket.destroyed) socket.write(Buffer.concat([lengthOf(response), response]));
    if (underWay < openMax) socket.resume();
  };
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0) && !socket.destroyed) {
      const end = 2 + rest.readUInt16BE(0);
      const message = rest.subarray(2, end);
      rest = rest.subarray(end);
      underWay++;
      const response = answer(message, { transport: 'tcp', source });
      if (response instanceof Promise) void response.then(respond);
      else respond(response);
    }
    if (underWay >= openMax) socket.pause();
  });
}

function lengthOf({ length }: Buffer): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(length);
  return bytes;
}
