import { addressBytes, type Protocol } from '../model/index.js';

/*
 * Marks of packets (skb->mark) that lead them from an nftables rule to a virtual service or a
 * route. They follow from what they stand for, so that a daemon that starts finds the same again.
 *
 *     0x4dpppppp  host: a published port (protocol and first port), for clients elsewhere, and for
 *                 those on the host
 *     0x4deeeeee  task: the entry that a connection came in by (low bits of its address)
 *     0x8vvvvvvv  task: a VIP (low bits of it)
 */

/** The bits that tell a mark of ours for ports and entries, and what they are. */
export const ownMark = { mask: 0xff000000, value: 0x4d000000 } as const;

const protocolNumbers = { tcp: 1, udp: 2, sctp: 3 } as const;

/** Of a published port; the mesh has each protocol and port once. */
export function publishedMark(protocol: Protocol, port: number): number {
  return ownMark.value + protocolNumbers[protocol] * 0x10000 + port;
}

/** The same for clients on the host itself. */
export function innerMark(protocol: Protocol, port: number): number {
  return publishedMark(protocol, port) + 8 * 0x10000;
}

/** Of an entry; its subnet has no more than 24 bits for hosts. */
export function entryMark(address: string): number {
  return ownMark.value + (lowBits(address) & 0xffffff);
}

/**
 * Of a VIP. Two in one sandbox that differ in the 97 or the one highest bit alone would have the
 * same; subnets of private addresses do not differ there.
 */
export function vipMark(vip: string): number {
  return (0x80000000 | lowBits(vip)) >>> 0;
}

function lowBits(address: string): number {
  return Buffer.from(addressBytes(address)!.slice(-4)).readUInt32BE();
}
