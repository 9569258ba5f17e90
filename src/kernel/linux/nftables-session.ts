/** Reading and changing our tables of a sandbox, in terms of Ops, over a netfilter session. */
import { assert } from '../../base/index.js';
import type { NftElementRule, NftSet, NftTableRule, Op } from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import { u32BeOf } from './attributes.js';
import { attributesOf, MessageWriter } from './message.js';
import { decodeElements } from './nftables-element.js';
import { nft, nftHeaderBytes, ownNftAttributes } from './nftables-message.js';
import { decodeSet } from './nftables-set.js';
import { NftTablesReader } from './nftables-table.js';
import {
  encodeNftBatchBegin,
  encodeNftBatchEnd,
  encodeNftElementDump,
  encodeNftElementOp,
  encodeNftContentsDump,
  encodeNftGenerationGet,
  encodeNftSetsDump,
  encodeNftTableDump,
  encodeNftTableOp,
} from './nftables.js';
import type { NetlinkSession, Refusal } from './session.js';

/** A batch goes to the kernel in one piece, which must fit a socket's send buffer (208 KiB). */
const batchBytesMax = 96 * 1024;
/** How often tables are read again because they changed meanwhile. */
const attemptsMax = 8;
const generationId = 1;

export interface NftObservation {
  readonly tables: readonly NftTableRule[];
  readonly elements: readonly NftElementRule[];
}

/**
 * Our tables of such names and their elements, all of one generation; none where there is no
 * nf_tables.
 * Errors: KernelError; EAGAIN when others change tables faster than they are read.
 */
export async function observeNft(
  session: NetlinkSession,
  isWanted: (name: string) => boolean = () => true,
): Promise<NftObservation> {
  try {
    return await ofOneGeneration(session, async () => {
      const tables = await readTables(session, isWanted);
      const elements: NftElementRule[] = [];
      for (const { name, sets } of tables) {
        for (const set of sets) elements.push(...(await readElements(session, name, set)));
      }
      return { tables, elements };
    });
  } catch (error) {
    if (!(error instanceof KernelError && hasNoTables.has(error.errno))) throw error;
    return { tables: [], elements: [] };
  }
}

/**
 * Applies Ops on tables and their elements, in order, and returns the refused ones by their
 * position in `ops`. Those that follow each other are one commit, as far as a batch holds them: a
 * table that is replaced is never seen without its new elements. As the kernel drops a batch for
 * one bad message, the others are sent again without it.
 * Errors: KernelError when the kernel refuses batches as such (EPERM).
 */
export async function applyNft(
  session: NetlinkSession,
  ops: readonly Op[],
): Promise<ReadonlyMap<number, Refusal>> {
  const refused = new Map<number, Refusal>();
  let sets = await setsBefore(session, ops);
  let start = 0;
  while (start < ops.length) {
    const batch = writeBatch(session, { ops, start, sets, refused });
    const refusals =
      batch.origins.size === 0
        ? new Map<number, Refusal>()
        : await session.transact(batch.bytes, { whole: true });
    const failure = refusals.get(batch.sequence);
    if (failure !== undefined) {
      throw new KernelError('nft batch', failure.errno, failure.message);
    }
    for (const [sequence, refusal] of refusals) {
      const index = batch.origins.get(sequence);
      if (index !== undefined && !refused.has(index)) refused.set(index, refusal);
    }
    // Each round either gets further or has one more Op refused.
    if (refusals.size > 0) continue;
    start = batch.end;
    sets = batch.sets;
  }
  return refused;
}

/** Sets by name, by the name of their table. */
type SetsByTable = ReadonlyMap<string, ReadonlyMap<string, NftSet>>;

interface Work {
  readonly ops: readonly Op[];
  readonly start: number;
  readonly sets: SetsByTable;
  /** Ops to leave out; those that cannot even be written are added. */
  readonly refused: Map<number, Refusal>;
}

interface Batch {
  readonly bytes: Buffer;
  /** Of the batch as a whole. */
  readonly sequence: number;
  /** Which Op a sequence number stands for. */
  readonly origins: ReadonlyMap<number, number>;
  /** The first Op that is not in it. */
  readonly end: number;
  /** The sets of the tables once it is committed. */
  readonly sets: SetsByTable;
}

function writeBatch(session: NetlinkSession, work: Work): Batch {
  const writer = new MessageWriter();
  const origins = new Map<number, number>();
  const sequence = session.nextSequence();
  const sets = new Map(work.sets);
  encodeNftBatchBegin(writer, sequence);
  let index = work.start;
  for (; index < work.ops.length && writer.length < batchBytesMax; index++) {
    if (work.refused.has(index)) continue;
    const { verb, target } = work.ops[index]!;
    const own = session.nextSequence();
    if (target.kind === 'nft-table') {
      encodeNftTableOp(writer, verb, target, own);
      if (verb === 'delete') sets.delete(target.name);
      else sets.set(target.name, setsByName(target.sets));
    } else {
      assert(target.kind === 'nft-element', `not an nft op: ${target.kind}`);
      const value = encodeNftElementOp(writer, verb, target, own, sets.get(target.table));
      if (value !== 0) {
        work.refused.set(index, { errno: value });
        continue;
      }
    }
    origins.set(own, index);
  }
  encodeNftBatchEnd(writer, sequence);
  return { bytes: writer.bytes(), sequence, origins, end: index, sets };
}

/** Of the tables that there is an Op on an element of, unless an Op before makes them. */
async function setsBefore(session: NetlinkSession, ops: readonly Op[]): Promise<SetsByTable> {
  const made = new Set<string>();
  const asked = new Set<string>();
  for (const { target } of ops) {
    if (target.kind === 'nft-table') made.add(target.name);
    if (target.kind === 'nft-element' && !made.has(target.table)) asked.add(target.table);
  }
  const sets = new Map<string, ReadonlyMap<string, NftSet>>();
  for (const table of asked) {
    const found = await readSets(session, table);
    if (found !== undefined) sets.set(table, found);
  }
  return sets;
}

/** Undefined when there is no such table. */
async function readSets(
  session: NetlinkSession,
  table: string,
): Promise<ReadonlyMap<string, NftSet> | undefined> {
  const writer = new MessageWriter(64);
  encodeNftSetsDump(writer, table, session.nextSequence());
  try {
    const messages = await session.dump(`list sets of nft table ${table}`, writer.bytes());
    const found = messages.flatMap(({ body }) => {
      const attributes = ownNftAttributes(body);
      const set = attributes === undefined ? undefined : decodeSet(attributes);
      return set === undefined ? [] : [set];
    });
    return setsByName(found);
  } catch (error) {
    if (error instanceof KernelError && error.errno === errno.ENOENT) return undefined;
    throw error;
  }
}

function setsByName(sets: readonly NftSet[]): ReadonlyMap<string, NftSet> {
  return new Map(sets.map((set) => [set.name, set]));
}

const hasNoTables: ReadonlySet<number> = new Set([errno.EOPNOTSUPP, errno.EINVAL]);

/** What `read` gives when nothing changes meanwhile, not even by a table that goes away. */
export async function ofOneGeneration<T>(
  session: NetlinkSession,
  read: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const before = await readGeneration(session);
    try {
      const found = await read();
      if ((await readGeneration(session)) === before) return found;
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === errno.ENOENT)) throw error;
    }
  }
  throw new KernelError('read nft tables', errno.EAGAIN, `changed ${attemptsMax} times meanwhile`);
}

async function readTables(
  session: NetlinkSession,
  isWanted: (name: string) => boolean,
): Promise<NftTableRule[]> {
  const writer = new MessageWriter(256);
  encodeNftTableDump(writer, session.nextSequence());
  const reader = new NftTablesReader(isWanted);
  const add = async (action: string): Promise<void> => {
    for (const { type, body } of await session.dump(action, writer.bytes())) reader.add(type, body);
    writer.reset();
  };
  await add('list nft tables');
  const names = reader.tables().map(({ name }) => name);
  if (names.length === 0) return [];
  encodeNftContentsDump(writer, names, () => session.nextSequence());
  await add('read nft tables');
  return reader.tables();
}

async function readElements(
  session: NetlinkSession,
  table: string,
  set: NftSet,
): Promise<NftElementRule[]> {
  const writer = new MessageWriter(64);
  encodeNftElementDump(writer, table, set.name, session.nextSequence());
  const messages = await session.dump(`read nft set ${table} ${set.name}`, writer.bytes());
  const bodies = messages.filter(({ type }) => type === nft.newElement);
  return decodeElements(
    bodies.map(({ body }) => ownNftAttributes(body)).filter((each) => each !== undefined),
    table,
    set,
  );
}

async function readGeneration(session: NetlinkSession): Promise<number | undefined> {
  const writer = new MessageWriter(32);
  encodeNftGenerationGet(writer, session.nextSequence());
  const [reply] = await session.dump('read nft generation', writer.bytes());
  return reply && u32BeOf(attributesOf(reply.body, nftHeaderBytes), generationId);
}
