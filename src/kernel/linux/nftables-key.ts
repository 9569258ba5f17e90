/**
 * Parts of keys, and values, of sets: text as `nft` prints it <-> bytes in the kernel's order.
 * Addresses: `10.0.0.1`, `10.0.0.0/24`, `10.0.0.1-10.0.0.9`; ports: `80`, `8000-8010`;
 * protocols: `tcp`, `udp`, `sctp`, or the number; marks: `0x101`, in host byte order; MACs:
 * `02:42:0a:00:00:01`; names of devices as they are; places in headers: `0x1000`.
 */
import {
  addressBytes,
  formatAddress,
  parsePrefix,
  prefixBase,
  prefixLength,
  prefixOf,
  type NftType,
} from '../../model/index.js';
import { formatMac, macBytes } from './attributes.js';
import { nftTypes } from './nftables-message.js';

export interface KeyRange {
  readonly from: Buffer;
  /** Inclusive. */
  readonly to: Buffer;
}

const protocols: ReadonlyMap<string, number> = new Map([
  ['tcp', 6],
  ['udp', 17],
  ['sctp', 132],
]);

/** The range that a part of a key stands for; undefined when the text is none of that type. */
export function parseKeyPart(type: NftType, text: string): KeyRange | undefined {
  const isAddress = type === 'ipv4_addr' || type === 'ipv6_addr';
  if (isAddress && text.includes('/')) return parsePrefixRange(text, nftTypes[type].bytes);
  const dash = type === 'ifname' ? -1 : text.indexOf('-');
  const from = parseValue(type, dash === -1 ? text : text.slice(0, dash));
  const to = dash === -1 ? from : parseValue(type, text.slice(dash + 1));
  if (from === undefined || to === undefined || Buffer.compare(from, to) > 0) return undefined;
  return { from, to };
}

/** A single value, a prefix where the range is one, else `from-to`. Sizes are those of the type. */
export function formatKeyPart(type: NftType, from: Buffer, to: Buffer): string {
  const first = formatKeyValue(type, from);
  if (Buffer.compare(from, to) === 0) return first;
  const isAddress = type === 'ipv4_addr' || type === 'ipv6_addr';
  const length = isAddress ? commonBits(from, to) : undefined;
  const isPrefix = length !== undefined && isAllZero(from, length) && isAllOne(to, length);
  return isPrefix ? prefixOf(first, length) : `${first}-${formatKeyValue(type, to)}`;
}

export function formatKeyValue(type: NftType, value: Buffer): string {
  switch (type) {
    case 'ipv4_addr':
    case 'ipv6_addr':
      return formatAddress(value);
    case 'inet_proto': {
      const known = [...protocols].find(([, number]) => number === value[0]);
      return known?.[0] ?? String(value[0]);
    }
    case 'inet_service':
      return String(value.readUInt16BE());
    case 'ether_addr':
      return formatMac(value);
    case 'ifname':
      return value.toString('utf8').replace(/\0.*$/s, '');
    case '@th,96,24':
      return `0x${value.readUIntBE(0, 3).toString(16)}`;
    case 'mark':
      return `0x${value.readUInt32LE().toString(16)}`;
  }
}

function parseValue(type: NftType, text: string): Buffer | undefined {
  switch (type) {
    case 'ipv4_addr':
    case 'ipv6_addr': {
      const bytes = addressBytes(text);
      return bytes?.length === nftTypes[type].bytes ? Buffer.from(bytes) : undefined;
    }
    case 'ether_addr':
      return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text) ? macBytes(text) : undefined;
    case 'ifname':
      return parseDeviceName(text);
    case 'inet_proto': {
      const number = protocols.get(text) ?? parseNumber(text, 0xff);
      return number === undefined ? undefined : Buffer.of(number);
    }
    case 'inet_service': {
      const port = parseNumber(text, 0xffff);
      return port === undefined ? undefined : Buffer.of(port >> 8, port & 0xff);
    }
    case '@th,96,24': {
      const number = parseNumber(text, 0xffffff);
      if (number === undefined) return undefined;
      return Buffer.of(number >> 16, (number >> 8) & 0xff, number & 0xff);
    }
    case 'mark': {
      const mark = parseNumber(text, 0xffffffff);
      if (mark === undefined) return undefined;
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(mark);
      return bytes;
    }
  }
}

/** With a zero byte at its end, as the kernel has them (IFNAMSIZ). */
function parseDeviceName(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(nftTypes.ifname.bytes);
  const length = Buffer.byteLength(text);
  if (length === 0 || length >= bytes.length) return undefined;
  bytes.write(text);
  return bytes;
}

function parseNumber(text: string, max: number): number | undefined {
  if (!/^(0x[0-9a-f]+|[0-9]+)$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

function parsePrefixRange(text: string, bytes: number): KeyRange | undefined {
  const prefix = parsePrefix(text);
  if (prefix === undefined) return undefined;
  const base = addressBytes(prefixBase(prefix))!;
  if (base.length !== bytes) return undefined;
  const from = Buffer.from(base);
  const to = Buffer.from(base);
  for (let bit = prefixLength(prefix); bit < bytes * 8; bit++) to[bit >> 3]! |= 0x80 >> (bit & 7);
  return { from, to };
}

/** Number of leading bits that both have in common. */
function commonBits(a: Buffer, b: Buffer): number {
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
  }
  return a.length * 8;
}

function isAllZero(bytes: Buffer, fromBit: number): boolean {
  return everyBit(bytes, fromBit, 0);
}

function isAllOne(bytes: Buffer, fromBit: number): boolean {
  return everyBit(bytes, fromBit, 1);
}

function everyBit(bytes: Buffer, fromBit: number, value: 0 | 1): boolean {
  for (let bit = fromBit; bit < bytes.length * 8; bit++) {
    if (((bytes[bit >> 3]! >> (7 - (bit & 7))) & 1) !== value) return false;
  }
  return true;
}
