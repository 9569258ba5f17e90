import type { Counters } from '../port.js';
import { attributeHeaderBytes, attributeTypeMask } from './message.js';

/** Counters without anything that names their object. */
export type Stats = Counters;

/**
 * The attributes of IPVS_SVC_ATTR_STATS64, IPVS_DEST_ATTR_STATS64 (all u64) or of the older
 * STATS (u32, bytes u64), whose header is at `at`; 0 = absent, which counts as all zero.
 * Source: linux/ip_vs.h, IPVS_STATS_ATTR_*.
 */
export function decodeStats(bytes: Buffer, at: number): Stats {
  const values = new Array<number>(11).fill(0);
  if (at > 0) readValues(bytes, at, values);
  return {
    connections: values[1]!,
    inPackets: values[2]!,
    outPackets: values[3]!,
    inBytes: values[4]!,
    outBytes: values[5]!,
    connectionsPerS: values[6]!,
    inPacketsPerS: values[7]!,
    outPacketsPerS: values[8]!,
    inBytesPerS: values[9]!,
    outBytesPerS: values[10]!,
  };
}

function readValues(bytes: Buffer, nest: number, values: number[]): void {
  const stop = Math.min(bytes.length, nest + bytes.readUInt16LE(nest));
  for (let at = nest + attributeHeaderBytes; at + attributeHeaderBytes <= stop;) {
    const length = bytes.readUInt16LE(at);
    if (length < attributeHeaderBytes || at + length > stop) return;
    const type = bytes.readUInt16LE(at + 2) & attributeTypeMask;
    const payload = at + attributeHeaderBytes;
    if (type < values.length && length >= 8) {
      const high = length >= 12 ? bytes.readUInt32LE(payload + 4) : 0;
      values[type] = bytes.readUInt32LE(payload) + high * 2 ** 32;
    }
    at += (length + 3) & ~3;
  }
}
