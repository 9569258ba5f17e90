import { addressBytes, parseAddress, parsePrefix } from '../model/index.js';

/** Addresses that no host may answer or be reached at. Source: RFC 6890, RFC 4291. */
const special: readonly { prefix: string; what: string }[] = [
  { prefix: '0.0.0.0/8', what: 'an unspecified address' },
  { prefix: '127.0.0.0/8', what: 'a loopback address' },
  { prefix: '224.0.0.0/4', what: 'a multicast address' },
  { prefix: '255.255.255.255/32', what: 'the broadcast address' },
  { prefix: '::/128', what: 'the unspecified address' },
  { prefix: '::1/128', what: 'the loopback address' },
  { prefix: '::ffff:0:0/96', what: 'an IPv4 address written as IPv6' },
  { prefix: 'fe80::/10', what: 'a link-local address, which needs an interface' },
  { prefix: 'ff00::/8', what: 'a multicast address' },
];

/** A prefix made for many look-ups. */
export interface PrefixRange {
  readonly prefix: string;
  readonly base: Uint8Array;
  readonly length: number;
}

/** Of a canonical prefix. */
export function prefixRange(prefix: string): PrefixRange {
  const slash = prefix.indexOf('/');
  const base = addressBytes(prefix.slice(0, slash))!;
  return { prefix, base, length: Number(prefix.slice(slash + 1)) };
}

export function rangeHolds(range: PrefixRange, address: Uint8Array): boolean {
  return address.length === range.base.length && sameBits(range.base, address, range.length);
}

export function rangesOverlap(a: PrefixRange, b: PrefixRange): boolean {
  if (a.base.length !== b.base.length) return false;
  return sameBits(a.base, b.base, Math.min(a.length, b.length));
}

const specialRanges = special.map(({ prefix, what }) => ({
  range: prefixRange(parsePrefix(prefix)!),
  what,
}));

/** Why a canonical address cannot be a VIP or a destination; undefined when it can. */
export function whyUnusable(address: string): string | undefined {
  const bytes = addressBytes(address)!;
  return specialRanges.find(({ range }) => rangeHolds(range, bytes))?.what;
}

/** Why VIPs cannot be taken from a canonical prefix; undefined when they can. */
export function whyNoPool(prefix: string): string | undefined {
  const pool = prefixRange(prefix);
  const shortest = pool.base.length === 4 ? 8 : 16;
  if (pool.length < shortest) return `larger than a /${shortest}`;
  const clash = specialRanges.find(({ range }) => rangesOverlap(range, pool));
  return clash === undefined ? undefined : `it holds ${clash.range.prefix}`;
}

/** Canonical address and port of `10.0.0.1:80` or `[fd00::1]:80`. */
export function parseEndpoint(
  text: string,
  portMin = 1,
): { address: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const address = parseAddress(match[1] ?? match[2]!);
  const port = Number(match[3]);
  if (address === undefined || port < portMin || port > 65_535) return undefined;
  return address.includes(':') === (match[1] !== undefined) ? { address, port } : undefined;
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole]! ^ b[whole]!) >> (8 - rest) === 0;
}
