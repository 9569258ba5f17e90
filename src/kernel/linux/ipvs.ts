import {
  formatMatch,
  type Destination,
  type IpvsTimeoutsRule,
  type VirtualServiceMatch,
  type VirtualServiceRule,
} from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type { Counters, DestinationCounters, ServiceCounters } from '../port.js';
import { findFamily, genlHeaderBytes } from './generic-family.js';
import { infoAttribute, ipvsFamily } from './ipvs-attributes.js';
import { IpvsDecoder, decodeService, decodeTimeouts, type DecodedService } from './ipvs-decode.js';
import { IpvsEncoder } from './ipvs-encode.js';
import { decodeStats } from './ipvs-stats.js';
import { MessageWriter, attributesOf, headerBytes } from './message.js';
import type { NetlinkSession } from './session.js';

/** The virtual services of a sandbox. */
export interface VirtualServices {
  /** Those that carry our mark. */
  readonly own: readonly VirtualServiceRule[];
  readonly foreign: readonly VirtualServiceRule[];
}

export interface IpvsInfo {
  /** `1.2.1`. */
  readonly version: string;
  /** Buckets of the connection table's hash. */
  readonly connectionTableSize: number;
}

/** Reads the IPVS tables of one sandbox. */
export class Ipvs {
  private readonly decoder = new IpvsDecoder();

  private constructor(
    private readonly session: NetlinkSession,
    private readonly family: number,
  ) {}

  /** Errors: KernelError EOPNOTSUPP when the kernel has no IPVS. */
  static async open(session: NetlinkSession): Promise<Ipvs> {
    return new Ipvs(session, await findFamily(session, ipvsFamily));
  }

  encoder(writer: MessageWriter): IpvsEncoder {
    return new IpvsEncoder(this.family, writer);
  }

  /** All virtual services with their destinations, these in the order in which they were added. */
  async services(): Promise<VirtualServices> {
    const found: DecodedService[] = [];
    await this.scanServices((service) => found.push(service));
    const destinations = await this.listDestinations(found, (bytes, start, end) =>
      this.decoder.destination(bytes, start, end),
    );
    const own: VirtualServiceRule[] = [];
    const foreign: VirtualServiceRule[] = [];
    found.forEach(({ service, own: isOwn }, i) => {
      const rule: VirtualServiceRule = {
        kind: 'virtual-service',
        ...service,
        destinations: destinations[i]!,
      };
      (isOwn ? own : foreign).push(rule);
    });
    return { own, foreign };
  }

  /** Counters of the services that carry our mark, or of those `only`, whoever made them. */
  async counters(only?: readonly VirtualServiceMatch[]): Promise<ServiceCounters[]> {
    const wanted = only === undefined ? undefined : new Set(only.map(formatMatch));
    const found: (DecodedService & { readonly counters: Counters })[] = [];
    await this.scanServices((decoded, bytes) => {
      const { own, service, stats } = decoded;
      const isWanted = wanted === undefined ? own : wanted.has(formatMatch(service.match));
      if (isWanted) found.push({ ...decoded, counters: decodeStats(bytes, stats) });
    });
    const destinations = await this.listDestinations<DestinationCounters>(
      found,
      (bytes, start, end) => this.decoder.destinationCounters(bytes, start, end),
    );
    return found.map(({ service, counters }, i) => ({
      match: service.match,
      ...counters,
      destinations: destinations[i]!,
    }));
  }

  /** Undefined when the kernel balances none of tcp and udp. */
  async timeouts(): Promise<IpvsTimeoutsRule | undefined> {
    const writer = new MessageWriter(64);
    this.encoder(writer).getTimeouts(this.session.nextSequence());
    const [reply] = await this.session.dump('get IPVS timeouts', writer.bytes());
    return reply && decodeTimeouts(reply.body);
  }

  async info(): Promise<IpvsInfo> {
    const writer = new MessageWriter(64);
    this.encoder(writer).getInfo(this.session.nextSequence());
    const [reply] = await this.session.dump('get IPVS info', writer.bytes());
    const attributes = attributesOf(reply?.body ?? Buffer.alloc(0), genlHeaderBytes);
    const version = attributes.get(infoAttribute.version);
    const size = attributes.get(infoAttribute.connectionTableSize);
    if (version?.length !== 4 || size?.length !== 4) {
      throw new KernelError('get IPVS info', errno.EINVAL, 'the answer makes no sense');
    }
    return {
      version: `${version[2]!}.${version[1]!}.${version[0]!}`,
      connectionTableSize: size.readUInt32LE(),
    };
  }

  /** `visit` gets each service and the bytes it was read from, valid until it returns. */
  private scanServices(visit: (service: DecodedService, bytes: Buffer) => void): Promise<void> {
    const writer = new MessageWriter(64);
    this.encoder(writer).listServices(this.session.nextSequence());
    return this.session.scan('list virtual services', writer.bytes(), (bytes, _, start, end) => {
      const service = decodeService(bytes, start, end);
      if (service !== undefined) visit(service, bytes);
    });
  }

  /** One list per service, in order of addition; the kernel lists the newest first. */
  private async listDestinations<T = Destination>(
    services: readonly DecodedService[],
    decode: (bytes: Buffer, start: number, end: number) => T | undefined,
  ): Promise<T[][]> {
    const lists: T[][] = services.map(() => []);
    if (services.length === 0) return lists;
    const writer = new MessageWriter(services.length * 64);
    const encoder = this.encoder(writer);
    const positions = new Map<number, T[]>();
    services.forEach(({ service }, i) => {
      const sequence = this.session.nextSequence();
      positions.set(sequence, lists[i]!);
      encoder.listDestinations(sequence, service.match);
    });
    await this.session.scan('list destinations', writer.bytes(), (bytes, _, start, end) => {
      const destination = decode(bytes, start, end);
      const sequence = bytes.readUInt32LE(start - headerBytes + 8);
      if (destination !== undefined) positions.get(sequence)?.push(destination);
    });
    for (const list of lists) list.reverse();
    return lists;
  }
}
