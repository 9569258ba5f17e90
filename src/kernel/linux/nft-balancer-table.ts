/**
 * What the table `inet meshd-lb` holds for virtual services, as chains, rules and elements. Pure.
 *
 *     chain prerouting, output (nat, -100)     mark, or address . protocol . port -> chain of a service
 *     chain tcp-10.96.0.1-80                   a number or a hash -> chain of a destination
 *     chain tcp-10.96.0.1-80/10.0.0.11-8080    label the connection, count it, translate
 *     chain count-prerouting, count-output     label -> counter, for each direction
 *
 * A packet costs the same look-ups however many services there are, and only the first one of a
 * connection comes here: the rest is connection tracking. The label of a connection says which
 * service and destination it belongs to, also where the original address does not (marks).
 */
import { createHash } from 'node:crypto';
import {
  addressBytes,
  destinationKey,
  formatDestination,
  formatMatch,
  matchFamily,
  type Destination,
  type Family,
  type NftBaseChain,
  type VirtualService,
  type VirtualServiceMatch,
} from '../../model/index.js';
import {
  addressSize,
  anonymousName,
  countIn,
  counter,
  dnatTo,
  goOnIn,
  ifRemembered,
  labelConnection,
  refuse,
  remember,
  timeoutsFrom,
  verdictByAddress,
  verdictByClient,
  verdictByMark,
  verdictByNumber,
} from './nft-balancer-expression.js';
import { formatServiceNote } from './nft-balancer-note.js';
import { choose, type Choice } from './nft-balancer-slots.js';
import type { Expression } from './nftables-expression.js';

export const balancerTable = 'meshd-lb';

/** A rule; the comment says what it is for, or what it stands for. */
export interface TableRule {
  readonly comment: string;
  readonly expressions: readonly Expression[];
  /** The anonymous map that its look-up names: keys, and the chains they lead to. */
  readonly map?: AnonymousMap;
}

export interface AnonymousMap {
  readonly elements: readonly (readonly [key: Buffer, chain: string])[];
}

export interface TableChain {
  readonly name: string;
  readonly rules: readonly TableRule[];
}

export interface BaseChain extends TableChain, Omit<NftBaseChain, 'rules'> {
  readonly rules: readonly TableRule[];
}

/** A named set; what of it is not said here is in `setKinds`. */
export interface TableSet {
  readonly name: string;
  readonly kind:
    'services4' | 'services6' | 'marks' | 'protocols' | 'counted' | 'timeouts' | Memory;
}
type Memory = 'memory4' | 'memory6';

/** Everything of one service. */
export interface ServicePart {
  readonly chain: TableChain;
  readonly destinations: readonly DestinationPart[];
  /** What leads to it. */
  readonly entry: { readonly map: string; readonly key: Buffer };
}

export interface DestinationPart {
  readonly chain: TableChain;
  /** 16 bytes: on its connections. */
  readonly label: Buffer;
  /** Of clients, with affinity. */
  readonly memory?: TableSet;
}

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;
export const protocolKeys: readonly Buffer[] = Object.values(protocolNumbers).map((number) =>
  Buffer.of(number),
);

/** Counters by label: of packets to destinations, and of their answers. */
export const countedSets = ['sent', 'answered'] as const;

export const baseSets: readonly TableSet[] = [
  { name: 'protocols', kind: 'protocols' },
  { name: 'timeouts', kind: 'timeouts' },
  { name: 'services4', kind: 'services4' },
  { name: 'services6', kind: 'services6' },
  { name: 'marks4', kind: 'marks' },
  { name: 'marks6', kind: 'marks' },
  ...countedSets.map((name) => ({ name, kind: 'counted' as const })),
];

/** Marks are set before, at -150; as with IPVS they come before addresses. */
const translating: readonly TableRule[] = [
  { comment: 'marks', expressions: verdictByMark(4, 'protocols', 'marks4') },
  { comment: 'marks', expressions: verdictByMark(6, 'protocols', 'marks6') },
  { comment: 'addresses', expressions: verdictByAddress(4, 'services4') },
  { comment: 'addresses', expressions: verdictByAddress(6, 'services6') },
];

const hooks = ['prerouting', 'output'] as const;

export const translatingChains: readonly BaseChain[] = hooks.map((hook) => {
  return { name: hook, type: 'nat', hook, priority: -100, rules: translating };
});

/** Every packet of the host comes here, whoever carries it. */
export const countingChains: readonly BaseChain[] = hooks.map((hook) => ({
  name: `count-${hook}`,
  type: 'filter',
  hook,
  priority: -90,
  rules: countedSets.map((set) => ({
    comment: 'packets of our connections',
    expressions: countIn(set, { hook, isAnswer: set === 'answered' }),
  })),
}));

/** The chains, sets and elements of `service`. */
export function partOf(service: VirtualService): ServicePart {
  const { match, destinations } = service;
  const name = chainName(match);
  const parts = destinations.map((destination) => destinationPart(service, destination));
  const notes = destinations.map((destination): TableRule => {
    return { comment: formatDestination(destination), expressions: [] };
  });
  return {
    chain: {
      name,
      rules: [
        // A service without timeouts of its own goes on with the next rule.
        { comment: formatServiceNote(service), expressions: timeoutsFrom('timeouts') },
        ...choosing(service, parts),
        ...notes,
      ],
    },
    destinations: parts,
    entry: entryOf(match),
  };
}

/** `mesh`, then what no other pair of service and destination has: 12 bytes of a SHA-256. */
export function labelOf(
  match: VirtualServiceMatch,
  destination: Pick<Destination, 'address' | 'port'>,
): Buffer {
  const text = `${formatMatch(match)} ${destinationKey(destination)}`;
  const digest = createHash('sha256').update(text).digest();
  return Buffer.concat([labelMagic, digest.subarray(0, 12)]);
}
export const labelMagic = Buffer.from('mesh');

function choosing(service: VirtualService, parts: readonly DestinationPart[]): TableRule[] {
  const family = matchFamily(service.match);
  const choice = choose(service);
  if (choice.slots.length === 0) return [{ comment: 'nobody', expressions: refuse() }];
  // A destination without weight is not asked for again by those who had it.
  const known = parts.flatMap(({ memory, chain }, index): TableRule[] => {
    if (memory === undefined || service.destinations[index]!.weight === 0) return [];
    const where = { set: memory.name, chain: chain.name };
    const expressions = ifRemembered(family, service.affinityPrefix, where);
    return [{ comment: 'clients that came before', expressions }];
  });
  return [...known, { comment: 'new clients', ...chosen(choice, family, parts) }];
}

/** With one destination there is nothing to choose: a map for each service costs the kernel time. */
function chosen(
  choice: Choice,
  family: Family,
  parts: readonly DestinationPart[],
): Pick<TableRule, 'expressions' | 'map'> {
  const names = choice.slots.map((index) => parts[index]!.chain.name);
  if (new Set(names).size === 1) return { expressions: goOnIn(names[0]!) };
  const elements = names.map((name, slot) => [u32Le(slot), name] as const);
  return { expressions: numberOf(choice, family), map: { elements } };
}

function numberOf({ by, withPort, slots }: Choice, family: Family): Expression[] {
  return by === 'client'
    ? verdictByClient(family, withPort, slots.length)
    : verdictByNumber(by, slots.length);
}

function destinationPart(
  { match, affinityTimeoutS, affinityPrefix }: VirtualService,
  { address, port }: Destination,
): DestinationPart {
  const family = matchFamily(match);
  const label = labelOf(match, { address, port });
  const name = `${chainName(match)}/${hostName(address)}-${port}`;
  const translated = {
    comment: 'translated',
    expressions: [...labelConnection(label), counter, ...dnatTo(address, port)],
  };
  if (affinityTimeoutS === 0) return { label, chain: { name, rules: [translated] } };
  const memory: TableSet = { name: `clients-${name}`, kind: `memory${family}` };
  const kept = { set: memory.name, timeoutS: affinityTimeoutS };
  // A rule of its own: when the set is full, the client is served without being remembered.
  const remembered = {
    comment: 'remember',
    expressions: remember(family, affinityPrefix, kept),
  };
  return { label, memory, chain: { name, rules: [remembered, translated] } };
}

/** In names `nft` takes no colons. */
function hostName(address: string): string {
  return address.replaceAll(':', '_');
}

function chainName(match: VirtualServiceMatch): string {
  if ('fwmark' in match) return `mark${match.family}-0x${match.fwmark.toString(16)}`;
  return `${match.protocol}-${hostName(match.address)}-${match.port}`;
}

function entryOf(match: VirtualServiceMatch): ServicePart['entry'] {
  const family = matchFamily(match);
  if ('fwmark' in match) return { map: `marks${family}`, key: u32Le(match.fwmark) };
  const { protocol, address, port } = match;
  const key = Buffer.alloc(addressSize(family) + 8);
  key.set(addressBytes(address)!);
  key[addressSize(family)] = protocolNumbers[protocol];
  key.writeUInt16BE(port, addressSize(family) + 4);
  return { map: `services${family}`, key };
}

/** True for an expression that looks up an anonymous map, whatever the kernel called it. */
export function isAnonymous(set: string): boolean {
  return set === anonymousName || /^__map\d+$/.test(set);
}

function u32Le(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
