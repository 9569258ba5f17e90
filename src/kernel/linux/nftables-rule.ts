/**
 * Rules of tables (NFT_MSG_NEWRULE): statements <-> the kernel's expressions.
 *
 * Expressions work on registers of 4 bytes. A lookup loads its fields one behind the other from
 * the first register on. In family inet, a field of one IP version needs a check of
 * `meta nfproto` before it, once per rule; `nft list` hides both. The comment lies in the rule's
 * user data as `nft` has it: [type u8 = 0 | length u8 | text with a zero byte].
 */
import type { NftField, NftRule, NftStatement } from '../../model/index.js';
import { textOf, u32BeOf, type Attributes } from './attributes.js';
import { attributesOf, flag, walkAttributes, type MessageWriter } from './message.js';
import {
  beginNft,
  nft,
  nftaData,
  nftaExpression,
  nftaList,
  paddedBytes,
} from './nftables-message.js';

const nfta = { table: 1, chain: 2, expressions: 4, userData: 7 } as const;
const meta = { dreg: 1, key: 2, sreg: 3, keyMark: 3, keyNfproto: 15, keyL4proto: 16 } as const;
const cmp = { sreg: 1, op: 2, data: 3, opEqual: 0 } as const;
const payload = { dreg: 1, base: 2, offset: 3, bytes: 4 } as const;
const ct = { dreg: 1, key: 2, direction: 3, directionOriginal: 0 } as const;
const lookup = { set: 1, sreg: 2, dreg: 3, flags: 5, inverted: 1 } as const;
const nfprotoIpv4 = 2;
const nfprotoIpv6 = 10;
const commentType = 0;
/** NFTNL_UDATA_COMMENT_MAXLEN; longer ones `nft` does not show. Unit: bytes, zero byte included. */
export const nftCommentBytesMax = 128;

/** How a field gets into a register. */
interface Load {
  readonly field: NftField;
  readonly bytes: number;
  /** The IP version it needs. */
  readonly nfproto?: number;
  readonly expression: 'payload' | 'meta' | 'ct';
  /** Attributes but the destination register; u8 where the kernel wants that. */
  readonly u32: Readonly<Record<number, number>>;
  readonly u8?: Readonly<Record<number, number>>;
}

const networkHeader = 1;
const transportHeader = 2;
const loads: readonly Load[] = [
  payloadLoad('ip saddr', networkHeader, 12, 4, nfprotoIpv4),
  payloadLoad('ip daddr', networkHeader, 16, 4, nfprotoIpv4),
  payloadLoad('ip6 saddr', networkHeader, 8, 16, nfprotoIpv6),
  payloadLoad('ip6 daddr', networkHeader, 24, 16, nfprotoIpv6),
  payloadLoad('th dport', transportHeader, 2, 2),
  { field: 'meta l4proto', bytes: 1, expression: 'meta', u32: { [meta.key]: meta.keyL4proto } },
  ctLoad('ct original ip daddr', 20, 4, nfprotoIpv4),
  ctLoad('ct original ip6 daddr', 22, 16, nfprotoIpv6),
];

/** Names of where a rule belongs. */
export interface RulePlace {
  readonly table: string;
  readonly chain: string;
}

export function encodeRule(
  writer: MessageWriter,
  { table, chain }: RulePlace,
  rule: NftRule,
  sequence: number,
): void {
  beginNft(writer, nft.newRule, flag.request | flag.create | flag.append, sequence);
  writer.attributeString(nfta.table, table);
  writer.attributeString(nfta.chain, chain);
  writer.beginNested(nfta.expressions);
  let guarded = false;
  for (const statement of rule.statements) {
    const nfproto = nfprotoOf(statement);
    if (nfproto !== undefined && !guarded) encodeGuard(writer, nfproto);
    guarded ||= nfproto !== undefined;
    encodeStatement(writer, statement);
  }
  writer.endNested();
  const comment = Buffer.from(`${rule.comment}\0`);
  writer.attributeBytes(
    nfta.userData,
    Buffer.concat([Buffer.of(commentType, comment.length), comment]),
  );
  writer.end();
}

export interface DecodedRule {
  readonly chain: string;
  readonly rule: NftRule;
}

/**
 * A rule and where it is. One with an expression that no statement of ours has gets none, and a
 * comment that says so: somebody else's, or ours after somebody changed it.
 */
export function decodeRule(attributes: Attributes): DecodedRule | undefined {
  const chain = textOf(attributes, nfta.chain);
  if (chain === undefined) return undefined;
  const comment = commentOf(attributes.get(nfta.userData));
  const statements = new StatementReader().read(attributes.get(nfta.expressions));
  const rule =
    statements === undefined || comment === undefined
      ? { comment: `${comment ?? 'no comment'} (not made by meshd)`, statements: [] }
      : { comment, statements };
  return { chain, rule };
}

/** Follows what is in the registers, expression by expression. */
class StatementReader {
  private readonly statements: NftStatement[] = [];
  private nfproto: number | undefined;
  private fields: Load[] = [];
  /** What must come next, after an expression that is only the first half of something. */
  private awaited: 'cmp' | 'meta set' | undefined;

  /** Undefined when there is an expression that no statement of ours has. */
  read(list: Buffer | undefined): NftStatement[] | undefined {
    let understood = list !== undefined;
    if (list === undefined) return undefined;
    const whole = walkAttributes(list, 0, list.length, (type, start, length) => {
      if (type !== nftaList.element || !understood) return;
      const expression = attributesOf(list.subarray(start, start + length));
      const data = expression.get(nftaExpression.data);
      const name = textOf(expression, nftaExpression.name) ?? '';
      understood = this.next(name, data === undefined ? new Map() : attributesOf(data));
    });
    const isDone = this.fields.length === 0 && this.awaited === undefined;
    return whole && understood && isDone ? this.statements : undefined;
  }

  private next(name: string, data: Attributes): boolean {
    const { awaited } = this;
    this.awaited = undefined;
    if (awaited === 'cmp') return name === 'cmp' && this.guard(data);
    if (awaited === 'meta set') return name === 'meta' && isMarkSet(data);
    switch (name) {
      case 'meta':
        if (u32BeOf(data, meta.key) !== meta.keyNfproto) return this.load('meta', data);
        this.awaited = 'cmp';
        return this.nfproto === undefined && u32BeOf(data, meta.dreg) === registerOf(0);
      case 'payload':
      case 'ct':
        return this.load(name, data);
      case 'lookup':
        return this.lookup(data);
      case 'counter':
        return this.add({ type: 'counter' });
      case 'masq':
        return data.size === 0 && this.add({ type: 'masquerade' });
      default:
        return false;
    }
  }

  private guard(data: Attributes): boolean {
    const value = attributesOf(data.get(cmp.data) ?? Buffer.alloc(0)).get(nftaData.value);
    this.nfproto = value?.[0];
    return (
      value?.length === 1 &&
      u32BeOf(data, cmp.op) === cmp.opEqual &&
      u32BeOf(data, cmp.sreg) === registerOf(0)
    );
  }

  private load(expression: Load['expression'], data: Attributes): boolean {
    const load = loads.find((each) => each.expression === expression && fits(each, data));
    if (load === undefined) return false;
    if (load.nfproto !== undefined && load.nfproto !== this.nfproto) return false;
    const slot = slotsOf(this.fields);
    this.fields.push(load);
    return u32BeOf(data, payload.dreg) === registerOf(slot);
  }

  private lookup(data: Attributes): boolean {
    const set = textOf(data, lookup.set);
    const fields = this.fields.map(({ field }) => field);
    this.fields = [];
    if (set === undefined || fields.length === 0) return false;
    if (u32BeOf(data, lookup.sreg) !== registerOf(0)) return false;
    const flags = u32BeOf(data, lookup.flags) ?? 0;
    if (data.has(lookup.dreg)) {
      this.awaited = 'meta set';
      const isPlain = flags === 0 && u32BeOf(data, lookup.dreg) === registerOf(0);
      return isPlain && this.add({ type: 'mark-from-map', fields, map: set });
    }
    if (flags !== 0 && flags !== lookup.inverted) return false;
    return this.add({ type: 'lookup', fields, set, ...(flags === 0 ? {} : { negate: true }) });
  }

  private add(statement: NftStatement): boolean {
    this.statements.push(statement);
    // A field that was loaded is for the lookup behind it.
    return this.fields.length === 0;
  }
}

function encodeStatement(writer: MessageWriter, statement: NftStatement): void {
  switch (statement.type) {
    case 'lookup':
      encodeLoads(writer, statement.fields);
      encodeLookup(writer, statement.set, statement.negate === true, false);
      return;
    case 'mark-from-map':
      encodeLoads(writer, statement.fields);
      encodeLookup(writer, statement.map, false, true);
      encodeExpression(writer, 'meta', () => {
        writer.attributeU32Be(meta.key, meta.keyMark);
        writer.attributeU32Be(meta.sreg, registerOf(0));
      });
      return;
    case 'counter':
      encodeExpression(writer, 'counter', () => undefined);
      return;
    case 'masquerade':
      encodeExpression(writer, 'masq', () => undefined);
      return;
  }
}

function encodeGuard(writer: MessageWriter, nfproto: number): void {
  encodeExpression(writer, 'meta', () => {
    writer.attributeU32Be(meta.key, meta.keyNfproto);
    writer.attributeU32Be(meta.dreg, registerOf(0));
  });
  encodeExpression(writer, 'cmp', () => {
    writer.attributeU32Be(cmp.sreg, registerOf(0));
    writer.attributeU32Be(cmp.op, cmp.opEqual);
    writer.beginNested(cmp.data);
    writer.attributeBytes(nftaData.value, Buffer.of(nfproto));
    writer.endNested();
  });
}

function encodeLoads(writer: MessageWriter, fields: readonly NftField[]): void {
  const before: Load[] = [];
  for (const field of fields) {
    const load = loadOf(field);
    encodeExpression(writer, load.expression, () => {
      // The register has the same number in all three (NFTA_PAYLOAD_DREG, _META_, _CT_).
      writer.attributeU32Be(payload.dreg, registerOf(slotsOf(before)));
      for (const [type, value] of Object.entries(load.u32)) {
        writer.attributeU32Be(Number(type), value);
      }
      for (const [type, value] of Object.entries(load.u8 ?? {})) {
        writer.attributeU8(Number(type), value);
      }
    });
    before.push(load);
  }
}

function encodeLookup(writer: MessageWriter, set: string, negate: boolean, isMap: boolean): void {
  encodeExpression(writer, 'lookup', () => {
    writer.attributeString(lookup.set, set);
    writer.attributeU32Be(lookup.sreg, registerOf(0));
    if (isMap) writer.attributeU32Be(lookup.dreg, registerOf(0));
    if (negate) writer.attributeU32Be(lookup.flags, lookup.inverted);
  });
}

function encodeExpression(writer: MessageWriter, name: string, data: () => void): void {
  writer.beginNested(nftaList.element);
  writer.attributeString(nftaExpression.name, name);
  writer.beginNested(nftaExpression.data);
  data();
  writer.endNested();
  writer.endNested();
}

function payloadLoad(
  field: NftField,
  base: number,
  offset: number,
  bytes: number,
  nfproto?: number,
): Load {
  const u32 = { [payload.base]: base, [payload.offset]: offset, [payload.bytes]: bytes };
  return {
    field,
    bytes,
    expression: 'payload',
    u32,
    ...(nfproto === undefined ? {} : { nfproto }),
  };
}

function ctLoad(field: NftField, key: number, bytes: number, nfproto: number): Load {
  const u8 = { [ct.direction]: ct.directionOriginal };
  return { field, bytes, expression: 'ct', u32: { [ct.key]: key }, u8, nfproto };
}

function loadOf(field: NftField): Load {
  return loads.find((load) => load.field === field)!;
}

function nfprotoOf(statement: NftStatement): number | undefined {
  if (!('fields' in statement)) return undefined;
  return statement.fields.map((field) => loadOf(field).nfproto).find((each) => each !== undefined);
}

function fits(load: Load, data: Attributes): boolean {
  return (
    Object.entries(load.u32).every(([type, value]) => u32BeOf(data, Number(type)) === value) &&
    Object.entries(load.u8 ?? {}).every(([type, value]) => data.get(Number(type))?.[0] === value)
  );
}

function isMarkSet(data: Attributes): boolean {
  return u32BeOf(data, meta.key) === meta.keyMark && u32BeOf(data, meta.sreg) === registerOf(0);
}

function slotsOf(fields: readonly Load[]): number {
  return fields.reduce((sum, { bytes }) => sum + paddedBytes(bytes) / 4, 0);
}

/**
 * The number of register `slot`, in units of 4 bytes, as the kernel gives it in dumps: those that
 * begin 16 bytes have the old numbers 1-4 (NFT_REG_1), the others 8 and up (NFT_REG32_00).
 */
function registerOf(slot: number): number {
  return slot % 4 === 0 ? 1 + slot / 4 : 8 + slot;
}

function commentOf(userData: Buffer | undefined): string | undefined {
  if (userData === undefined) return undefined;
  for (let at = 0; at + 2 <= userData.length; at += 2 + userData[at + 1]!) {
    if (userData[at] !== commentType) continue;
    const text = userData.toString('utf8', at + 2, at + 2 + userData[at + 1]!);
    return text.replace(/\0.*$/s, '');
  }
  return undefined;
}
