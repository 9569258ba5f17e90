import { isOurNftTable } from '../../model/index.js';
import { textOf, type Attributes } from './attributes.js';
import { attributesOf, type MessageWriter } from './message.js';

/** Message types: subsystem 10 (NFNL_SUBSYS_NFTABLES) in the high byte, NFT_MSG_* in the low. */
export const nft = {
  newTable: 0xa00,
  getTable: 0xa01,
  deleteTable: 0xa02,
  newChain: 0xa03,
  getChain: 0xa04,
  deleteChain: 0xa05,
  newRule: 0xa06,
  getRule: 0xa07,
  deleteRule: 0xa08,
  newSet: 0xa09,
  getSet: 0xa0a,
  deleteSet: 0xa0b,
  newElement: 0xa0c,
  getElement: 0xa0d,
  deleteElement: 0xa0e,
  newGeneration: 0xa0f,
  getGeneration: 0xa10,
  newObject: 0xa12,
  getObject: 0xa13,
  deleteObject: 0xa14,
} as const;

/** Size of the header behind that of netlink (struct nfgenmsg). */
export const nftHeaderBytes = 4;
const familyInet = 1; // NFPROTO_INET
const tableName = 1; // NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_SET_TABLE ...: 1 everywhere

/** NFTA_LIST_ELEM, NFTA_EXPR_*, NFTA_DATA_VALUE. */
export const nftaList = { element: 1 } as const;
export const nftaExpression = { name: 1, data: 2 } as const;
export const nftaData = { value: 1, verdict: 2 } as const;

/**
 * Data types as `nft` numbers them (include/datatype.h), and their size in bytes. What is in a place
 * of a header is an integer.
 */
export const nftTypes = {
  '@th,96,24': { number: 4, bytes: 3 },
  ipv4_addr: { number: 7, bytes: 4 },
  ipv6_addr: { number: 8, bytes: 16 },
  ether_addr: { number: 9, bytes: 6 },
  inet_proto: { number: 12, bytes: 1 },
  inet_service: { number: 13, bytes: 2 },
  mark: { number: 19, bytes: 4 },
  ifname: { number: 41, bytes: 16 },
} as const;

/** Bytes that a part of a concatenation takes: whole registers of 4 bytes. */
export function paddedBytes(bytes: number): number {
  return (bytes + 3) & ~3;
}

export function beginNft(
  writer: MessageWriter,
  type: number,
  flags: number,
  sequence: number,
): void {
  writer.begin(type, flags, sequence);
  writer.u8(familyInet);
  writer.u8(0);
  writer.u16(0);
}

/** The attributes of a message about a table of ours, else undefined. */
export function ownNftAttributes(body: Buffer): Attributes | undefined {
  if (body.length < nftHeaderBytes || body[0] !== familyInet) return undefined;
  const attributes = attributesOf(body, nftHeaderBytes);
  return isOurNftTable(tableOf(attributes)) ? attributes : undefined;
}

/** The name of the table that a message is about. */
export function tableOf(attributes: Attributes): string {
  return textOf(attributes, tableName) ?? '';
}
