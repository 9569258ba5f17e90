import { endianness } from 'node:os';
import { formatAddress } from '../../model/index.js';
import type { ListeningSocket } from '../port.js';

/** Sockets of the namespace of the thread that reads them; there are those for IPv6 always. */
const socketTablePaths = {
  tcp: ['/proc/thread-self/net/tcp', '/proc/thread-self/net/tcp6'],
  udp: ['/proc/thread-self/net/udp', '/proc/thread-self/net/udp6'],
} as const;
/** 150 bytes each: 400,000 sockets. */
const socketTableBytesMax = 64 * 1024 * 1024;

type ReadFile = (path: string, maxBytes: number) => Promise<Buffer>;

/** Of include/net/tcp_states.h: LISTEN, and CLOSE, which is a UDP socket without a peer. */
const listening = { tcp: 0x0a, udp: 0x07 } as const;
/** ESTABLISHED, SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING. */
const open: ReadonlySet<number> = new Set([0x01, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0b]);

/** A line of a table. Its address is as the table has it. */
interface Line {
  readonly address: string;
  readonly port: number;
  readonly state: number;
}

export function readSocketTables(
  protocol: keyof typeof socketTablePaths,
  read: ReadFile,
): Promise<Buffer[]> {
  return Promise.all(socketTablePaths[protocol].map((path) => read(path, socketTableBytesMax)));
}

/** Open connections to ports that somebody listens on. */
export function countServed(tables: readonly Buffer[]): number {
  const sockets = tables.flatMap(linesOf);
  const served = new Set(
    sockets.filter(({ state }) => state === listening.tcp).map(({ port }) => port),
  );
  return sockets.filter(({ state, port }) => open.has(state) && served.has(port)).length;
}

/** Who takes what comes in. */
export function listeningSockets(
  protocol: keyof typeof socketTablePaths,
  tables: readonly Buffer[],
): ListeningSocket[] {
  return tables.flatMap(linesOf).flatMap(({ address, port, state }) => {
    if (state !== listening[protocol]) return [];
    return [{ protocol, address: formatAddress(bytesOf(address)), port }];
  });
}

/**
 * A line of a table (net/ipv4/tcp_ipv4.c, get_tcp4_sock; udp.c, udp4_format_sock), numbers in
 * hexadecimal: slot, local address, remote address, state.
 *
 *     0: 0B00000A:1F90 0A0200C0:C350 01 00000000:00000000 ...
 */
function linesOf(table: Buffer): Line[] {
  const pattern =
    /^ *[0-9]+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm;
  return Array.from(
    table.toString('latin1').matchAll(pattern),
    ([, address, port, state]): Line => {
      return {
        address: address!,
        port: Number.parseInt(port!, 16),
        state: Number.parseInt(state!, 16),
      };
    },
  );
}

/** Each word of an address is printed as a number of this machine. */
function bytesOf(hexadecimal: string): Uint8Array {
  const bytes = Buffer.from(hexadecimal, 'hex');
  return endianness() === 'LE' ? bytes.swap32() : bytes;
}
