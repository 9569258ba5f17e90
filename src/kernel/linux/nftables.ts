/**
 * nf_tables over NETLINK_NETFILTER (linux/netfilter/nf_tables.h, nfnetlink.h): the messages that
 * make, replace, remove and read our tables of a sandbox (`inet meshd-snat`), without `nft`.
 *
 *     [family u8 | version u8 | resource id u16 BE | attributes]; integers in attributes are BE
 *
 * Changes go in batches: NFNL_MSG_BATCH_BEGIN, messages, NFNL_MSG_BATCH_END, sent in one piece.
 * The kernel goes through all of them, reports each that is wrong under its sequence, and then
 * commits all or none. Readers see one generation or the next, never something between.
 *
 * Reading back needs no note of ours: expressions are decoded (nftables-rule.ts), and what the
 * model cannot express becomes a rule, set or chain that no table of ours has.
 */
import type { NftElementRule, NftSet, NftTableRule, Op } from '../../model/index.js';
import { errno } from '../errors.js';
import { flag, type MessageWriter } from './message.js';
import { encodeChain } from './nftables-chain.js';
import { encodeElement } from './nftables-element.js';
import { encodeRule } from './nftables-rule.js';
import { encodeSet } from './nftables-set.js';
import { beginNft, nft } from './nftables-message.js';

const batchBegin = 16;
const batchEnd = 17;
const subsystemNftables = 10;
const nfta = { table: 1, set: 2 } as const;

/** `sequence` answers for the batch as a whole: lacking rights, a commit that failed. */
export function encodeNftBatchBegin(writer: MessageWriter, sequence: number): void {
  encodeBatchMark(writer, batchBegin, sequence);
}

export function encodeNftBatchEnd(writer: MessageWriter, sequence: number): void {
  encodeBatchMark(writer, batchEnd, sequence);
}

/**
 * The messages of one Op, for a batch. `set` replaces the table by one whose sets are empty: the
 * caller adds all elements again, in the same batch if nobody shall see the gap.
 * The kernel answers EEXIST to `add` and ENOENT to the others as the port wants it.
 */
export function encodeNftTableOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: NftTableRule,
  sequence: number,
): void {
  if (verb !== 'add') {
    beginNft(writer, nft.deleteTable, flag.request, sequence);
    writer.attributeString(nfta.table, rule.name);
    writer.end();
  }
  if (verb === 'delete') return;
  const created = flag.request | flag.create | flag.exclusive;
  beginNft(writer, nft.newTable, created, sequence);
  writer.attributeString(nfta.table, rule.name);
  writer.end();
  for (const set of rule.sets) encodeSet(writer, rule.name, set, sequence);
  for (const chain of rule.chains) encodeChain(writer, rule.name, chain, sequence);
  for (const chain of rule.chains) {
    const place = { table: rule.name, chain: chain.name };
    for (const each of chain.rules) encodeRule(writer, place, each, sequence);
  }
}

/**
 * The message of one Op, for a batch. `sets` are those of its table by name: whether a key is an
 * interval, and how wide its parts are, is said nowhere else. Returns 0, or an errno (nothing was
 * written then): ENOENT when the set is not among them, EINVAL when the key does not fit it.
 * `set` replaces the element. An interval that overlaps another one fails: ENOTEMPTY, EEXIST.
 */
export function encodeNftElementOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: NftElementRule,
  sequence: number,
  sets: ReadonlyMap<string, NftSet> | undefined,
): number {
  const set = sets?.get(rule.set);
  if (set === undefined) return errno.ENOENT;
  const first = encodeElement(writer, verb === 'add' ? 'add' : 'delete', set, rule, sequence);
  if (verb !== 'set' || first !== 0) return first;
  return encodeElement(writer, 'add', set, rule, sequence);
}

/** Lists the tables, those of others too, without what is in them. */
export function encodeNftTableDump(writer: MessageWriter, sequence: number): void {
  beginNft(writer, nft.getTable, flag.request | flag.dump, sequence);
  writer.end();
}

/**
 * The requests that read tables without their elements. A dump of chains is one of all tables,
 * whatever table it is asked of. ENOENT when there is no such table.
 */
export function encodeNftContentsDump(
  writer: MessageWriter,
  tables: readonly string[],
  nextSequence: () => number,
): void {
  for (const table of tables) encodeNftSetsDump(writer, table, nextSequence());
  beginNft(writer, nft.getChain, flag.request | flag.dump, nextSequence());
  writer.end();
  for (const table of tables) encodeDumpOf(writer, nft.getRule, table, nextSequence());
}

/** Lists the sets of a table. ENOENT when there is none. */
export function encodeNftSetsDump(writer: MessageWriter, table: string, sequence: number): void {
  encodeDumpOf(writer, nft.getSet, table, sequence);
}

function encodeDumpOf(writer: MessageWriter, type: number, table: string, sequence: number): void {
  beginNft(writer, type, flag.request | flag.dump, sequence);
  writer.attributeString(nfta.table, table);
  writer.end();
}

/** Reads the elements of a set. */
export function encodeNftElementDump(
  writer: MessageWriter,
  table: string,
  set: string,
  sequence: number,
): void {
  beginNft(writer, nft.getElement, flag.request | flag.dump, sequence);
  writer.attributeString(nfta.table, table);
  writer.attributeString(nfta.set, set);
  writer.end();
}

/** Reads the generation: a number that each commit, of whatever table, changes. */
export function encodeNftGenerationGet(writer: MessageWriter, sequence: number): void {
  beginNft(writer, nft.getGeneration, flag.request, sequence);
  writer.end();
}

function encodeBatchMark(writer: MessageWriter, type: number, sequence: number): void {
  writer.begin(type, flag.request, sequence);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(subsystemNftables);
  writer.end();
}
