/** Reading and changing the table of a sandbox, in terms of Ops, over a netfilter session. */
import { assert } from '../../base/index.js';
import type { NftElementRule, NftSet, NftTableRule, Op } from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import { u32BeOf } from './attributes.js';
import { attributesOf, MessageWriter } from './message.js';
import { decodeElements } from './nftables-element.js';
import { nft, nftHeaderBytes, ownNftAttributes } from './nftables-message.js';
import { NftTableReader } from './nftables-table.js';
import {
  encodeNftBatchBegin,
  encodeNftBatchEnd,
  encodeNftElementDump,
  encodeNftElementOp,
  encodeNftGenerationGet,
  encodeNftTableGet,
  encodeNftTableOp,
} from './nftables.js';
import type { NetlinkSession, Refusal } from './session.js';

/** A batch goes to the kernel in one piece, which must fit a socket's send buffer (208 KiB). */
const batchBytesMax = 96 * 1024;
/** How often the table is read again because it changed meanwhile. */
const attemptsMax = 8;
const generationId = 1;

export interface NftObservation {
  readonly table: NftTableRule;
  readonly elements: readonly NftElementRule[];
}

/**
 * The table and its elements, all of one generation; undefined when there is none, or no
 * nf_tables. Errors: KernelError; EAGAIN when others change tables faster than it is read.
 */
export async function observeNft(session: NetlinkSession): Promise<NftObservation | undefined> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    try {
      const before = await readGeneration(session);
      const reader = await readTable(session);
      const table = reader.table();
      if (table === undefined) return undefined;
      const elements: NftElementRule[] = [];
      for (const set of table.sets) elements.push(...(await readElements(session, set)));
      if ((await readGeneration(session)) === before) return { table, elements };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (hasNoTables.has(error.errno)) return undefined;
      // The table or a set went away between two requests.
      if (error.errno !== errno.ENOENT) throw error;
      if ((await tryReadTable(session)) === undefined) return undefined;
    }
  }
  throw new KernelError('read nft table', errno.EAGAIN, `changed ${attemptsMax} times meanwhile`);
}

/**
 * Applies Ops on the table and its elements, in order, and returns the refused ones by their
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
  let sets = await setsBefore(session, ops[0]);
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

interface Work {
  readonly ops: readonly Op[];
  readonly start: number;
  readonly sets: ReadonlyMap<string, NftSet>;
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
  /** The sets of the table once it is committed. */
  readonly sets: ReadonlyMap<string, NftSet>;
}

function writeBatch(session: NetlinkSession, work: Work): Batch {
  const writer = new MessageWriter();
  const origins = new Map<number, number>();
  const sequence = session.nextSequence();
  let { sets } = work;
  encodeNftBatchBegin(writer, sequence);
  let index = work.start;
  for (; index < work.ops.length && writer.length < batchBytesMax; index++) {
    if (work.refused.has(index)) continue;
    const { verb, target } = work.ops[index]!;
    const own = session.nextSequence();
    if (target.kind === 'nft-table') {
      encodeNftTableOp(writer, verb, target, own);
      sets = new Map(verb === 'delete' ? [] : target.sets.map((set) => [set.name, set]));
    } else {
      assert(target.kind === 'nft-element', `not an nft op: ${target.kind}`);
      const value = encodeNftElementOp(writer, verb, target, own, sets);
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

/** The sets that `first` and what follows it may speak of. */
async function setsBefore(
  session: NetlinkSession,
  first: Op | undefined,
): Promise<ReadonlyMap<string, NftSet>> {
  if (first?.target.kind !== 'nft-element') return new Map();
  return (await tryReadTable(session))?.sets() ?? new Map<string, NftSet>();
}

const hasNoTables: ReadonlySet<number> = new Set([errno.EOPNOTSUPP, errno.EINVAL]);

async function tryReadTable(session: NetlinkSession): Promise<NftTableReader | undefined> {
  try {
    return await readTable(session);
  } catch (error) {
    if (error instanceof KernelError && error.errno === errno.ENOENT) return undefined;
    throw error;
  }
}

async function readTable(session: NetlinkSession): Promise<NftTableReader> {
  const writer = new MessageWriter(256);
  encodeNftTableGet(writer, () => session.nextSequence());
  const reader = new NftTableReader();
  for (const { type, body } of await session.dump('read nft table', writer.bytes())) {
    reader.add(type, body);
  }
  return reader;
}

async function readElements(session: NetlinkSession, set: NftSet): Promise<NftElementRule[]> {
  const writer = new MessageWriter(64);
  encodeNftElementDump(writer, set.name, session.nextSequence());
  const messages = await session.dump(`read nft set ${set.name}`, writer.bytes());
  const bodies = messages.filter(({ type }) => type === nft.newElement);
  return decodeElements(
    bodies.map(({ body }) => ownNftAttributes(body)).filter((each) => each !== undefined),
    set,
  );
}

async function readGeneration(session: NetlinkSession): Promise<number | undefined> {
  const writer = new MessageWriter(32);
  encodeNftGenerationGet(writer, session.nextSequence());
  const [reply] = await session.dump('read nft generation', writer.bytes());
  return reply && u32BeOf(attributesOf(reply.body, nftHeaderBytes), generationId);
}
