/** TCP sockets of the namespace of the thread that reads them; there is one for IPv6 always. */
export const socketTablePaths = [
  '/proc/thread-self/net/tcp',
  '/proc/thread-self/net/tcp6',
] as const;
/** 150 bytes each: 400,000 sockets. */
export const socketTableBytesMax = 64 * 1024 * 1024;

/** Of include/net/tcp_states.h. */
const listening = 0x0a;
/** ESTABLISHED, SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING. */
const open: ReadonlySet<number> = new Set([0x01, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0b]);

/**
 * Open connections to ports that somebody listens on. A line of a table (net/ipv4/tcp_ipv4.c,
 * get_tcp4_sock), numbers in hexadecimal: slot, local address, remote address, state.
 *
 *     0: 0B00000A:1F90 0A0200C0:C350 01 00000000:00000000 ...
 */
export function countServed(tables: readonly Buffer[]): number {
  const sockets = tables.flatMap((table) =>
    table.toString('latin1').split('\n').flatMap(parseLine),
  );
  const served = new Set(
    sockets.filter(({ state }) => state === listening).map(({ port }) => port),
  );
  return sockets.filter(({ state, port }) => open.has(state) && served.has(port)).length;
}

function parseLine(line: string): { readonly port: number; readonly state: number }[] {
  const match = /^ *[0-9]+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(
    line,
  );
  if (match === null) return [];
  return [{ port: Number.parseInt(match[1]!, 16), state: Number.parseInt(match[2]!, 16) }];
}
