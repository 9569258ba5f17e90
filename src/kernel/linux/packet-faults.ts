import type { PacketFaults } from '../port.js';
import { isNativeError } from './native.js';
import type { Sandbox } from './sandbox.js';

/** Counters of the namespace of the thread that reads them. */
const paths = {
  ip4: '/proc/thread-self/net/snmp',
  ip6: '/proc/thread-self/net/snmp6',
  devices: '/proc/thread-self/net/dev',
} as const;

export async function readPacketFaults(sandbox: Sandbox): Promise<PacketFaults> {
  // Without IPv6 there are no counters of it.
  const [ip4, ip6, devices] = await Promise.all([
    sandbox.readFile(paths.ip4),
    sandbox.readFile(paths.ip6).catch(nothingThere),
    sandbox.readFile(paths.devices),
  ]);
  return {
    udpChecksums: namedCount(ip4.toString(), 'Udp', 'InCsumErrors') + plainCount(ip6.toString()),
    unsent: unsentOf(devices.toString()),
  };
}

/**
 * A line of names and one of numbers (net/ipv4/proc.c, snmp_seq_show):
 *
 *     Udp: InDatagrams NoPorts InErrors ... InCsumErrors
 *     Udp: 17 0 0 ... 0
 */
export function namedCount(text: string, group: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${group}: `));
  const at = lines[0]?.split(' ').indexOf(name) ?? -1;
  return Number(lines[1]?.split(' ')[at] ?? 0);
}

/** `Udp6InCsumErrors   0` (net/ipv6/proc.c). */
export function plainCount(text: string): number {
  return Number(/^Udp6InCsumErrors\s+([0-9]+)$/m.exec(text)?.[1] ?? 0);
}

/**
 * By device, errors and drops of sending. A line (net/core/net-procfs.c, dev_seq_printf_stats):
 *
 *     eth0:  bytes packets errs drop fifo frame compressed multicast  bytes packets errs drop ...
 */
export function unsentOf(text: string): Map<string, number> {
  const unsent = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*(\S+):\s*([0-9 ]+)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) continue;
    const numbers = rest.split(/ +/).map(Number);
    unsent.set(name, (numbers[10] ?? 0) + (numbers[11] ?? 0));
  }
  return unsent;
}

function nothingThere(error: unknown): Buffer {
  if (isNativeError(error)) return Buffer.alloc(0);
  throw error;
}
