import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { familyOf } from '../../src/model/index.js';

/** By chance, so that runs side by side do not meet. */
const [second, third] = [1 + Math.floor(Math.random() * 250), Math.floor(Math.random() * 256)];
let last = 0;

/** One of 127.0.0.0/8 that nobody of this run has. */
export function loopbackAddress(): string {
  return `127.${second}.${third}.${++last}`;
}

/** A port that the kernel finds free there for TCP and UDP, for a program that must be told one. */
export async function freePort(address: string): Promise<number> {
  for (;;) {
    const server = createServer();
    server.listen(0, address);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const udp = createSocket(familyOf(address) === 6 ? 'udp6' : 'udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, address, () => resolve(true));
    });
    await new Promise<void>((closed) => udp.close(() => closed()));
    await new Promise((closed) => server.close(closed));
    if (isFree) return port;
  }
}
