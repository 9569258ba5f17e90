import { formatAddress } from '../../model/index.js';

/**
 * Reading single attributes that `attributesOf` found. Each gives undefined when the attribute is
 * absent or has not the size it should have: replies are never trusted to be well formed.
 */
export type Attributes = ReadonlyMap<number, Buffer>;

export function u8Of(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload?.length === 1 ? payload[0] : undefined;
}

export function u32Of(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload?.length === 4 ? payload.readUInt32LE() : undefined;
}

export function u32BeOf(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload?.length === 4 ? payload.readUInt32BE() : undefined;
}

export function u16BeOf(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload?.length === 2 ? payload.readUInt16BE() : undefined;
}

/** Text up to its zero byte. */
export function textOf(attributes: Attributes, type: number): string | undefined {
  const payload = attributes.get(type);
  if (payload === undefined) return undefined;
  const end = payload.indexOf(0);
  return payload.toString('utf8', 0, end === -1 ? payload.length : end);
}

/** An address of either family, told by its size. */
export function addressOf(attributes: Attributes, type: number): string | undefined {
  const payload = attributes.get(type);
  if (payload?.length !== 4 && payload?.length !== 16) return undefined;
  return formatAddress(payload);
}

/** `02:42:0a:00:00:01`, from 6 bytes. */
export function macOf(attributes: Attributes, type: number): string | undefined {
  const payload = attributes.get(type);
  return payload?.length === 6 ? formatMac(payload) : undefined;
}

export function formatMac(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** 6 bytes of a canonical MAC. */
export function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}
