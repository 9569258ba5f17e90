import {
  formatAddress,
  ipvsServiceFlag,
  type Destination,
  type Family,
  type Forwarding,
  type IpvsTimeoutsRule,
  type Protocol,
  type Scheduler,
  type SchedulerFlag,
  type TunnelType,
  type VirtualService,
  type VirtualServiceMatch,
} from '../../model/index.js';
import type { DestinationCounters } from '../port.js';
import {
  addressFamily,
  commandAttribute,
  destAttribute,
  forwardingMask,
  forwardingMethod,
  protocolNumber,
  serviceAttribute,
  serviceFlag,
  tunnelChecksum,
  tunnelTypes,
} from './ipvs-attributes.js';
import { genlHeaderBytes } from './generic-family.js';
import { decodeStats } from './ipvs-stats.js';
import { attributeHeaderBytes, attributeTypeMask, attributesOf } from './message.js';

/** A virtual service as it is in the kernel; the destinations have a dump of their own. */
export interface DecodedService {
  readonly service: Omit<VirtualService, 'destinations'>;
  /** Whether it carries our mark. */
  readonly own: boolean;
  /** Where the attributes of the statistics begin in the message; 0 = there are none. */
  readonly stats: number;
}

/** What one destination says, before anything is made of it; one is reused for a whole dump. */
class DestinationFields {
  family = 0;
  address = '';
  port = 0;
  forwarding = 0;
  weight = 0;
  upperThreshold = 0;
  lowerThreshold = 0;
  active = 0;
  inactive = 0;
  persistent = 0;
  /** Where the attributes of the statistics begin; 0 = there are none. */
  stats = 0;
  stats64 = 0;
  tunnelType = 0;
  tunnelPort = 0;
  tunnelFlags = 0;

  clear(): void {
    this.family = addressFamily[4];
    this.address = '';
    this.port = this.forwarding = this.weight = 0;
    this.upperThreshold = this.lowerThreshold = 0;
    this.active = this.inactive = this.persistent = 0;
    this.stats = this.stats64 = 0;
    this.tunnelType = this.tunnelPort = this.tunnelFlags = 0;
  }
}

/** Slots for addresses known by their value: 2^16. */
const addressSlotBits = 16;
const noTunnelTypes: readonly (TunnelType | undefined)[] = tunnelTypes;

/**
 * Reads IPVS messages where they lie: `start` and `end` enclose the body, genl header included.
 * Every method returns undefined for what is malformed, and for what this project has no words
 * for. A dump has 100,000 destinations, so they are read without intermediate objects.
 */
export class IpvsDecoder {
  private readonly fields = new DestinationFields();
  private readonly addressValues = new Int32Array(1 << addressSlotBits);
  private readonly addressTexts = new Array<string>(1 << addressSlotBits).fill('0.0.0.0');

  destination(bytes: Buffer, start: number, end: number): Destination | undefined {
    const fields = this.read(bytes, start, end);
    if (fields === undefined) return undefined;
    const { address, port, weight, upperThreshold, lowerThreshold } = fields;
    const forwarding = forwardingOf(fields.forwarding);
    if (forwarding !== 'tunnel') {
      return { address, port, weight, forwarding, upperThreshold, lowerThreshold };
    }
    const tunnel = tunnelOf(fields);
    if (tunnel === undefined) return undefined;
    return { address, port, weight, forwarding, tunnel, upperThreshold, lowerThreshold };
  }

  destinationCounters(bytes: Buffer, start: number, end: number): DestinationCounters | undefined {
    const fields = this.read(bytes, start, end);
    if (fields === undefined) return undefined;
    const { address, port, weight, active, inactive, persistent } = fields;
    const stats = decodeStats(bytes, fields.stats64 || fields.stats);
    return { address, port, weight, active, inactive, persistent, ...stats };
  }

  private read(bytes: Buffer, start: number, end: number): DestinationFields | undefined {
    const nest = findAttribute(bytes, start + genlHeaderBytes, end, commandAttribute.dest);
    if (nest === -1) return undefined;
    const fields = this.fields;
    fields.clear();
    const stop = nest + u16(bytes, nest);
    let addressAt = 0;
    let addressBytes = 0;
    for (let at = nest + attributeHeaderBytes; at + attributeHeaderBytes <= stop;) {
      const length = u16(bytes, at);
      if (length < attributeHeaderBytes || at + length > stop) return undefined;
      const type = u16(bytes, at + 2) & attributeTypeMask;
      const payload = at + attributeHeaderBytes;
      if (type === destAttribute.address) {
        addressAt = payload;
        addressBytes = length - attributeHeaderBytes;
      } else if (length >= 8) {
        readField(fields, type, bytes, payload);
      } else {
        readShortField(fields, type, length - attributeHeaderBytes, bytes, payload);
      }
      at += (length + 3) & ~3;
    }
    fields.address = this.addressText(bytes, addressAt, addressBytes, fields.family) ?? '';
    return fields.address === '' ? undefined : fields;
  }

  private addressText(bytes: Buffer, at: number, length: number, family: number) {
    if (family === addressFamily[6] && length >= 16) return formatAddress(bytes, at, 16);
    if (family !== addressFamily[4] || length < 4) return undefined;
    // One text per value saves time and memory; a Map of 100,000 would cost more than it saves.
    const value = bytes.readInt32LE(at);
    const slot = Math.imul(value, 0x9e3779b1) >>> (32 - addressSlotBits);
    if (this.addressValues[slot] !== value) {
      this.addressValues[slot] = value;
      this.addressTexts[slot] = formatAddress(bytes, at, 4);
    }
    return this.addressTexts[slot];
  }
}

/** Fields of at least 4 bytes. */
function readField(fields: DestinationFields, type: number, bytes: Buffer, payload: number): void {
  switch (type) {
    case destAttribute.forwarding:
      fields.forwarding = u32(bytes, payload) & forwardingMask;
      break;
    case destAttribute.weight:
      fields.weight = u32(bytes, payload);
      break;
    case destAttribute.upperThreshold:
      fields.upperThreshold = u32(bytes, payload);
      break;
    case destAttribute.lowerThreshold:
      fields.lowerThreshold = u32(bytes, payload);
      break;
    case destAttribute.active:
      fields.active = u32(bytes, payload);
      break;
    case destAttribute.inactive:
      fields.inactive = u32(bytes, payload);
      break;
    case destAttribute.persistent:
      fields.persistent = u32(bytes, payload);
      break;
    case destAttribute.stats:
      fields.stats = payload - attributeHeaderBytes;
      break;
    case destAttribute.stats64:
      fields.stats64 = payload - attributeHeaderBytes;
      break;
  }
}

/** Fields of 1 or 2 bytes. */
function readShortField(
  fields: DestinationFields,
  type: number,
  length: number,
  bytes: Buffer,
  payload: number,
): void {
  if (type === destAttribute.tunnelType && length >= 1) fields.tunnelType = bytes[payload]!;
  if (length < 2) return;
  if (type === destAttribute.family) fields.family = u16(bytes, payload);
  else if (type === destAttribute.port) fields.port = bytes.readUInt16BE(payload);
  else if (type === destAttribute.tunnelPort) fields.tunnelPort = bytes.readUInt16BE(payload);
  else if (type === destAttribute.tunnelFlags) fields.tunnelFlags = u16(bytes, payload);
}

function tunnelOf(fields: DestinationFields): NonNullable<Destination['tunnel']> | undefined {
  const type = noTunnelTypes[fields.tunnelType];
  if (type === undefined) return undefined;
  const checksum = (fields.tunnelFlags & tunnelChecksum) !== 0;
  return { type, port: fields.tunnelPort, checksum };
}

/** `localnode` is what the kernel finds out itself; as a method it acts like `route`. */
function forwardingOf(method: number): Forwarding {
  if (method === forwardingMethod.masq) return 'masq';
  return method === forwardingMethod.tunnel ? 'tunnel' : 'route';
}

export function decodeService(
  bytes: Buffer,
  start: number,
  end: number,
): DecodedService | undefined {
  const nest = findAttribute(bytes, start + genlHeaderBytes, end, commandAttribute.service);
  if (nest === -1) return undefined;
  const stop = nest + u16(bytes, nest);
  const attributes = attributesOf(bytes.subarray(0, stop), nest + attributeHeaderBytes);
  const family = familyNamed(wordAt(attributes.get(serviceAttribute.family)));
  if (family === undefined) return undefined;
  const match = matchOf(attributes, family);
  if (match === undefined) return undefined;
  const flags = wordAt(attributes.get(serviceAttribute.flags));
  const schedulerFlags: SchedulerFlag[] = [];
  if ((flags & serviceFlag.fallback) !== 0) schedulerFlags.push('fallback');
  if ((flags & serviceFlag.port) !== 0) schedulerFlags.push('port');
  const isPersistent = (flags & serviceFlag.persistent) !== 0;
  const service = {
    match,
    scheduler: schedulerOf(attributes.get(serviceAttribute.scheduler)),
    schedulerFlags,
    affinityTimeoutS: isPersistent ? wordAt(attributes.get(serviceAttribute.timeout)) : 0,
    affinityPrefix: prefixOf(attributes.get(serviceAttribute.netmask), family),
    onePacket: (flags & serviceFlag.onePacket) !== 0,
  };
  const stats = attributes.get(serviceAttribute.stats64) ?? attributes.get(serviceAttribute.stats);
  return {
    service,
    own: (flags & ipvsMarkMask) >>> 0 === ipvsServiceFlag,
    stats: stats === undefined ? 0 : offsetIn(bytes, stats),
  };
}

/** All bits above those the kernel may one day use: the mark is exact, not "these and others". */
const ipvsMarkMask = 0xff000000;

function matchOf(
  attributes: ReadonlyMap<number, Buffer>,
  family: Family,
): VirtualServiceMatch | undefined {
  const fwmark = wordAt(attributes.get(serviceAttribute.fwmark));
  if (fwmark !== 0) return { fwmark, family };
  const protocol = protocolNamed(wordAt(attributes.get(serviceAttribute.protocol)));
  const address = attributes.get(serviceAttribute.address);
  const port = attributes.get(serviceAttribute.port);
  const addressLength = family === 4 ? 4 : 16;
  if (protocol === undefined || address === undefined || address.length < addressLength) {
    return undefined;
  }
  if (port === undefined || port.length < 2) return undefined;
  return {
    protocol,
    address: formatAddress(address, 0, addressLength),
    port: port.readUInt16BE(),
  };
}

/** The timeouts of a GET_CONFIG reply; kernels without a protocol leave its timeout out. */
export function decodeTimeouts(bytes: Buffer): IpvsTimeoutsRule | undefined {
  const attributes = attributesOf(bytes, genlHeaderBytes);
  const tcpS = wordAt(attributes.get(commandAttribute.timeoutTcp));
  const tcpFinS = wordAt(attributes.get(commandAttribute.timeoutTcpFin));
  const udpS = wordAt(attributes.get(commandAttribute.timeoutUdp));
  if (tcpS === 0 && tcpFinS === 0 && udpS === 0) return undefined;
  return { kind: 'ipvs-timeouts', tcpS, tcpFinS, udpS };
}

function familyNamed(value: number): Family | undefined {
  if (value === addressFamily[4]) return 4;
  return value === addressFamily[6] ? 6 : undefined;
}

function protocolNamed(value: number): Protocol | undefined {
  switch (value) {
    case protocolNumber.tcp:
      return 'tcp';
    case protocolNumber.udp:
      return 'udp';
    case protocolNumber.sctp:
      return 'sctp';
    default:
      return undefined;
  }
}

/** Foreign services may have schedulers that this project does not offer: the text is kept. */
function schedulerOf(name: Buffer | undefined): Scheduler {
  const text = name?.toString('latin1') ?? '';
  const end = text.indexOf('\0');
  return (end === -1 ? text : text.slice(0, end)) as Scheduler;
}

function prefixOf(netmask: Buffer | undefined, family: Family): number {
  if (netmask === undefined || netmask.length < 4) return family === 4 ? 32 : 128;
  return family === 4 ? Math.clz32(~netmask.readInt32BE()) : netmask.readUInt32LE();
}

/** Offset of an attribute's header, whose payload is `payload`, a view into `bytes`. */
function offsetIn(bytes: Buffer, payload: Buffer): number {
  return payload.byteOffset - bytes.byteOffset - attributeHeaderBytes;
}

/** The header of the first attribute of `wanted` type that fits, or -1. */
function findAttribute(bytes: Buffer, start: number, end: number, wanted: number): number {
  for (let at = start; at + attributeHeaderBytes <= end;) {
    const length = u16(bytes, at);
    if (length < attributeHeaderBytes || at + length > end) return -1;
    if ((u16(bytes, at + 2) & attributeTypeMask) === wanted) return at;
    at += (length + 3) & ~3;
  }
  return -1;
}

function wordAt(payload: Buffer | undefined): number {
  if (payload === undefined) return 0;
  if (payload.length >= 4) return payload.readUInt32LE();
  return payload.length >= 2 ? payload.readUInt16LE() : 0;
}

function u16(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function u32(bytes: Buffer, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
