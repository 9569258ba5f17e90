/**
 * What the kernel holds of the balancer's table, and which virtual services that is. A service
 * counts only when everything it needs is there as it would be written again: whatever somebody
 * changed, or a crash left half made, is debris, which the next change clears away.
 */
import { formatMatch, type IpvsTimeoutsRule, type VirtualServiceRule } from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import { textOf, u32BeOf, type Attributes } from './attributes.js';
import { attributesOf, flag, MessageWriter, walkAttributes } from './message.js';
import { anonymousName } from './nft-balancer-expression.js';
import { parseDestinationNote, parseServiceNote } from './nft-balancer-note.js';
import {
  balancerTable,
  baseSets,
  countedSets,
  isAnonymous,
  partOf,
  protocolKeys,
  type BaseChain,
  type ServicePart,
  type TableChain,
} from './nft-balancer-table.js';
import { readTimeouts, timeoutNames } from './nft-balancer-timeouts.js';
import { decodeChain } from './nftables-chain.js';
import {
  chainOfVerdict,
  decodeExpressions,
  expr,
  expression,
  sameExpression,
  type Expression,
} from './nftables-expression.js';
import {
  beginNft,
  nft,
  nftaData,
  nftaExpression,
  nftaList,
  ownNftAttributes,
  tableOf,
} from './nftables-message.js';
import { commentOf } from './nftables-rule.js';
import type { NetlinkSession } from './session.js';

const nfta = {
  table: 1,
  name: 3,
  rule: { chain: 2, expressions: 4, userData: 7 },
  setName: 2,
} as const;
const nftaElements = { set: 2, list: 3 } as const;
const nftaElement = { key: 1, data: 2, timeout: 4, expiration: 5, expression: 7 } as const;
const setFlags = { at: 3, anonymous: 1 } as const;

export interface FoundRule {
  readonly comment: string | undefined;
  readonly expressions: readonly Expression[];
}

export interface FoundElement {
  readonly key: Buffer;
  /** Where its verdict leads. */
  readonly chain?: string;
  /** Unit: milliseconds until it goes. */
  readonly expiresMs?: number;
  /** Of the counter in it. */
  readonly packets: number;
  readonly bytes: number;
}

/** The table as it is. */
export interface FoundTable {
  readonly chains: ReadonlyMap<string, Attributes>;
  readonly rules: ReadonlyMap<string, readonly FoundRule[]>;
  readonly sets: ReadonlySet<string>;
  readonly elements: ReadonlyMap<string, readonly FoundElement[]>;
  readonly timeouts: IpvsTimeoutsRule | 'none' | 'damaged';
}

/** What of it is ours to count on. */
export interface HeldTable {
  /** As `interpret` was told. */
  readonly base: readonly BaseChain[];
  /** False: there is none, or it has to be made anew. */
  readonly isSound: boolean;
  readonly exists: boolean;
  /** By `formatMatch`. */
  readonly services: ReadonlyMap<string, VirtualServiceRule>;
  /** Elements that count, as `countedKeysOf` has them. */
  readonly counted: ReadonlySet<string>;
  readonly timeouts: IpvsTimeoutsRule | undefined;
  readonly debris: Debris;
}

export interface Debris {
  readonly chains: readonly string[];
  readonly sets: readonly string[];
  readonly elements: readonly { readonly set: string; readonly keys: readonly Buffer[] }[];
}

export const noDebris: Debris = { chains: [], sets: [], elements: [] };
const verdictMaps = ['services4', 'services6', 'marks4', 'marks6'] as const;

/** Errors: KernelError; EOPNOTSUPP and the like where there is no nf_tables. */
export async function readBalancerTable(session: NetlinkSession): Promise<FoundTable | undefined> {
  const found = new TableContents();
  const read = async (types: readonly number[]): Promise<void> => {
    const writer = new MessageWriter(256);
    for (const type of types) {
      beginNft(writer, type, flag.request | flag.dump, session.nextSequence());
      if (type !== nft.getTable) writer.attributeString(nfta.table, balancerTable);
      writer.end();
    }
    for (const { type, body } of await session.dump('read the balancer', writer.bytes())) {
      const attributes = ownNftAttributes(body);
      if (attributes === undefined || tableOf(attributes) !== balancerTable) continue;
      found.add(type, attributes);
    }
  };
  // To ask for what is in a table that is not there is an error.
  await read([nft.getTable]);
  if (!found.exists) return undefined;
  await read([nft.getChain, nft.getRule, nft.getSet]);
  const elements = new Map<string, readonly FoundElement[]>();
  for (const { name } of baseSets) {
    if (!found.sets.has(name)) continue;
    elements.set(name, await readSetElements(session, name));
  }
  const timeouts = await readTimeouts(session);
  return { chains: found.chains, rules: found.rules, sets: found.sets, elements, timeouts };
}

/** Errors: KernelError ENOENT when there is no such set. */
export async function readSetElements(
  session: NetlinkSession,
  set: string,
): Promise<FoundElement[]> {
  const writer = new MessageWriter(64);
  beginNft(writer, nft.getElement, flag.request | flag.dump, session.nextSequence());
  writer.attributeString(nfta.table, balancerTable);
  writer.attributeString(nftaElements.set, set);
  writer.end();
  const found: FoundElement[] = [];
  for (const { body } of await session.dump(`read set ${set}`, writer.bytes())) {
    const list = ownNftAttributes(body)?.get(nftaElements.list);
    if (list === undefined) continue;
    walkAttributes(list, 0, list.length, (type, start, length) => {
      if (type !== nftaList.element) return;
      const element = decodeElement(attributesOf(list.subarray(start, start + length)));
      if (element !== undefined) found.push(element);
    });
  }
  return found;
}

/** Empty when there is no table. `base`: the chains that it should have for all services. */
export function interpret(found: FoundTable | undefined, base: readonly BaseChain[]): HeldTable {
  const nothing = { base, services: new Map(), counted: new Set<string>(), debris: noDebris };
  if (found === undefined) {
    return { ...nothing, isSound: false, exists: false, timeouts: undefined };
  }
  if (!isBaseSound(found, base)) {
    return { ...nothing, isSound: false, exists: true, timeouts: undefined };
  }
  const services = new Map<string, VirtualServiceRule>();
  const known = { chains: new Set<string>(), sets: new Set<string>(), entries: new Set<string>() };

  for (const { name } of base) known.chains.add(name);
  for (const { name } of baseSets) known.sets.add(name);
  const entries = entriesOf(found);
  for (const name of found.chains.keys()) {
    const rule = serviceIn(found.rules.get(name) ?? []);
    if (rule === undefined) continue;
    const part = partOf(rule);
    if (part.chain.name !== name || !isWhole(part, found, entries)) continue;
    services.set(formatMatch(rule.match), rule);
    for (const { chain } of [part, ...part.destinations]) known.chains.add(chain.name);
    for (const { memory } of part.destinations)
      if (memory !== undefined) known.sets.add(memory.name);
    known.entries.add(entryKey(part.entry.map, part.entry.key));
    for (const key of countedKeysOf(part)) known.entries.add(key);
  }
  const counted = countedSets.flatMap((set) =>
    (found.elements.get(set) ?? []).map(({ key }) => entryKey(set, key)),
  );
  const debris = debrisOf(found, known);
  return {
    base,
    isSound: true,
    exists: true,
    services,
    counted: new Set(counted.filter((key) => known.entries.has(key))),
    timeouts: typeof found.timeouts === 'string' ? undefined : found.timeouts,
    debris: isNone(debris) ? noDebris : debris,
  };
}

class TableContents {
  exists = false;
  readonly chains = new Map<string, Attributes>();
  readonly rules = new Map<string, FoundRule[]>();
  readonly sets = new Set<string>();

  add(type: number, attributes: Attributes): void {
    if (type === nft.newTable) this.exists = true;
    const name = textOf(attributes, type === nft.newSet ? nfta.setName : nfta.name) ?? '';
    if (type === nft.newChain) this.chains.set(name, attributes);
    if (
      type === nft.newSet &&
      ((u32BeOf(attributes, setFlags.at) ?? 0) & setFlags.anonymous) === 0
    ) {
      this.sets.add(name);
    }
    if (type !== nft.newRule) return;
    const chain = textOf(attributes, nfta.rule.chain) ?? '';
    const list = attributes.get(nfta.rule.expressions);
    const rule = {
      comment: commentOf(attributes.get(nfta.rule.userData)),
      expressions: list === undefined ? [] : (decodeExpressions(list) ?? []),
    };
    const before = this.rules.get(chain);
    if (before === undefined) this.rules.set(chain, [rule]);
    else before.push(rule);
  }
}

function decodeElement(attributes: Attributes): FoundElement | undefined {
  const keyData = attributes.get(nftaElement.key);
  const key = keyData && attributesOf(keyData).get(nftaData.value);
  if (key === undefined) return undefined;
  const data = attributes.get(nftaElement.data);
  const chain = data && chainOfVerdict(data);
  const expires = attributes.get(nftaElement.expiration);
  return {
    key,
    ...(chain === undefined ? {} : { chain }),
    ...(expires?.length === 8 ? { expiresMs: Number(expires.readBigUInt64BE()) } : {}),
    ...countedIn(attributes.get(nftaElement.expression)),
  };
}

function countedIn(counter: Buffer | undefined): { packets: number; bytes: number } {
  const data = counter && attributesOf(counter).get(nftaExpression.data);
  return countOf(data === undefined ? new Map() : attributesOf(data));
}

/** What a counter expression has counted. */
export function countOf(attributes: Attributes): { packets: number; bytes: number } {
  return { bytes: u64Of(attributes.get(1)), packets: u64Of(attributes.get(2)) };
}

function u64Of(bytes: Buffer | undefined): number {
  return bytes?.length === 8 ? Number(bytes.readBigUInt64BE()) : 0;
}

function isBaseSound(found: FoundTable, base: readonly BaseChain[]): boolean {
  if (baseSets.some(({ name }) => !found.sets.has(name)) || found.timeouts === 'damaged')
    return false;
  const timed = found.elements.get('timeouts') ?? [];
  if (timed.length !== (found.timeouts === 'none' ? 0 : timeoutNames.length)) return false;
  const protocols = found.elements.get('protocols') ?? [];
  const hasAll = protocolKeys.every((key) => protocols.some((one) => one.key.equals(key)));
  return (
    hasAll &&
    base.every((wanted) => {
      const attributes = found.chains.get(wanted.name);
      const chain = attributes && decodeChain(attributes);
      return (
        chain !== undefined &&
        'hook' in chain &&
        chain.name === wanted.name &&
        chain.type === wanted.type &&
        chain.hook === wanted.hook &&
        chain.priority === wanted.priority &&
        holdsRules(found, wanted)
      );
    })
  );
}

/** The service that the comments of a chain's rules tell of. */
function serviceIn([head, ...rest]: readonly FoundRule[]): VirtualServiceRule | undefined {
  const service = head?.comment === undefined ? undefined : parseServiceNote(head.comment);
  if (service === undefined) return undefined;
  const notes = rest.filter(({ expressions }) => expressions.length === 0);
  const destinations = notes
    .map(({ comment }) => (comment === undefined ? undefined : parseDestinationNote(comment)))
    .filter((each) => each !== undefined);
  return { kind: 'virtual-service', ...service, destinations };
}

function isWhole(
  part: ServicePart,
  found: FoundTable,
  entries: ReadonlyMap<string, string>,
): boolean {
  const { chain, destinations, entry } = part;
  return (
    entries.get(entryKey(entry.map, entry.key)) === chain.name &&
    destinations.every(({ memory }) => memory === undefined || found.sets.has(memory.name)) &&
    [chain, ...destinations.map((each) => each.chain)].every((each) => holdsRules(found, each))
  );
}

function holdsRules(found: FoundTable, { name, rules }: TableChain): boolean {
  const held = found.rules.get(name) ?? [];
  return (
    found.chains.has(name) &&
    held.length === rules.length &&
    rules.every(({ comment, expressions }, i) => {
      const other = held[i]!;
      return (
        other.comment === comment &&
        other.expressions.length === expressions.length &&
        expressions.every((each, at) => sameExpression(withoutName(other.expressions[at]!), each))
      );
    })
  );
}

/** The kernel numbers anonymous sets. They cannot be changed, so that their elements need no look. */
function withoutName(each: Expression): Expression {
  if (each.name !== 'lookup' || !isAnonymous(textOf(each.attributes, expr.lookup.set) ?? '')) {
    return each;
  }
  const attributes = Object.fromEntries(each.attributes);
  return expression('lookup', {
    ...attributes,
    [expr.lookup.set]: Buffer.from(`${anonymousName}\0`),
  });
}

function entryKey(map: string, key: Buffer): string {
  return `${map} ${key.toString('hex')}`;
}

/** Where the elements of the maps lead. */
function entriesOf(found: FoundTable): Map<string, string> {
  return new Map(
    verdictMaps.flatMap((map) =>
      (found.elements.get(map) ?? []).map(
        ({ key, chain }) => [entryKey(map, key), chain ?? ''] as const,
      ),
    ),
  );
}

function debrisOf(
  found: FoundTable,
  known: { chains: ReadonlySet<string>; sets: ReadonlySet<string>; entries: ReadonlySet<string> },
): Debris {
  const elements = [...verdictMaps, ...countedSets]
    .map((set) => ({
      set,
      keys: (found.elements.get(set) ?? [])
        .filter(({ key }) => !known.entries.has(entryKey(set, key)))
        .map(({ key }) => key),
    }))
    .filter(({ keys }) => keys.length > 0);
  return {
    chains: [...found.chains.keys()].filter((name) => !known.chains.has(name)),
    sets: [...found.sets].filter((name) => !known.sets.has(name)),
    elements,
  };
}

function isNone({ chains, sets, elements }: Debris): boolean {
  return chains.length + sets.length + elements.length === 0;
}

/** Elements that count packets of a service: set and key, apart by one blank. */
export function countedKeysOf(part: ServicePart): string[] {
  return part.destinations.flatMap(({ label }) => countedSets.map((set) => entryKey(set, label)));
}

/** True for what a kernel without nf_tables answers. */
export function isWithoutTables(error: unknown): boolean {
  const { EOPNOTSUPP, EINVAL, EPROTONOSUPPORT } = errno;
  return (
    error instanceof KernelError &&
    [EOPNOTSUPP, EINVAL, EPROTONOSUPPORT].includes(error.errno as never)
  );
}
