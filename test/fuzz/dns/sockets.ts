/** Changed queries by UDP and TCP to the sockets of a name server as the daemon has it. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { messageOf, silentLog } from '../../../src/base/index.js';
import { NameServer } from '../../../src/daemon-name-server.js';
import { loadNative } from '../../../src/kernel/linux/native.js';
import { mesh, query } from '../../unit/dns/mesh.js';
import { attack, insist, type Attack, type Figures } from './attack.js';
import { realQueries } from './messages.js';
import { mutated } from './mutate.js';
import { checkFrame } from './response.js';

const address = '127.0.0.1';
/** What UDP carries over IPv4. */
const datagramBytesMax = 65_507;
/** Sent at once: what the kernel has room for. */
const burst = 64;
/** By TCP one in so many. */
const streamEvery = 200;
/** How long a query that is well-formed may take. Unit: milliseconds. */
const deadlineMs = 10_000;
/** From when on memory is measured: by then all that is kept once is kept. */
const warmUp = 0.3;
const clock = { now: () => 0, wallMs: () => 0, after: () => () => undefined };

/** Rejects when the server falls silent, or says to a query what is no response to it. */
export async function attackSockets(options: Attack): Promise<Figures> {
  const server = await Server.open();
  const seeds = realQueries();
  const figures = { byUdp: 0, byTcp: 0, rssWarmMiB: 0, rssGrowthMiB: 0 };
  try {
    await attack(
      options,
      (random) => mutated(random, seeds),
      async (bytes, number) => {
        if (number % streamEvery === 0) {
          figures.byTcp++;
          await server.stream(bytes);
        } else {
          figures.byUdp++;
          server.send(bytes.subarray(0, datagramBytesMax));
        }
        if (number % burst === 0) await server.caughtUp();
        if (number === Math.floor(options.packets * warmUp)) figures.rssWarmMiB = rssMiB();
      },
    );
    await server.caughtUp();
    const vip = await server.ask(query('web', 'A'));
    insist(vip.subarray(-4).equals(Buffer.of(10, 64, 0, 200)), `web is ${vip.toString('hex')}`);
    figures.rssGrowthMiB = rssMiB() - figures.rssWarmMiB;
    return { ...figures, responses: server.responses, dropped: server.dropped() };
  } finally {
    server.close();
  }
}

/** Of the whole process, without what is garbage already where Node lets us collect it. */
export function rssMiB(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}

class Server {
  responses = 0;
  /** By id, since the server was last heard. */
  private readonly sent = new Map<number, Buffer>();
  private awaited: { readonly id: number; heard(response: Buffer): void } | undefined;
  private wrong: Error | undefined;
  private lastId = 0;

  private constructor(
    private readonly names: NameServer,
    private readonly port: number,
    private readonly client: Socket,
    private readonly desk: { close(): void },
  ) {
    client.on('message', (response) => this.hear(response));
  }

  static async open(): Promise<Server> {
    const native = loadNative();
    const config = { listen: [], domain: 'mesh.internal', ttlS: 5, queriesPerSecond: 0 };
    const names = new NameServer({
      config,
      clock,
      log: silentLog,
      upstreams: () => [],
      openResponder: (missed) => new native.Responder(missed),
    });
    names.start();
    const port = await freePort();
    const udpFd = await native.bindSocket({ type: 'udp', address, port });
    const tcpFd = await native.bindSocket({ type: 'tcp', address, port });
    const desk = names.open(mesh(['front']), { udpFd, tcpFd }, () => undefined);
    const client = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    client.bind(0, address);
    await once(client, 'listening');
    return new Server(names, port, client, desk);
  }

  /** With another id than all that wait for a response. */
  send(bytes: Buffer): number {
    const id = ++this.lastId & 0xffff;
    if (bytes.length >= 2) bytes.writeUInt16BE(id, 0);
    this.sent.set(id, bytes);
    this.client.send(bytes, this.port, address);
    return id;
  }

  /** The response to a query that is well-formed. */
  async ask(bytes: Buffer): Promise<Buffer> {
    const id = this.send(bytes);
    return new Promise<Buffer>((resolve, reject) => {
      const late = (): void => reject(new Error('no answer any more'));
      const timer = setTimeout(late, deadlineMs);
      const heard = (response: Buffer): void => {
        clearTimeout(timer);
        resolve(response);
      };
      this.awaited = { id, heard };
    });
  }

  /** Resolves when all that was sent is answered, unless it gets no response. */
  async caughtUp(): Promise<void> {
    // Of names that nobody has nothing is kept: this one comes behind all others.
    await this.ask(query('none.mesh.internal', 'A'));
    if (this.wrong !== undefined) throw this.wrong;
    this.sent.clear();
  }

  private hear(response: Buffer): void {
    this.responses++;
    const id = response.length < 2 ? -1 : response.readUInt16BE(0);
    const asked = this.sent.get(id);
    try {
      insist(asked !== undefined, 'to nothing that was asked');
      checkFrame(asked, response, 'udp');
    } catch (error) {
      const to = `${messageOf(error)}: ${response.toString('hex')}`;
      this.wrong ??= new Error(`${to}, asked ${asked?.toString('hex')}`);
    }
    if (id === this.awaited?.id) this.awaited.heard(response);
  }

  /** Over a connection of its own, with what follows its length; resolves when that is closed. */
  async stream(bytes: Buffer): Promise<void> {
    const socket = createConnection({ host: address, port: this.port });
    let received = 0;
    socket.on('data', (part) => {
      received += part.length;
      // No response, or the end of one.
      socket.end();
    });
    socket.on('error', () => undefined);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.end(Buffer.concat([length, bytes]));
    await once(socket, 'close');
    insist(received <= 2 + 0xffff, `${received} bytes by TCP`);
  }

  dropped(): number {
    return this.names.dropped();
  }

  close(): void {
    this.client.close();
    this.desk.close();
    this.names.close();
  }
}

/** Of both transports, as far as that can be known. */
async function freePort(): Promise<number> {
  const probe = createSocket('udp4').bind(0, address);
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
