/**
 * Expressions of rules (NFTA_LIST_ELEM: NFTA_EXPR_NAME, NFTA_EXPR_DATA), as the kernel keeps them.
 * They work on registers of 4 bytes. Numbers in attributes are big-endian, numbers in data (what
 * a register holds or is compared with) are as the packet or the kernel has them.
 */
import {
  attributeHeaderBytes,
  attributesOf,
  walkAttributes,
  type MessageWriter,
} from './message.js';
import { textOf, u32BeOf } from './attributes.js';
import { nftaData, nftaExpression, nftaList } from './nftables-message.js';

export interface Expression {
  readonly name: string;
  /** Payloads by type. */
  readonly attributes: ReadonlyMap<number, Buffer>;
}

/** Attributes of the expressions we use (linux/netfilter/nf_tables.h, NFTA_*), and their values. */
export const expr = {
  meta: { dreg: 1, key: 2, sreg: 3 },
  ct: { dreg: 1, key: 2, direction: 3, sreg: 4 },
  payload: {
    dreg: 1,
    base: 2,
    offset: 3,
    bytes: 4,
    sreg: 5,
    checksumType: 6,
    checksumOffset: 7,
    checksumFlags: 8,
  },
  lookup: { set: 1, sreg: 2, dreg: 3, flags: 5, inverted: 1 },
  cmp: { sreg: 1, op: 2, data: 3, equal: 0, unequal: 1, atLeast: 5 },
  bitwise: { sreg: 1, dreg: 2, bytes: 3, mask: 4, xor: 5, op: 6 },
  byteorder: { sreg: 1, dreg: 2, op: 3, bytes: 4, size: 5, toNetwork: 1 },
  immediate: { dreg: 1, data: 2 },
  fib: { dreg: 1, result: 2, flags: 3, addressType: 3, ofDestination: 2 },
} as const;

/** NFT_META_*. */
export const metaKey = {
  mark: 3,
  iifname: 6,
  oifname: 7,
  iiftype: 8,
  oiftype: 9,
  skuid: 10,
  nfproto: 15,
  l4proto: 16,
  iifgroup: 21,
  oifgroup: 22,
} as const;

/** NFT_CT_*. */
export const ctKey = { direction: 1, mark: 3, destinationIp: 20, destinationIp6: 22 } as const;

/** The register of a verdict; others are numbered by `registerOf`. */
export const verdictRegister = 0;

/**
 * The number of register `slot`, in units of 4 bytes, as the kernel gives it in dumps: those that
 * begin 16 bytes have the old numbers 1-4 (NFT_REG_1), the others 8 and up (NFT_REG32_00).
 */
export function registerOf(slot: number): number {
  return slot % 4 === 0 ? 1 + slot / 4 : 8 + slot;
}

/** An attribute that is a number goes as 32 bits, which is what almost all of them are. */
export function expression(
  name: string,
  attributes: Readonly<Record<number, number | Buffer>> = {},
): Expression {
  const payloads = Object.entries(attributes).map(([type, value]): [number, Buffer] => [
    Number(type),
    typeof value === 'number' ? u32Be(value) : value,
  ]);
  return { name, attributes: new Map(payloads) };
}

export function u32Be(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** NFTA_DATA_VALUE: the payload of an attribute that holds data. */
export function dataValue(value: Buffer): Buffer {
  return attribute(nftaData.value, value);
}

/** NFT_GOTO. */
export const verdictGoto = 0xfffffffc;
const nftaVerdict = { code: 1, chain: 2 } as const;

/** NFTA_DATA_VERDICT; `chain` is where one that goes on elsewhere does so. */
export function dataVerdict(code: number, chain?: string): Buffer {
  const parts = [attribute(nftaVerdict.code, u32Be(code))];
  if (chain !== undefined) parts.push(attribute(nftaVerdict.chain, Buffer.from(`${chain}\0`)));
  return attribute(nftaData.verdict, Buffer.concat(parts));
}

/** The chain that a verdict leads to for good; undefined when it is another one. */
export function chainOfVerdict(data: Buffer): string | undefined {
  const verdict = attributesOf(data).get(nftaData.verdict);
  const parts = verdict === undefined ? undefined : attributesOf(verdict);
  if (parts === undefined || u32BeOf(parts, nftaVerdict.code) !== verdictGoto) return undefined;
  return textOf(parts, nftaVerdict.chain);
}

export function encodeExpression(writer: MessageWriter, { name, attributes }: Expression): void {
  writer.beginNested(nftaList.element);
  writer.attributeString(nftaExpression.name, name);
  writer.beginNested(nftaExpression.data);
  for (const [type, payload] of attributes) writer.attributeBytes(type, payload);
  writer.endNested();
  writer.endNested();
}

/** The expressions of a rule; undefined when they are not well formed. */
export function decodeExpressions(list: Buffer): Expression[] | undefined {
  const found: Expression[] = [];
  const isWhole = walkAttributes(list, 0, list.length, (type, start, length) => {
    if (type !== nftaList.element) return;
    const parts = attributesOf(list.subarray(start, start + length));
    const data = parts.get(nftaExpression.data);
    found.push({
      name: textOf(parts, nftaExpression.name) ?? '',
      attributes: data === undefined ? new Map() : attributesOf(data),
    });
  });
  return isWhole ? found : undefined;
}

/** True when both do the same: what the kernel adds of its own, counts and zeros, is left out. */
export function sameExpression(a: Expression, b: Expression): boolean {
  if (a.name !== b.name) return false;
  if (a.name === 'counter') return true;
  return saysAllOf(a, b) && saysAllOf(b, a);
}

function saysAllOf(a: Expression, b: Expression): boolean {
  for (const [type, payload] of b.attributes) {
    const other = a.attributes.get(type);
    const isSame =
      other === undefined ? payload.every((byte) => byte === 0) : other.equals(payload);
    if (!isSame) return false;
  }
  return true;
}

/** An attribute with its header, padded, and without the flag that says that it is nested. */
function attribute(type: number, payload: Buffer): Buffer {
  const length = attributeHeaderBytes + payload.length;
  const bytes = Buffer.alloc((length + 3) & ~3);
  bytes.writeUInt16LE(length);
  bytes.writeUInt16LE(type, 2);
  payload.copy(bytes, attributeHeaderBytes);
  return bytes;
}
