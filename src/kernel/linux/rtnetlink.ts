import {
  addressBytes,
  familyOf,
  linkPrefix,
  prefixBase,
  type LinkRule,
} from '../../model/index.js';
import { flag } from './message.js';

/** linux/rtnetlink.h. */
export const rtm = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newNeighbor: 28,
  deleteNeighbor: 29,
  getNeighbor: 30,
  newRule: 32,
  deleteRule: 33,
  getRule: 34,
} as const;

/** linux/socket.h; a dump of `unspecified` covers every family the kernel was built with. */
export const af = { unspecified: 0, inet: 2, bridge: 7, inet6: 10 } as const;

/**
 * Flags of a NEW request: `add` fails with EEXIST when there is one already, `set` with ENOENT (or
 * what the kind has for it) when there is none. Kinds where the kernel does not keep to that say so.
 */
export const newFlags = {
  add: flag.request | flag.create | flag.exclusive,
  set: flag.request | flag.replace,
} as const;

/** A request whose failure is of no interest carries this sequence; sessions never use it. */
export const unheededSequence = 0;

/**
 * Names and indexes of the devices of a sandbox: messages speak of indexes, rules of names; and the
 * MACs of ours. Taken from a link dump, and stale as soon as a link was added: encoders answer ENODEV for a name that
 * is not in it, and the caller reads the links again.
 */
export class Devices {
  private readonly indexes = new Map<string, number>();
  private readonly names = new Map<number, string>();
  private readonly macs = new Map<string, string>();

  constructor(devices: Iterable<Device> = []) {
    for (const { index, name, rule } of devices) {
      this.indexes.set(name, index);
      this.names.set(index, name);
      if (rule?.mac !== undefined) this.macs.set(name, rule.mac);
    }
  }

  indexOf(name: string): number | undefined {
    return this.indexes.get(name);
  }

  /** Undefined for devices that are not ours. */
  macOf(name: string): string | undefined {
    return this.macs.get(name);
  }

  nameOf(index: number | undefined): string | undefined {
    return index === undefined ? undefined : this.names.get(index);
  }
}

interface Device {
  readonly index: number;
  readonly name: string;
  readonly rule?: Pick<LinkRule, 'mac'>;
}

export function isOurDevice(name: string): boolean {
  return name.startsWith(linkPrefix);
}

/** AF_INET or AF_INET6 of an address or prefix. */
export function afOf(text: string): number {
  return familyOf(text) === 4 ? af.inet : af.inet6;
}

/** Bytes of an address or of the base of a prefix, both canonical. */
export function bytesOf(text: string): Uint8Array {
  return addressBytes(text.includes('/') ? prefixBase(text) : text)!;
}
