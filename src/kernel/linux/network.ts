import { closeSync, openSync } from 'node:fs';
import { ruleKey, type LinkRule, type Op, type Rule } from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type { HostAddress, ObserveOptions, RouteAnswer } from '../port.js';
import { decodeAddress, encodeAddressDump, encodeAddressOp } from './address.js';
import {
  decodeLink,
  dummySubstitute,
  encodeLinkDump,
  encodeLinkOp,
  encodeLoopbackUp,
  type Link,
  type LinkContext,
} from './link.js';
import { decodeFdb, encodeFdbDump, encodeFdbOp } from './fdb.js';
import { MessageWriter } from './message.js';
import { decodeNeighbor, encodeNeighborDump, encodeNeighborOp } from './neighbor.js';
import { decodePolicy, encodePolicyDump, encodePolicyOp } from './policy.js';
import { OwnLinks } from './own-links.js';
import { OpBatch, formatOpLine, type Fail, type OpRange } from './op-batch.js';
import {
  RouteTable,
  decodeRouteTo,
  encodeRouteDump,
  encodeRouteOp,
  encodeRouteTo,
} from './route.js';
import { Devices } from './rtnetlink.js';
import type { Sandbox } from './sandbox.js';
import type { NetlinkSession, Refusal } from './session.js';

/** What rtnetlink keeps of a sandbox: devices, and all that lies on them or leads to them. */
export class Network {
  /** What `watchSandbox` has to know of the Ops applied here. */
  readonly ownLinks = new OwnLinks();

  constructor(private readonly sandbox: Sandbox) {}

  /**
   * Adds the rules of ours to `own`, with that of the loopback device when asked for it, and the
   * addresses of other devices to `hostAddresses`.
   */
  async observe(
    own: Map<string, Rule>,
    hostAddresses: HostAddress[],
    { loopback = false }: Pick<ObserveOptions, 'loopback'>,
  ): Promise<void> {
    const session = await this.sandbox.session('route');
    // A port may be listed before its master: names first, then what they say.
    const devices = await listDevices(session);
    const links = await listLinks(session, devices);
    for (const { rule, isLoopbackUp } of links) {
      put(own, loopback && isLoopbackUp === true ? { kind: 'loopback' } : rule);
    }
    await scan(session, 'list addresses', encodeAddressDump, (body) => {
      const found = decodeAddress(body, devices);
      if (found === undefined) return;
      if ('kind' in found) put(own, found);
      else hostAddresses.push(found);
    });
    const routes = new RouteTable(devices);
    await scan(session, 'list routes', encodeRouteDump, (body) => routes.add(body));
    for (const rule of routes.rules()) put(own, rule);
    await scan(session, 'list policy rules', encodePolicyDump, (body) =>
      put(own, decodePolicy(body)),
    );
    // A host may have thousands on devices of others, and VIPs need none.
    const types = new Set(links.map(({ rule }) => rule?.type));
    if (withNeighbors.some((type) => types.has(type))) {
      await scan(session, 'list neighbors', encodeNeighborDump, (body) =>
        put(own, decodeNeighbor(body, devices)),
      );
    }
    if (types.has('vxlan')) {
      await scan(session, 'list forwarding entries', encodeFdbDump, (body) =>
        put(own, decodeFdb(body, devices)),
      );
    }
  }

  async apply(range: OpRange, fail: Fail): Promise<void> {
    const session = await this.sandbox.session('route');
    const { ops } = range;
    const batch = new OpBatch(
      session,
      ({ index }, refusal) =>
        new KernelError(formatOpLine(ops[index]!), refusal.errno, refusal.message),
      fail,
    );
    const files = new OpenFiles();
    let devices: Devices | undefined;
    for (let index = range.start; index < range.end; index++) {
      const op = ops[index]!;
      devices ??= await listDevices(session);
      if (op.target.kind === 'link') this.ownLinks.note(op.verb, op.target, devices);
      if (op.verb === 'add' && op.target.kind === 'link' && op.target.type === 'dummy') {
        await batch.flush();
        const refusal = await addDummy(session, op.target, devices);
        if (refusal !== undefined) batch.refuse({ index, destination: -1 }, refusal);
        devices = undefined;
        continue;
      }
      const value = encode(batch, index, op, { devices, netnsFd: (path) => files.open(path) });
      if (value !== 0) batch.refuse({ index, destination: -1 }, { errno: value });
      if (op.target.kind === 'link') {
        // Messages name devices by index: those that follow have to know the new ones.
        await batch.flush();
        files.close();
        devices = undefined;
      }
      const room = batch.room();
      if (room !== undefined) await room;
    }
    await batch.flush();
  }

  /** Names of those of ours. */
  async wireguardDevices(): Promise<string[]> {
    const links = await listLinks(await this.sandbox.session('route'), new Devices());
    return wireguardDevices(links.map(({ rule }) => rule));
  }

  /** How packets to `address` would leave; undefined when there is no route. */
  async routeTo(address: string): Promise<RouteAnswer | undefined> {
    const session = await this.sandbox.session('route');
    const devices = await listDevices(session);
    const writer = new MessageWriter(64);
    encodeRouteTo(writer, address, session.nextSequence());
    try {
      const [answer] = await session.dump(`find route to ${address}`, writer.bytes());
      return answer && decodeRouteTo(answer.body, devices);
    } catch (error) {
      if (error instanceof KernelError && unreachable.has(error.errno)) return undefined;
      throw error;
    }
  }
}

/** Or what stands for it where the kernel has none. Returns the refusal. */
async function addDummy(
  session: NetlinkSession,
  rule: LinkRule,
  devices: Devices,
): Promise<Refusal | undefined> {
  const attempt = async (kind: string): Promise<Refusal | undefined> => {
    const writer = new MessageWriter(128);
    const context = { devices, kind, netnsFd: () => undefined };
    const sequence = session.nextSequence();
    const value = encodeLinkOp(writer, 'add', rule, sequence, context);
    if (value !== 0) return { errno: value };
    return (await session.transact(writer.bytes())).get(sequence);
  };
  const refusal = await attempt(rule.type);
  return refusal?.errno === errno.EOPNOTSUPP ? attempt(dummySubstitute) : refusal;
}

export function wireguardDevices(rules: Iterable<Rule | undefined>): string[] {
  const names: string[] = [];
  for (const rule of rules) {
    if (rule?.kind === 'link' && rule.type === 'wireguard') names.push(rule.name);
  }
  return names;
}

const withNeighbors = ['bridge', 'vxlan', 'veth', 'veth-end'] as const;
const unreachable: ReadonlySet<number> = new Set([errno.ENETUNREACH, errno.EHOSTUNREACH]);

/** Writes the messages of an Op; returns the errno of one that cannot even be written. */
function encode(batch: OpBatch, index: number, op: Op, context: LinkContext): number {
  const sequence = batch.next(index);
  const { verb, target } = op;
  const { writer } = batch;
  const { devices } = context;
  switch (target.kind) {
    case 'loopback':
      if (verb === 'delete') return errno.EOPNOTSUPP;
      encodeLoopbackUp(writer, sequence);
      return 0;
    case 'link':
      return encodeLinkOp(writer, verb, target, sequence, context);
    case 'address':
      return encodeAddressOp(writer, verb, target, sequence, devices);
    case 'route':
      return encodeRouteOp(writer, verb, target, sequence, devices);
    case 'neighbor':
      return encodeNeighborOp(writer, verb, target, sequence, devices);
    case 'fdb':
      return encodeFdbOp(writer, verb, target, sequence, devices);
    case 'policy':
      encodePolicyOp(writer, verb, target, sequence);
      return 0;
    case 'destination':
    case 'wireguard':
    case 'wireguard-peer':
    case 'sysctl':
    case 'ipvs-timeouts':
    case 'virtual-service':
    case 'nft-table':
    case 'nft-element':
      return errno.EOPNOTSUPP;
  }
}

/** Namespace files, open until the kernel has looked at them. */
class OpenFiles {
  private readonly descriptors: number[] = [];

  open(path: string): number | undefined {
    try {
      const descriptor = openSync(path, 'r');
      this.descriptors.push(descriptor);
      return descriptor;
    } catch {
      return undefined; // The Op that names it fails.
    }
  }

  close(): void {
    for (const descriptor of this.descriptors.splice(0)) closeSync(descriptor);
  }
}

async function listDevices(session: NetlinkSession): Promise<Devices> {
  return new Devices(await listLinks(session, new Devices()));
}

async function listLinks(session: NetlinkSession, devices: Devices): Promise<Link[]> {
  const links: Link[] = [];
  await scan(session, 'list links', encodeLinkDump, (body) => {
    const link = decodeLink(body, devices);
    if (link !== undefined) links.push(link);
  });
  return links;
}

function scan(
  session: NetlinkSession,
  action: string,
  encodeDump: (writer: MessageWriter, sequence: number) => void,
  visit: (body: Buffer) => void,
): Promise<void> {
  const writer = new MessageWriter(64);
  encodeDump(writer, session.nextSequence());
  return session.scan(action, writer.bytes(), (bytes, _, start, end) => {
    visit(bytes.subarray(start, end));
  });
}

function put(rules: Map<string, Rule>, rule: Rule | undefined): void {
  if (rule !== undefined) rules.set(ruleKey(rule), rule);
}
