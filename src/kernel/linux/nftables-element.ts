/**
 * Elements of sets and maps (NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM) and their text.
 *
 * An interval of a single field is two elements in the kernel: where it begins, and behind its
 * end one flagged NFT_SET_ELEM_INTERVAL_END, which the last interval of the number range lacks.
 * An interval of several fields is one element with both corners.
 */
import type { NftElementRule, NftSet, NftType } from '../../model/index.js';
import { errno } from '../errors.js';
import { u32BeOf, type Attributes } from './attributes.js';
import { attributesOf, flag, walkAttributes, type MessageWriter } from './message.js';
import { beginNft, nft, nftTypes, nftaData, nftaList, paddedBytes } from './nftables-message.js';
import { formatKeyPart, formatKeyValue, parseKeyPart } from './nftables-key.js';

const nfta = { table: 1, set: 2, elements: 3 } as const;
const nftaElement = { key: 1, data: 2, flags: 3, keyEnd: 10 } as const;
const intervalEnd = 1;

/** Returns 0, or EINVAL when the key or the value does not fit the set; nothing is written then. */
export function encodeElement(
  writer: MessageWriter,
  verb: 'add' | 'delete',
  set: NftSet,
  rule: NftElementRule,
  sequence: number,
): number {
  const corners = cornersOf(set, rule.key);
  if (corners === undefined || (rule.value === undefined) !== (set.value === undefined)) {
    return errno.EINVAL;
  }
  const value = set.value === undefined ? undefined : parseKeyPart(set.value, rule.value!)?.from;
  if (set.value !== undefined && value === undefined) return errno.EINVAL;
  const { from, to } = corners;
  const isAdd = verb === 'add';
  const flags = isAdd ? flag.request | flag.create | flag.exclusive : flag.request;
  beginNft(writer, isAdd ? nft.newElement : nft.deleteElement, flags, sequence);
  writer.attributeString(nfta.table, rule.table);
  writer.attributeString(nfta.set, set.name);
  writer.beginNested(nfta.elements);
  writer.beginNested(nftaList.element);
  encodeData(writer, nftaElement.key, from);
  if (set.interval && set.key.length > 1) encodeData(writer, nftaElement.keyEnd, to);
  if (value !== undefined) encodeData(writer, nftaElement.data, value);
  writer.endNested();
  const behind = set.interval && set.key.length === 1 ? successor(to) : undefined;
  if (behind !== undefined) {
    writer.beginNested(nftaList.element);
    writer.attributeU32Be(nftaElement.flags, intervalEnd);
    encodeData(writer, nftaElement.key, behind);
    writer.endNested();
  }
  writer.endNested();
  writer.end();
  return 0;
}

interface RawElement {
  readonly from: Buffer;
  readonly to: Buffer;
  readonly isEnd: boolean;
  readonly value: Buffer | undefined;
}

/** The elements of one set of `table`, from the attributes of all messages that a dump of it gave. */
export function decodeElements(
  messages: Iterable<Attributes>,
  table: string,
  set: NftSet,
): NftElementRule[] {
  const raw: RawElement[] = [];
  for (const attributes of messages) {
    const list = attributes.get(nfta.elements);
    if (list === undefined) continue;
    walkAttributes(list, 0, list.length, (type, payload, length) => {
      if (type !== nftaList.element) return;
      const element = rawElement(attributesOf(list.subarray(payload, payload + length)));
      if (element !== undefined) raw.push(element);
    });
  }
  const closed = set.interval && set.key.length === 1 ? closeIntervals(raw) : raw;
  return closed.map((element) => ruleOf(table, set, element)).filter((rule) => rule !== undefined);
}

function rawElement(attributes: Attributes): RawElement | undefined {
  const from = dataOf(attributes, nftaElement.key);
  if (from === undefined) return undefined;
  return {
    from,
    to: dataOf(attributes, nftaElement.keyEnd) ?? from,
    isEnd: ((u32BeOf(attributes, nftaElement.flags) ?? 0) & intervalEnd) !== 0,
    value: dataOf(attributes, nftaElement.data),
  };
}

/** Makes one element of each beginning and the end behind it, whatever order they came in. */
function closeIntervals(raw: readonly RawElement[]): RawElement[] {
  const sorted = raw.toSorted(
    (a, b) => Buffer.compare(a.from, b.from) || Number(b.isEnd) - Number(a.isEnd),
  );
  const closed: RawElement[] = [];
  sorted.forEach((element, i) => {
    if (element.isEnd) return;
    const next = sorted[i + 1];
    const to = next === undefined ? Buffer.alloc(element.from.length, 0xff) : before(next.from);
    closed.push({ ...element, to });
  });
  return closed;
}

function ruleOf(table: string, set: NftSet, element: RawElement): NftElementRule | undefined {
  const key: string[] = [];
  let at = 0;
  for (const type of set.key) {
    const { bytes } = nftTypes[type];
    const from = element.from.subarray(at, at + bytes);
    const to = element.to.subarray(at, at + bytes);
    if (from.length !== bytes || to.length !== bytes) return undefined;
    key.push(formatKeyPart(type, from, to));
    at += set.key.length === 1 ? bytes : paddedBytes(bytes);
  }
  const value = valueOf(set.value, element.value);
  return {
    kind: 'nft-element',
    table,
    set: set.name,
    key,
    ...(value === undefined ? {} : { value }),
  };
}

function valueOf(type: NftType | undefined, value: Buffer | undefined): string | undefined {
  if (type === undefined || value?.length !== nftTypes[type].bytes) return undefined;
  return formatKeyValue(type, value);
}

/** Both corners of the key in the kernel's form; undefined when it does not fit the set. */
function cornersOf(set: NftSet, key: readonly string[]): { from: Buffer; to: Buffer } | undefined {
  if (key.length !== set.key.length || key.length === 0) return undefined;
  const from: Buffer[] = [];
  const to: Buffer[] = [];
  for (const [i, type] of set.key.entries()) {
    const part = parseKeyPart(type, key[i]!);
    if (part === undefined) return undefined;
    if (!set.interval && Buffer.compare(part.from, part.to) !== 0) return undefined;
    from.push(part.from);
    to.push(part.to);
    const gap = Buffer.alloc(
      key.length === 1 ? 0 : paddedBytes(part.from.length) - part.from.length,
    );
    from.push(gap);
    to.push(gap);
  }
  return { from: Buffer.concat(from), to: Buffer.concat(to) };
}

/** The next number in network byte order; undefined behind the last one. */
function successor(bytes: Buffer): Buffer | undefined {
  const next = Buffer.from(bytes);
  for (let i = next.length - 1; i >= 0; i--) {
    next[i] = (next[i]! + 1) & 0xff;
    if (next[i] !== 0) return next;
  }
  return undefined;
}

function before(bytes: Buffer): Buffer {
  const previous = Buffer.from(bytes);
  for (let i = previous.length - 1; i >= 0; i--) {
    const value = previous[i]!;
    previous[i] = (value - 1) & 0xff;
    if (value !== 0) break;
  }
  return previous;
}

function encodeData(writer: MessageWriter, type: number, value: Buffer): void {
  writer.beginNested(type);
  writer.attributeBytes(nftaData.value, value);
  writer.endNested();
}

function dataOf(attributes: Attributes, type: number): Buffer | undefined {
  const nested = attributes.get(type);
  return nested === undefined ? undefined : attributesOf(nested).get(nftaData.value);
}
