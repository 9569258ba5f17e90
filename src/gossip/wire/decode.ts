import { formatAddress } from '../../model/index.js';
import type { DropReason, PacketMessage, PeerAddress, Versions } from '../messages.js';
import { type Fields, readFields } from './fields.js';
import { typeByte } from './format.js';
import { MsgpackReader } from './msgpack.js';

/**
 * Decodes a message of bytes[start..end), its type byte included, as UDP carries it: no wrapper
 * around it. What follows its map is passed over, as peers do.
 */
export function decodeMessage(
  bytes: Buffer,
  start: number,
  end: number,
): PacketMessage | DropReason {
  if (start >= end) return 'truncated';
  const type = bytes[start]!;
  if (type === typeByte.user) return { type: 'user', payload: bytes.subarray(start + 1, end) };
  const build = builders[type];
  if (build === undefined) return 'unknown-type';
  const reader = new MsgpackReader(bytes, start + 1, end);
  const fields = readFields(bytes, reader);
  return reader.problem ?? build(fields) ?? 'malformed';
}

/** By type byte: the message of the fields; undefined when they make none. */
const builders: Readonly<Record<number, (fields: Fields) => PacketMessage | undefined>> = {
  [typeByte.ping]: buildPing,
  [typeByte.indirectPing]: buildIndirectPing,
  [typeByte.ack]: ({ sequence, payload }) => ({ type: 'ack', sequence, payload }),
  [typeByte.nack]: ({ sequence }) => ({ type: 'nack', sequence }),
  [typeByte.suspect]: ({ incarnation, node, from }) =>
    node === '' ? undefined : { type: 'suspect', incarnation, node, from },
  [typeByte.dead]: ({ incarnation, node, from }) =>
    node === '' ? undefined : { type: 'dead', incarnation, node, from },
  [typeByte.alive]: buildAlive,
};

function buildPing(fields: Fields): PacketMessage | undefined {
  const { sequence, node } = fields;
  if (fields.sourceAddress.length === 0 || fields.sourcePort === 0) {
    return { type: 'ping', sequence, node };
  }
  const source = sourceOf(fields);
  return source && { type: 'ping', sequence, node, source };
}

function buildIndirectPing(fields: Fields): PacketMessage | undefined {
  const { sequence, node, wantsNack: nack } = fields;
  const address = addressText(fields.target);
  if (address === undefined) return undefined;
  const target = { address, port: fields.port };
  if (fields.sourceAddress.length === 0 || fields.sourcePort === 0) {
    return { type: 'indirect-ping', sequence, node, target, nack };
  }
  const source = sourceOf(fields);
  return source && { type: 'indirect-ping', sequence, node, target, nack, source };
}

function buildAlive(fields: Fields): PacketMessage | undefined {
  const { incarnation, node } = fields;
  const at = peerAddress(fields.address, fields.port);
  if (at === undefined || node === '') return undefined;
  const versions = versionsOf(fields.versions);
  const meta = lasting(fields.meta);
  if (versions === undefined) return { type: 'alive', incarnation, node, at, meta };
  return { type: 'alive', incarnation, node, at, meta, versions };
}

function sourceOf(fields: Fields): (PeerAddress & { node: string }) | undefined {
  const address = addressText(fields.sourceAddress);
  if (address === undefined) return undefined;
  return { address, port: fields.sourcePort, node: fields.sourceNode };
}

/** Where a member listens; undefined when nobody could reach it there. */
export function peerAddress(bytes: Uint8Array, port: number): PeerAddress | undefined {
  if (port === 0) return undefined;
  const address = addressText(bytes);
  return address === undefined ? undefined : { address, port };
}

/** Versions, when all six are there. */
export function versionsOf(bytes: Uint8Array): Versions | undefined {
  if (bytes.length < 6) return undefined;
  return {
    protocolMin: bytes[0]!,
    protocolMax: bytes[1]!,
    protocol: bytes[2]!,
    delegateMin: bytes[3]!,
    delegateMax: bytes[4]!,
    delegate: bytes[5]!,
  };
}

/** A copy, so that what is kept of a member does not keep the packet that told of it. */
export function lasting(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** IPv4 comes in 4 bytes, or mapped into the 16 of IPv6 (RFC 4291 2.5.5.2). */
function addressText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return formatAddress(bytes);
  if (bytes.length !== 16) return undefined;
  return isMapped(bytes) ? formatAddress(bytes, 12, 4) : formatAddress(bytes);
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}
