import { MeshError } from '../base/index.js';
import {
  addressAt,
  familyOf,
  prefixContains,
  prefixLength,
  prefixSize,
  type Family,
} from '../model/index.js';

/**
 * Gives out VIPs from prefixes. The first choice for a service follows from its name, so that a
 * host that lost its memory, and two hosts with one file, come to the same address unless it is
 * taken. Pure: who holds what is the caller's to know.
 */
export class VipPool {
  constructor(private readonly prefixes: readonly string[]) {}

  hasFamily(family: Family): boolean {
    return this.prefixes.some((prefix) => familyOf(prefix) === family);
  }

  contains(address: string): boolean {
    return this.prefixes.some((prefix) => prefixContains(prefix, address));
  }

  /**
   * An address for `name` that is not taken, and only if there is no other one to avoid.
   * Errors: failed_precondition without a pool of the family, resource_exhausted when all are taken.
   */
  choose(
    name: string,
    family: Family,
    isTaken: (address: string) => boolean,
    isToAvoid: (address: string) => boolean = () => false,
  ): string {
    const prefixes = this.prefixes.filter((prefix) => familyOf(prefix) === family);
    if (prefixes.length === 0) {
      throw new MeshError(
        'failed_precondition',
        `service ${name}: no VIP given and no IPv${family} pool in the configuration`,
      );
    }
    for (const isOut of [(one: string) => isTaken(one) || isToAvoid(one), isTaken]) {
      for (const prefix of prefixes) {
        const free = firstFree(prefix, hash(name), isOut);
        if (free !== undefined) return free;
      }
    }
    throw new MeshError(
      'resource_exhausted',
      `service ${name}: every address of the IPv${family} pools is taken (${prefixes.join(', ')})`,
    );
  }
}

/** More addresses than any table can hold are never looked at. */
const searchMax = 2 ** 20;

function firstFree(
  prefix: string,
  start: number,
  isTaken: (address: string) => boolean,
): string | undefined {
  const { first, count } = usableRange(prefix);
  for (let i = 0; i < Math.min(count, searchMax); i++) {
    const address = addressAt(prefix, first + ((start + i) % count));
    if (!isTaken(address)) return address;
  }
  return undefined;
}

/** Without the network and broadcast addresses of IPv4 and the subnet anycast address of IPv6. */
function usableRange(prefix: string): { first: number; count: number } {
  const size = prefixSize(prefix);
  if (size === 1) return { first: 0, count: 1 };
  if (familyOf(prefix) === 6) return { first: 1, count: Math.min(size - 1, 2 ** 32) };
  return prefixLength(prefix) === 31 ? { first: 0, count: 2 } : { first: 1, count: size - 2 };
}

/** FNV-1a, 32 bits: spreads names over a pool; no secret depends on it. */
/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value >>> 0;
}
