/**
 * Addresses of devices: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (linux/if_addr.h).
 *
 *     [family u8 | prefix length u8 | flags u8 | scope u8 | device index u32 | attributes]
 */
import {
  addressBits,
  familyOf,
  prefixLength,
  vipLink,
  type AddressRule,
  type Family,
  type Op,
} from '../../model/index.js';
import { errno } from '../errors.js';
import type { HostAddress } from '../port.js';
import { addressOf, u32Of } from './attributes.js';
import { attributesOf, flag, type MessageWriter } from './message.js';
import { encodeVipRoute } from './route.js';
import { af, afOf, bytesOf, isOurDevice, newFlags, rtm, type Devices } from './rtnetlink.js';

const headerBytes = 8;
const ifa = { address: 1, local: 2, flags: 8 } as const;
const ifaFlag = {
  temporary: 0x01,
  noDuplicateDetection: 0x02,
  duplicate: 0x08,
  deprecated: 0x20,
  tentative: 0x40,
  noPrefixRoute: 0x200,
} as const;
const scopeLink = 253;
const scopeHost = 254;
/** Addresses that will not stay or may not be used yet: no source to build rules on. */
const unusable = ifaFlag.temporary | ifaFlag.duplicate | ifaFlag.deprecated | ifaFlag.tentative;

/**
 * Writes the requests of one Op. Returns 0, or an errno (nothing was written then): ENODEV when
 * the device is not among the devices, EOPNOTSUPP for `set`, as there is nothing to set.
 * The kernel answers EADDRNOTAVAIL or ESRCH to a `delete` of what is not there.
 *
 * IPv6 addresses come without duplicate detection, which would keep them unusable for a second;
 * an IPv6 VIP is no address but a local route (`route.ts` says why, and reads it back).
 */
export function encodeAddressOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: AddressRule,
  sequence: number,
  devices: Devices,
): number {
  const index = devices.indexOf(rule.device);
  if (index === undefined) return errno.ENODEV;
  if (verb === 'set') return errno.EOPNOTSUPP;
  const family = familyOf(rule.prefix);
  const length = prefixLength(rule.prefix);
  if (isVip6(rule.device, family, length)) {
    encodeVipRoute(writer, verb, rule.prefix, sequence, index);
    return 0;
  }
  const bytes = bytesOf(rule.prefix);
  if (verb === 'add') writer.begin(rtm.newAddress, newFlags.add, sequence);
  else writer.begin(rtm.deleteAddress, flag.request, sequence);
  encodeHeader(writer, afOf(rule.prefix), length, index);
  writer.attributeBytes(ifa.local, bytes);
  writer.attributeBytes(ifa.address, bytes);
  if (family === 6 && verb === 'add') {
    // An address of full length needs no route to itself in the main table.
    const alone = length === addressBits(6) ? ifaFlag.noPrefixRoute : 0;
    writer.attributeU32(ifa.flags, ifaFlag.noDuplicateDetection | alone);
  }
  writer.end();
  return 0;
}

export function encodeAddressDump(writer: MessageWriter, sequence: number): void {
  writer.begin(rtm.getAddress, flag.request | flag.dump, sequence);
  encodeHeader(writer, af.unspecified, 0, 0);
  writer.end();
}

/**
 * An address on a device of ours is a rule, unless the kernel made it (link-local) or it is an IPv6
 * VIP, which we would not have made an address; one on another device is a HostAddress, unless it
 * is not fit to be a source. Otherwise undefined.
 */
export function decodeAddress(
  body: Buffer,
  devices: Devices,
): AddressRule | HostAddress | undefined {
  if (body.length < headerBytes) return undefined;
  const device = devices.nameOf(body.readUInt32LE(4));
  const attributes = attributesOf(body, headerBytes);
  // On a point-to-point link IFA_ADDRESS is the other side's.
  const address = addressOf(attributes, ifa.local) ?? addressOf(attributes, ifa.address);
  if (device === undefined || address === undefined || afOf(address) !== body[0]) return undefined;
  const prefixLength = body[1]!;
  if (prefixLength > addressBits(familyOf(address))) return undefined;

  const scope = body[3]!;
  if (isOurDevice(device)) {
    if (scope === scopeLink || isVip6(device, familyOf(address), prefixLength)) return undefined;
    return { kind: 'address', device, prefix: `${address}/${prefixLength}` };
  }
  const flags = u32Of(attributes, ifa.flags) ?? body[2]!;
  if ((flags & unusable) !== 0 && familyOf(address) === 6) return undefined;
  return { device, address, prefixLength, scope: scopeName(scope) };
}

function isVip6(device: string, family: Family, length: number): boolean {
  return device === vipLink && family === 6 && length === addressBits(6);
}

function scopeName(scope: number): HostAddress['scope'] {
  if (scope === scopeLink) return 'link';
  return scope === scopeHost ? 'host' : 'global';
}

function encodeHeader(writer: MessageWriter, family: number, length: number, index: number): void {
  writer.u8(family);
  writer.u8(length);
  writer.u8(0); // flags: in their attribute
  writer.u8(0); // scope: global
  writer.u32(index);
}
