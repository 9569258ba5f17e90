import {
  addressBytes,
  familyOf,
  ipvsServiceFlag,
  matchFamily,
  type Destination,
  type Family,
  type IpvsTimeoutsRule,
  type VirtualService,
  type VirtualServiceMatch,
} from '../../model/index.js';
import {
  addressFamily,
  command,
  commandAttribute,
  destAttribute,
  familyVersion,
  forwardingMethod,
  protocolNumber,
  serviceAttribute,
  serviceFlag,
  tunnelChecksum,
  tunnelTypes,
} from './ipvs-attributes.js';
import { MessageWriter, flag } from './message.js';

/** What to do with a service or a destination. */
export type Verb = 'add' | 'set' | 'delete';

const serviceCommand = {
  add: command.newService,
  set: command.setService,
  delete: command.delService,
} as const;
const destCommand = {
  add: command.newDest,
  set: command.setDest,
  delete: command.delDest,
} as const;

/**
 * Writes IPVS requests. One per batch or longer; not to be shared between batches at once.
 * A destination costs about 0.2 us: its service is encoded once and copied from then on.
 */
export class IpvsEncoder {
  private match: VirtualServiceMatch | undefined;
  private readonly matchWriter = new MessageWriter(64);
  private matchBytes: Uint8Array = Buffer.alloc(0);

  /** `family` is the number the kernel gave to the generic netlink family IPVS. */
  constructor(
    private readonly family: number,
    private readonly writer: MessageWriter,
  ) {}

  /** The service without its destinations; carries our mark. */
  service(verb: Verb, sequence: number, service: VirtualService): void {
    const writer = this.writer;
    this.begin(serviceCommand[verb], flag.request, sequence);
    writer.beginNested(commandAttribute.service);
    this.writeMatch(service.match);
    if (verb !== 'delete') writeServiceOptions(writer, service);
    writer.endNested();
    writer.end();
  }

  destination(
    verb: Verb,
    sequence: number,
    match: VirtualServiceMatch,
    destination: Destination,
  ): void {
    const writer = this.writer;
    this.begin(destCommand[verb], flag.request, sequence);
    writer.beginNested(commandAttribute.service);
    this.writeMatch(match);
    writer.endNested();
    writer.beginNested(commandAttribute.dest);
    writeDestination(writer, destination, verb);
    writer.endNested();
    writer.end();
  }

  timeouts(sequence: number, timeouts: IpvsTimeoutsRule): void {
    this.begin(command.setConfig, flag.request, sequence);
    this.writer.attributeU32(commandAttribute.timeoutTcp, timeouts.tcpS);
    this.writer.attributeU32(commandAttribute.timeoutTcpFin, timeouts.tcpFinS);
    this.writer.attributeU32(commandAttribute.timeoutUdp, timeouts.udpS);
    this.writer.end();
  }

  listServices(sequence: number): void {
    this.begin(command.getService, flag.request | flag.dump, sequence);
    this.writer.end();
  }

  listDestinations(sequence: number, match: VirtualServiceMatch): void {
    this.begin(command.getDest, flag.request | flag.dump, sequence);
    this.writer.beginNested(commandAttribute.service);
    this.writeMatch(match);
    this.writer.endNested();
    this.writer.end();
  }

  getTimeouts(sequence: number): void {
    this.begin(command.getConfig, flag.request, sequence);
    this.writer.end();
  }

  getInfo(sequence: number): void {
    this.begin(command.getInfo, flag.request, sequence);
    this.writer.end();
  }

  /** Removes every service of the sandbox, foreign ones too. */
  flush(sequence: number): void {
    this.begin(command.flush, flag.request, sequence);
    this.writer.end();
  }

  private begin(number: number, flags: number, sequence: number): void {
    this.writer.begin(this.family, flags, sequence);
    this.writer.u32(number | (familyVersion << 8));
  }

  private writeMatch(match: VirtualServiceMatch): void {
    if (match !== this.match) {
      this.matchWriter.reset();
      writeMatch(this.matchWriter, match);
      this.matchBytes = this.matchWriter.bytes();
      this.match = match;
    }
    this.writer.raw(this.matchBytes);
  }
}

function writeMatch(writer: MessageWriter, match: VirtualServiceMatch): void {
  const family = matchFamily(match);
  writer.attributeU16(serviceAttribute.family, addressFamily[family]);
  if ('fwmark' in match) {
    writer.attributeU32(serviceAttribute.fwmark, match.fwmark);
    return;
  }
  writer.attributeU16(serviceAttribute.protocol, protocolNumber[match.protocol]);
  writeAddress(writer, serviceAttribute.address, match.address, family);
  writer.attributeU16Be(serviceAttribute.port, match.port);
}

function writeServiceOptions(writer: MessageWriter, service: VirtualService): void {
  writer.attributeString(serviceAttribute.scheduler, service.scheduler);
  writer.attributeBytes(serviceAttribute.flags, flagsAndMask(service));
  writer.attributeU32(serviceAttribute.timeout, service.affinityTimeoutS);
  const prefix = service.affinityPrefix;
  if (matchFamily(service.match) === 6) writer.attributeU32(serviceAttribute.netmask, prefix);
  // JavaScript shifts by the count modulo 32; no prefix of length 0 exists here.
  else writer.attributeU32Be(serviceAttribute.netmask, -1 << (32 - prefix));
}

/** struct ip_vs_flags: the flags, and which of them count: all. */
function flagsAndMask(service: VirtualService): Uint8Array {
  let flags: number = ipvsServiceFlag;
  if (service.affinityTimeoutS > 0) flags |= serviceFlag.persistent;
  if (service.onePacket) flags |= serviceFlag.onePacket;
  if (service.schedulerFlags.includes('fallback')) flags |= serviceFlag.fallback;
  if (service.schedulerFlags.includes('port')) flags |= serviceFlag.port;
  const bytes = Buffer.alloc(8, 0xff);
  bytes.writeUInt32LE(flags);
  return bytes;
}

function writeDestination(writer: MessageWriter, destination: Destination, verb: Verb): void {
  const family = familyOf(destination.address);
  writer.attributeU16(destAttribute.family, addressFamily[family]);
  writeAddress(writer, destAttribute.address, destination.address, family);
  writer.attributeU16Be(destAttribute.port, destination.port);
  if (verb === 'delete') return;
  writer.attributeU32(destAttribute.forwarding, forwardingMethod[destination.forwarding]);
  writer.attributeU32(destAttribute.weight, destination.weight);
  writer.attributeU32(destAttribute.upperThreshold, destination.upperThreshold);
  writer.attributeU32(destAttribute.lowerThreshold, destination.lowerThreshold);
  const tunnel = destination.tunnel;
  if (tunnel === undefined) return;
  writer.attributeU8(destAttribute.tunnelType, tunnelTypes.indexOf(tunnel.type));
  writer.attributeU16Be(destAttribute.tunnelPort, tunnel.port);
  writer.attributeU16(destAttribute.tunnelFlags, tunnel.checksum ? tunnelChecksum : 0);
}

function writeAddress(writer: MessageWriter, type: number, text: string, family: Family): void {
  if (family === 4) writer.attributeU32Be(type, ipv4Number(text));
  else writer.attributeBytes(type, addressBytes(text)!);
}

/** A canonical IPv4 address as a number; addressBytes costs ten times as much. */
function ipv4Number(text: string): number {
  let number = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      number = (number << 8) | part;
      part = 0;
    } else {
      part = part * 10 + code - 48;
    }
  }
  return (number << 8) | part;
}
