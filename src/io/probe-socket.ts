import { createSocket } from 'node:dgram';
import { MeshError, messageOf } from '../base/index.js';
import { familyOf, formatEndpoint } from '../model/index.js';

/** A UDP socket of one address, for few and small packets. */
export interface ProbeSocket {
  /** To the same port at `address`. What the kernel refuses is told to `refused`. */
  send(address: string, bytes: Uint8Array): void;
  close(): void;
}

export interface ProbeSocketHandlers {
  /** From the same port at `address`. */
  received(address: string, bytes: Buffer): void;
  refused(reason: string): void;
}

/**
 * Datagrams that fit the route's MTU leave with DF (the kernel's default, IP_PMTUDISC_WANT in ip(7)).
 * Errors: unavailable when the address cannot be listened on.
 */
export function openProbeSocket(
  at: { readonly address: string; readonly port: number },
  handlers: ProbeSocketHandlers,
): Promise<ProbeSocket> {
  const family = familyOf(at.address);
  const udp = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Addresses only, so that no packet waits for a name server.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  let isOpen = true;
  udp.on('message', (bytes, { address, port }) => {
    if (isOpen && port === at.port) handlers.received(address, bytes);
  });
  const socket: ProbeSocket = {
    send: (address, bytes) => {
      if (!isOpen) return;
      udp.send(bytes, at.port, address, (error) => {
        if (isOpen && error !== null) handlers.refused(messageOf(error));
      });
    },
    close: () => {
      isOpen = false;
      udp.close();
    },
  };
  return new Promise((resolve, reject) => {
    udp.once('error', (error) => {
      udp.close();
      const where = formatEndpoint(at.address, at.port);
      const text = `listen for probes on ${where}: ${messageOf(error)}`;
      reject(new MeshError('unavailable', text, { cause: error }));
    });
    udp.bind({ ...at, exclusive: true }, () => {
      udp.removeAllListeners('error');
      // Such as a peer's refusal of an earlier packet: that is loss, and counted as such.
      udp.on('error', () => undefined);
      resolve(socket);
    });
  });
}
