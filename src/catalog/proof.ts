import { createHash } from 'node:crypto';
import { ByteWriter } from './bytes.js';
import type { Use } from './messages.js';
import type { Head, Row } from './model.js';

/** What the owner signs for a row. The first text keeps it apart from anything else it signs. */
export function rowBytes(row: Row): Uint8Array {
  const out = new ByteWriter().text('meshd catalog row').text(row.owner).varint(row.epoch);
  out
    .varint(row.version)
    .text(row.key)
    .text(row.network)
    .u8(row.value === undefined ? 0 : 1);
  return out.raw(sha256(row.value ?? new Uint8Array(0))).finish();
}

/** What the owner signs for a head. */
export function headBytes(head: Head): Uint8Array {
  const out = new ByteWriter().text('meshd catalog head').text(head.owner).varint(head.epoch);
  out.text(head.network).varint(head.version).varint(head.floor).varint(head.count);
  return out.raw(head.versions).finish();
}

/** What a node signs for its use of an owner's rows. */
export function useBytes(use: Use): Uint8Array {
  const out = new ByteWriter().text('meshd catalog use').text(use.from).text(use.owner);
  out.varint(use.epoch).varint(use.life).varint(use.serial).varint(use.interest.length);
  for (const network of use.interest) out.text(network);
  out.varint(use.networks.length);
  for (const { network, version } of use.networks) out.text(network).varint(version);
  return out.finish();
}

/** First 16 bytes of the SHA-256 over the ascending versions, as varints of the differences. */
export function versionsHash(versions: Float64Array): Uint8Array {
  const out = new ByteWriter();
  let before = 0;
  for (const version of versions.sort()) {
    out.varint(version - before);
    before = version;
  }
  return sha256(out.finish()).subarray(0, 16);
}

/** First 8 bytes of the SHA-256. */
export function shortHash(bytes: Uint8Array): bigint {
  return sha256(bytes).readBigUInt64BE(0);
}

export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** A network's name in 4 bytes. A collision costs a needless digest, no more. */
export function networkId(network: string): number {
  return sha256(new TextEncoder().encode(network)).readUInt32BE(0);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
