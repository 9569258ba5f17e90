import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { MeshError, messageOf } from '../base/index.js';
import type {
  GossipHandlers,
  GossipStream,
  GossipTransport,
  PeerAddress,
  StreamHandlers,
  TransportCounters,
} from '../gossip/index.js';
import { familyOf, formatEndpoint } from '../model/index.js';

export interface GossipTransportOptions {
  /** How long a peer that connected to us may take for its exchange. Unit: milliseconds. */
  readonly exchangeMs?: number;
  /** Of peers that connected to us, at once; more are closed unheard. */
  readonly streamsMax?: number;
}

/** Packets that wait while JavaScript is busy. Unit: bytes. */
const receiveBufferBytes = 4 * 1024 * 1024;
/** Tries to find a port that is free for both UDP and TCP. */
const portTriesMax = 16;

/**
 * Listens for gossip on one port, UDP and TCP; port 0 takes any that is free for both. UDP packets
 * leave from the same port, for peers answer to where a packet came from.
 * Errors: unavailable when the address cannot be listened on.
 */
export async function openGossipTransport(
  listen: PeerAddress,
  handlers: GossipHandlers,
  options: GossipTransportOptions = {},
): Promise<GossipTransport> {
  for (let tried = 1; ; tried++) {
    const server = createServer();
    const udp = createSocket({
      type: familyOf(listen.address) === 6 ? 'udp6' : 'udp4',
      // Addresses only, so that no packet waits for a name server.
      lookup: (host, _options, callback) => callback(null, host, familyOf(host)),
    });
    try {
      await listenTcp(server, listen);
      const port = portOf(server);
      await bindUdp(udp, { address: listen.address, port });
      return new Transport(server, udp, port, handlers, options);
    } catch (error) {
      server.close();
      udp.close();
      if (listen.port === 0 && tried < portTriesMax) continue;
      const where = formatEndpoint(listen.address, listen.port);
      const text = `listen for gossip on ${where}: ${messageOf(error)}`;
      throw new MeshError('unavailable', text, { cause: error });
    }
  }
}

class Transport implements GossipTransport {
  readonly counters: TransportCounters = {
    sentPackets: 0,
    sentBytes: 0,
    sendErrors: 0,
    receivedPackets: 0,
    receivedBytes: 0,
    streams: 0,
    refusedStreams: 0,
    streamBytes: 0,
  };
  private readonly sockets = new Set<Socket>();
  private accepted = 0;
  private isClosed = false;

  constructor(
    private readonly server: Server,
    private readonly udp: UdpSocket,
    readonly port: number,
    private readonly handlers: GossipHandlers,
    private readonly options: GossipTransportOptions,
  ) {
    udp.on('message', (bytes, { address, port: from }) => {
      this.counters.receivedPackets++;
      this.counters.receivedBytes += bytes.length;
      handlers.packet(bytes, { address, port: from });
    });
    // Such as a peer's refusal of an earlier packet: gossip lives with loss.
    udp.on('error', () => this.counters.sendErrors++);
    server.on('connection', (socket) => this.accept(socket));
    server.on('error', () => this.counters.refusedStreams++);
  }

  send(to: PeerAddress, packet: Uint8Array): void {
    if (this.isClosed) return;
    this.udp.send(packet, to.port, to.address, (error) => {
      if (error !== null) this.counters.sendErrors++;
    });
    this.counters.sentPackets++;
    this.counters.sentBytes += packet.length;
  }

  connect(to: PeerAddress, deadlineMs: number, handlers: StreamHandlers): GossipStream {
    const socket = connect({ host: to.address, port: to.port, noDelay: true });
    return this.exchange(socket, deadlineMs, () => handlers);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const socket of this.sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.server.close(() => resolve())),
      new Promise<void>((resolve) => this.udp.close(() => resolve())),
    ]);
  }

  private accept(socket: Socket): void {
    if (this.isClosed || this.accepted >= (this.options.streamsMax ?? 128)) {
      this.counters.refusedStreams++;
      socket.destroy();
      return;
    }
    this.accepted++;
    socket.once('close', () => this.accepted--);
    this.exchange(socket, this.options.exchangeMs ?? 10_000, (stream) =>
      this.handlers.accepted(stream, socket.remoteAddress ?? ''),
    );
  }

  private exchange(
    socket: Socket,
    deadlineMs: number,
    handlersOf: (stream: GossipStream) => StreamHandlers,
  ): GossipStream {
    const { counters, sockets } = this;
    counters.streams++;
    sockets.add(socket);
    let open = true;
    const end = (reason: string | undefined): void => {
      if (!open) return;
      open = false;
      handlers.closed(reason);
    };
    // Of the whole exchange: a peer that sends a byte a second does not hold it open.
    const timer = setTimeout(() => {
      end(`no end in ${deadlineMs} ms`);
      socket.destroy();
    }, deadlineMs);
    socket.on('data', (bytes: Buffer) => {
      counters.streamBytes += bytes.length;
      if (open) handlers.received(bytes);
    });
    socket.on('end', () => end(undefined));
    socket.on('error', (error) => end(messageOf(error)));
    socket.on('close', () => {
      clearTimeout(timer);
      sockets.delete(socket);
      end(undefined);
    });
    const stream: GossipStream = {
      send: (bytes, last) => {
        counters.streamBytes += bytes.length;
        if (last) socket.end(bytes);
        else socket.write(bytes);
      },
      close: () => {
        open = false;
        socket.destroy();
      },
    };
    const handlers = handlersOf(stream);
    return stream;
  }
}

function listenTcp(server: Server, { address, port }: PeerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: false }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function bindUdp(udp: UdpSocket, { address, port }: PeerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    udp.once('error', reject);
    udp.bind({ address, port }, () => {
      udp.off('error', reject);
      // As much as the system gives.
      udp.setRecvBufferSize(receiveBufferBytes);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
