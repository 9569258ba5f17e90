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
import { MessageWriter, flag, swap16, swap32 } from './message.js';

/** What to do with a service or a destination. */
export type Verb = 'add' | 'set' | 'delete';

/** Of the netlink header: length, type and flags, sequence, port. */
const sequenceWord = 2;

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

/** Where the values lie that differ between destinations: words from the end of the message. */
const fromEnd = {
  lower: 1,
  upper: 3,
  weight: 5,
  forwarding: 7,
  port: 9,
  address: 11,
  address6: 14,
};

/**
 * Writes IPVS requests. The destinations of a service differ in a few words, so the message of one
 * becomes the template of those that follow.
 */
export class IpvsEncoder {
  private match: VirtualServiceMatch | undefined;
  private readonly matchWriter = new MessageWriter(64);
  private matchBytes: Uint8Array = Buffer.alloc(0);
  /** The last plain message, to be patched. */
  private template: Uint32Array = new Uint32Array(0);
  private templateVerb: Verb | undefined;
  private templateMatch: VirtualServiceMatch | undefined;
  private templateFamily: Family = 4;

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
    const { address } = destination;
    const isPlain = destination.tunnel === undefined && verb !== 'delete';
    if (isPlain && this.templateMatch === match && this.templateVerb === verb) {
      const number = ipv4Number(address);
      const family = number === undefined ? 6 : 4;
      if (family === this.templateFamily) {
        this.patchTemplate(sequence, destination, number);
        this.writer.wholeWords(this.template);
        return;
      }
    }
    const family = familyOf(address);
    const start = this.writer.length;
    this.writeDestination(verb, sequence, match, destination);
    if (!isPlain) return;
    this.template = this.writer.copyWords(start);
    this.templateVerb = verb;
    this.templateMatch = match;
    this.templateFamily = family;
  }

  /** Adds `count` of `list`, from `start`; the messages have consecutive sequence numbers. */
  destinations(
    firstSequence: number,
    match: VirtualServiceMatch,
    list: readonly Destination[],
    start: number,
    count: number,
  ): void {
    for (let i = 0; i < count; i++) {
      this.destination('add', firstSequence + i, match, list[start + i]!);
    }
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

  private writeDestination(
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
    writeDestinationOptions(writer, destination, verb);
    writer.endNested();
    writer.end();
  }

  private patchTemplate(
    sequence: number,
    destination: Destination,
    ipv4: number | undefined,
  ): void {
    const template = this.template;
    const end = template.length;
    template[sequenceWord] = sequence;
    template[end - fromEnd.lower] = destination.lowerThreshold;
    template[end - fromEnd.upper] = destination.upperThreshold;
    template[end - fromEnd.weight] = destination.weight;
    template[end - fromEnd.forwarding] = forwardingMethod[destination.forwarding];
    template[end - fromEnd.port] = swap16(destination.port);
    if (ipv4 !== undefined) {
      template[end - fromEnd.address] = swap32(ipv4);
      return;
    }
    const bytes = ipv6Bytes(destination.address);
    for (let i = 0; i < 4; i++) {
      const at = 4 * i;
      template[end - fromEnd.address6 + i] =
        bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    }
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

/** In this order, which `fromEnd` counts on. */
function writeDestinationOptions(
  writer: MessageWriter,
  destination: Destination,
  verb: Verb,
): void {
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
  if (family === 4) writer.attributeU32Be(type, ipv4Number(text)!);
  else writer.attributeBytes(type, ipv6Bytes(text));
}

const ipv6TextsMax = 65_536;
const ipv6Texts = new Map<string, Uint8Array>();

/** Parsing takes two microseconds, and the same few addresses come again and again. */
function ipv6Bytes(text: string): Uint8Array {
  let bytes = ipv6Texts.get(text);
  if (bytes === undefined) {
    if (ipv6Texts.size >= ipv6TextsMax) ipv6Texts.clear();
    bytes = addressBytes(text)!;
    ipv6Texts.set(text, bytes);
  }
  return bytes;
}

/** A canonical IPv4 address as a number, undefined for IPv6; addressBytes takes ten times longer. */
function ipv4Number(text: string): number | undefined {
  let number = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) {
      part = part * 10 + digit;
    } else {
      if (digit !== dot) return undefined;
      number = (number << 8) | part;
      part = 0;
    }
  }
  return (number << 8) | part;
}

const dot = -2; // '.' - '0'
