/** Sets and maps of tables: their definitions (NFT_MSG_NEWSET), not their elements. */
import type { NftSet, NftType } from '../../model/index.js';
import { textOf, u32BeOf, type Attributes } from './attributes.js';
import { flag, type MessageWriter } from './message.js';
import { beginNft, nft, nftTypes, paddedBytes } from './nftables-message.js';

const nfta = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  keyBytes: 5,
  dataType: 6,
  dataBytes: 7,
  description: 9,
  id: 10,
  userData: 13,
} as const;
const anyId = 1;
const descriptionConcat = 2;
const fieldElement = 1;
const fieldBytes = 1;
const setFlag = { anonymous: 0x01, interval: 0x04, map: 0x08, concat: 0x80 } as const;
/** `nft` numbers a concatenation by the numbers of its parts, 6 bits each. */
const typeBits = 6;
/** Of `nft` (include/datatype.h, enum byteorder). */
const hostByteOrder = 1;
const networkByteOrder = 2;

/** `id` is asked for by the kernel and serves nobody: rules name their sets. */
export function encodeSet(
  writer: MessageWriter,
  table: string,
  set: NftSet,
  sequence: number,
): void {
  const isRanges = set.interval && set.key.length > 1;
  const flags =
    (set.interval ? setFlag.interval : 0) |
    (isRanges ? setFlag.concat : 0) |
    (set.value === undefined ? 0 : setFlag.map);
  beginNft(writer, nft.newSet, flag.request | flag.create | flag.exclusive, sequence);
  writer.attributeString(nfta.table, table);
  writer.attributeString(nfta.name, set.name);
  writer.attributeU32Be(nfta.flags, flags);
  writer.attributeU32Be(nfta.keyType, keyTypeOf(set.key));
  writer.attributeU32Be(nfta.keyBytes, keyBytesOf(set.key));
  if (set.value !== undefined) {
    writer.attributeU32Be(nfta.dataType, nftTypes[set.value].number);
    writer.attributeU32Be(nfta.dataBytes, nftTypes[set.value].bytes);
  }
  writer.attributeU32Be(nfta.id, anyId);
  if (isRanges) encodeFields(writer, set.key);
  encodeByteOrders(writer, set);
  writer.end();
}

/** The definition of a message; undefined when it has no name or belongs to a single rule. */
export function decodeSet(attributes: Attributes): NftSet | undefined {
  const name = textOf(attributes, nfta.name);
  const flags = u32BeOf(attributes, nfta.flags) ?? 0;
  if (name === undefined || (flags & setFlag.anonymous) !== 0) return undefined;
  const known = setFlag.interval | setFlag.map | setFlag.concat;
  const value = typeOf(u32BeOf(attributes, nfta.dataType) ?? 0);
  return {
    name,
    // A set we would never make, with timeouts for instance, has no key to compare.
    key: (flags & ~known) === 0 ? keyOf(attributes) : [],
    ...((flags & setFlag.map) === 0 || value === undefined ? {} : { value }),
    interval: (flags & setFlag.interval) !== 0,
  };
}

/** Size of a whole key: a single part as it is, each part of a concatenation padded. */
export function keyBytesOf(key: readonly NftType[]): number {
  if (key.length === 1) return nftTypes[key[0]!].bytes;
  return key.reduce((sum, type) => sum + paddedBytes(nftTypes[type].bytes), 0);
}

/** Ranges in several parts at once take the lengths of the parts (pipapo, since Linux 5.6). */
function encodeFields(writer: MessageWriter, key: readonly NftType[]): void {
  writer.beginNested(nfta.description);
  writer.beginNested(descriptionConcat);
  for (const type of key) {
    writer.beginNested(fieldElement);
    writer.attributeU32Be(fieldBytes, nftTypes[type].bytes);
    writer.endNested();
  }
  writer.endNested();
  writer.endNested();
}

/**
 * What `nft` writes for `typeof @th,96,24`, without which it cannot show the set: [type u8 = 3, of
 * the key | length u8 | [0 | 4 | u32 = 7, payload] [1 | 30 | protocol 0, field 0, base 3 transport,
 * offset 96, bits 24, each numbered and 4 bytes long]].
 */
const typeofVni: readonly number[] = [
  ...[3, 38, 0, 4, 7, 0, 0, 0, 1, 30],
  ...[0, 0, 3, 96, 24].flatMap((value, i) => [i, 4, value, 0, 0, 0]),
];

/**
 * Without it `nft` takes marks for big-endian numbers. [type u8 | length u8 = 4 | u32], the type 0
 * for the key and 1 for the value; 0 = a concatenation, where each part has its own.
 */
function encodeByteOrders(writer: MessageWriter, set: NftSet): void {
  const [only, ...others] = set.key;
  const key = only === undefined || others.length > 0 ? 0 : byteOrderOf(only);
  const value = set.value === undefined ? [] : [1, 4, byteOrderOf(set.value), 0, 0, 0];
  const place = only === '@th,96,24' ? typeofVni : [];
  writer.attributeBytes(nfta.userData, Buffer.of(0, 4, key, 0, 0, 0, ...value, ...place));
}

function byteOrderOf(type: NftType): number {
  return type === 'mark' || type === 'ifname' ? hostByteOrder : networkByteOrder;
}

function keyTypeOf(key: readonly NftType[]): number {
  return key.reduce((number, type) => (number << typeBits) | nftTypes[type].number, 0);
}

/** Empty when a part has another type than those we know, or another size. */
function keyOf(attributes: Attributes): NftType[] {
  const number = u32BeOf(attributes, nfta.keyType) ?? 0;
  const key: NftType[] = [];
  for (let rest = number; rest !== 0; rest >>>= typeBits) {
    const type = typeOf(rest & ((1 << typeBits) - 1));
    if (type === undefined) return [];
    key.unshift(type);
  }
  return keyBytesOf(key) === u32BeOf(attributes, nfta.keyBytes) ? key : [];
}

function typeOf(number: number): NftType | undefined {
  const types = Object.keys(nftTypes) as NftType[];
  return types.find((type) => nftTypes[type].number === number);
}
