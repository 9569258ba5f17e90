import { addressBits, addressBytes, familyOf, formatAddress } from './address.js';

/** Canonical CIDR text `10.96.0.0/16` with host bits zero. */
export function parsePrefix(text: string): string | undefined {
  const slash = text.indexOf('/');
  if (slash === -1) return undefined;
  const bytes = addressBytes(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (bytes === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > bytes.length * 8) return undefined;
  return `${formatAddress(maskBytes(bytes, length))}/${length}`;
}

/** The canonical prefix of `length` bits that holds `address`. */
export function prefixOf(address: string, length: number): string {
  return `${formatAddress(maskBytes(addressBytes(address)!, length))}/${length}`;
}

export function prefixLength(prefix: string): number {
  return Number(prefix.slice(prefix.indexOf('/') + 1));
}

export function prefixBase(prefix: string): string {
  return prefix.slice(0, prefix.indexOf('/'));
}

/** True when the canonical `address` lies in the canonical `prefix`. */
export function prefixContains(prefix: string, address: string): boolean {
  if (familyOf(prefix) !== familyOf(address)) return false;
  return prefixOf(address, prefixLength(prefix)) === prefix;
}

/** Number of addresses in the prefix, at most 2^53 - 1. */
export function prefixSize(prefix: string): number {
  const hostBits = addressBits(familyOf(prefix)) - prefixLength(prefix);
  return hostBits >= 53 ? Number.MAX_SAFE_INTEGER : 2 ** hostBits;
}

/** The address at `index` in the prefix. Range of index: 0 <= index < prefixSize(prefix). */
export function addressAt(prefix: string, index: number): string {
  const bytes = addressBytes(prefixBase(prefix))!;
  let rest = index;
  for (let i = bytes.length - 1; i >= 0 && rest > 0; i--) {
    const sum = bytes[i]! + (rest % 256);
    bytes[i] = sum & 0xff;
    rest = Math.floor(rest / 256) + (sum >> 8);
  }
  return formatAddress(bytes);
}

function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i));
    return byte & (0xff << (8 - bits));
  });
}
