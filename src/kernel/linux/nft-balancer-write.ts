/** Messages that make, change and remove parts of the balancer's table, for a batch. */
import type { Family } from '../../model/index.js';
import { flag, type MessageWriter } from './message.js';
import { anonymousName } from './nft-balancer-expression.js';
import {
  balancerTable,
  baseSets,
  countedSets,
  isAnonymous,
  protocolKeys,
  type BaseChain,
  type DestinationPart,
  type ServicePart,
  type TableChain,
  type TableRule,
  type TableSet,
} from './nft-balancer-table.js';
import { encodeChain } from './nftables-chain.js';
import {
  dataVerdict,
  encodeExpression,
  expr,
  expression,
  verdictGoto,
  type Expression,
} from './nftables-expression.js';
import { beginNft, nft, nftTypes, nftaData, nftaExpression, nftaList } from './nftables-message.js';
import { ruleComment } from './nftables-rule.js';
import { textOf } from './attributes.js';

const nfta = {
  table: 1,
  chainName: 3,
  rule: { chain: 2, expressions: 4, userData: 7 },
  set: {
    name: 2,
    flags: 3,
    keyType: 4,
    keyBytes: 5,
    dataType: 6,
    description: 9,
    id: 10,
    objectType: 15,
    expression: 17,
  },
  elements: { set: 2, list: 3, setId: 4 },
  element: { key: 1, data: 2, object: 9 },
  lookupSetId: 4,
  sizeOfSet: 1,
} as const;
const setFlag = {
  anonymous: 0x1,
  constant: 0x2,
  map: 0x8,
  timeout: 0x10,
  eval: 0x20,
  object: 0x40,
};
const verdictType = 0xffffff00; // NFT_DATA_VERDICT
const integerType = 4;
/** NFT_OBJECT_CT_TIMEOUT. */
export const timeoutObject = 7;
/** An attribute has at most 64 KiB. */
const elementsTogetherMax = 400;
const created = flag.request | flag.create;

/** Writes what belongs together under one sequence number, so that a refusal finds its cause. */
export class BalancerWriter {
  constructor(
    private readonly writer: MessageWriter,
    private readonly sequence: number,
  ) {}

  /** The table without services. */
  table(base: readonly BaseChain[]): void {
    this.begin(nft.newTable, created);
    this.writer.end();
    for (const set of baseSets) this.set(set);
    this.elements(
      'protocols',
      protocolKeys.map((key) => ({ key })),
    );
    for (const chain of base) {
      encodeChain(this.writer, balancerTable, { ...chain, rules: [] }, this.sequence);
      for (const rule of chain.rules) this.rule(chain.name, rule);
    }
  }

  deleteTable(): void {
    this.begin(nft.deleteTable, flag.request);
    this.writer.end();
  }

  set(set: TableSet): void {
    const { kind } = set;
    const { set: at } = nfta;
    const { writer } = this;
    const [keyType, keyBytes] = keyOf(kind);
    const id = this.nextSetId();
    this.begin(nft.newSet, created | flag.exclusive);
    writer.attributeString(at.name, set.name);
    writer.attributeU32Be(at.flags, flagsOf(kind));
    writer.attributeU32Be(at.keyType, keyType);
    writer.attributeU32Be(at.keyBytes, keyBytes);
    if (kind === 'services4' || kind === 'services6' || kind === 'marks') {
      writer.attributeU32Be(at.dataType, verdictType);
    }
    if (kind === 'memory4' || kind === 'memory6') {
      this.size(clientsMax);
    }
    if (kind === 'timeouts') writer.attributeU32Be(at.objectType, timeoutObject);
    writer.attributeU32Be(at.id, id);
    if (kind === 'counted') {
      writer.beginNested(at.expression);
      writer.attributeString(nftaExpression.name, 'counter');
      writer.endNested();
    }
    writer.end();
  }

  deleteSet(name: string): void {
    this.begin(nft.deleteSet, flag.request);
    this.writer.attributeString(nfta.set.name, name);
    this.writer.end();
  }

  /** All elements of a set. */
  flush(set: string): void {
    this.begin(nft.deleteElement, flag.request);
    this.writer.attributeString(nfta.elements.set, set);
    this.writer.end();
  }

  chain(name: string): void {
    this.begin(nft.newChain, created | flag.exclusive);
    this.writer.attributeString(nfta.chainName, name);
    this.writer.end();
  }

  /** Its rules have to be gone, and nothing may lead to it. */
  deleteChain(name: string): void {
    this.begin(nft.deleteChain, flag.request);
    this.writer.attributeString(nfta.chainName, name);
    this.writer.end();
  }

  rules({ name, rules }: TableChain): void {
    for (const rule of rules) this.rule(name, rule);
  }

  /** All rules of a chain, with the anonymous maps that they look up. */
  deleteRules(chain: string): void {
    this.begin(nft.deleteRule, flag.request);
    this.writer.attributeString(nfta.rule.chain, chain);
    this.writer.end();
  }

  /** A destination's chain, before anything leads to it. */
  destination({ chain, label, memory }: DestinationPart): void {
    if (memory !== undefined) this.set(memory);
    this.chain(chain.name);
    this.rules(chain);
    for (const set of countedSets) this.elements(set, [{ key: label }]);
  }

  /** When nothing leads to it any more. What was counted stays. */
  deleteDestination({ chain, memory }: DestinationPart): void {
    this.deleteRules(chain.name);
    this.deleteChain(chain.name);
    if (memory !== undefined) this.deleteSet(memory.name);
  }

  entry({ entry, chain }: ServicePart, verb: 'add' | 'delete'): void {
    const element = { key: entry.key, data: dataVerdict(verdictGoto, chain.name) };
    if (verb === 'add') this.elements(entry.map, [element]);
    else this.deleteElements(entry.map, [entry.key]);
  }

  elements(set: string, list: readonly Element[], setId?: number): void {
    for (let start = 0; start < list.length; start += elementsTogetherMax) {
      this.begin(nft.newElement, created);
      this.elementList(set, list.slice(start, start + elementsTogetherMax), setId);
    }
  }

  deleteElements(set: string, keys: readonly Buffer[]): void {
    if (keys.length === 0) return;
    this.begin(nft.deleteElement, flag.request);
    this.elementList(
      set,
      keys.map((key) => ({ key })),
    );
  }

  private elementList(set: string, list: readonly Element[], setId?: number): void {
    const { writer } = this;
    const { element } = nfta;
    writer.attributeString(nfta.elements.set, set);
    if (setId !== undefined) writer.attributeU32Be(nfta.elements.setId, setId);
    writer.beginNested(nfta.elements.list);
    for (const { key, data, object } of list) {
      writer.beginNested(nftaList.element);
      writer.beginNested(element.key);
      writer.attributeBytes(nftaData.value, key);
      writer.endNested();
      if (data !== undefined) writer.attributeBytes(element.data | nestedFlag, data);
      if (object !== undefined) writer.attributeString(element.object, object);
      writer.endNested();
    }
    writer.endNested();
    writer.end();
  }

  private rule(chain: string, { comment, expressions, map }: TableRule): void {
    const { writer } = this;
    let mapId = 0;
    if (map !== undefined) {
      mapId = this.nextSetId();
      this.begin(nft.newSet, created);
      writer.attributeString(nfta.set.name, anonymousName);
      writer.attributeU32Be(nfta.set.flags, setFlag.anonymous | setFlag.constant | setFlag.map);
      writer.attributeU32Be(nfta.set.keyType, nftTypes.mark.number);
      writer.attributeU32Be(nfta.set.keyBytes, 4);
      writer.attributeU32Be(nfta.set.dataType, verdictType);
      this.size(map.elements.length);
      writer.attributeU32Be(nfta.set.id, mapId);
      writer.end();
      const list = map.elements.map(([key, name]) => ({
        key,
        data: dataVerdict(verdictGoto, name),
      }));
      this.elements(anonymousName, list, mapId);
    }
    this.begin(nft.newRule, created | flag.append);
    writer.attributeString(nfta.rule.chain, chain);
    writer.beginNested(nfta.rule.expressions);
    for (const each of expressions) encodeExpression(writer, withSetId(each, mapId));
    writer.endNested();
    writer.attributeBytes(nfta.rule.userData, ruleComment(comment));
    writer.end();
  }

  /**
   * Ids name sets of one batch, whoever writes it: where their messages begin. Linux 6.1 takes the
   * first set of an id for all of them; 6.18 does not.
   */
  private nextSetId(): number {
    return this.writer.length;
  }

  private size(elements: number): void {
    this.writer.beginNested(nfta.set.description);
    this.writer.attributeU32Be(nfta.sizeOfSet, elements);
    this.writer.endNested();
  }

  private begin(type: number, flags: number): void {
    beginNft(this.writer, type, flags, this.sequence);
    this.writer.attributeString(nfta.table, balancerTable);
  }
}

interface Element {
  readonly key: Buffer;
  /** Nested attributes. */
  readonly data?: Buffer;
  readonly object?: string;
}

const nestedFlag = 0x8000;
/** Of one service with affinity: what is beyond is served without being remembered. */
const clientsMax = 1_000_000;

function keyOf(kind: TableSet['kind']): readonly [type: number, bytes: number] {
  const { ipv4_addr: v4, ipv6_addr: v6, inet_proto: protocol, inet_service: port, mark } = nftTypes;
  const endpoint = (family: Family): number => {
    const address = family === 4 ? v4 : v6;
    return (address.number << 12) | (protocol.number << 6) | port.number;
  };
  switch (kind) {
    case 'services4':
      return [endpoint(4), 12];
    case 'services6':
      return [endpoint(6), 24];
    case 'marks':
      return [mark.number, 4];
    case 'protocols':
    case 'timeouts':
      return [protocol.number, 1];
    case 'counted':
      return [integerType, 16];
    case 'memory4':
      return [v4.number, 4];
    case 'memory6':
      return [v6.number, 16];
  }
}

function flagsOf(kind: TableSet['kind']): number {
  switch (kind) {
    case 'services4':
    case 'services6':
    case 'marks':
      return setFlag.map;
    case 'protocols':
    case 'counted':
      return 0;
    case 'timeouts':
      return setFlag.object;
    case 'memory4':
    case 'memory6':
      return setFlag.timeout | setFlag.eval;
  }
}

function withSetId(each: Expression, id: number): Expression {
  if (each.name !== 'lookup' || !isAnonymous(textOf(each.attributes, expr.lookup.set) ?? '')) {
    return each;
  }
  return expression('lookup', { ...Object.fromEntries(each.attributes), [nfta.lookupSetId]: id });
}
