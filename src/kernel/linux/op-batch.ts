import type { Op } from '../../model/index.js';
import { formatOp } from '../../model/index.js';
import { KernelError } from '../errors.js';
import { MessageWriter } from './message.js';
import { batchBytesMax, type NetlinkSession, type Refusal } from './session.js';

/** Reports that the Op at `index` failed. */
export type Fail = (index: number, error: KernelError) => void;

/** Part of the Ops given to a kernel: those from `start` to before `end`. */
export interface OpRange {
  readonly ops: readonly Op[];
  readonly start: number;
  readonly end: number;
}

/** Who asked for a message: an Op, and in `add` of a service the destination of that number. */
export interface Origin {
  readonly index: number;
  /** -1 = the Op itself. */
  readonly destination: number;
}

/** The origin of the first of `count` messages; the others are of the destinations that follow. */
interface OriginRange extends Origin {
  readonly count: number;
  readonly firstSequence: number;
}

/** How many messages may be written before `room` is asked. */
export const messagesTogetherMax = 64;
/** More than any single message of ours takes. */
const messageBytesMax = 512;

/**
 * Messages of Ops on their way to the kernel, which answers in terms of sequence numbers. One
 * batch is with the kernel while the next is written. For each message:
 *
 *     const sequence = batch.next(index);
 *     encode(batch.writer, sequence, ...);
 *     const room = batch.room();
 *     if (room !== undefined) await room;
 */
export class OpBatch {
  readonly writer = new MessageWriter(batchBytesMax);
  /** Ops that failed so far. */
  readonly failed = new Set<number>();
  private origins: OriginRange[] = [];
  private sent: Promise<void> = Promise.resolve();

  constructor(
    private readonly session: NetlinkSession,
    private readonly describe: (origin: Origin, refusal: Refusal) => KernelError,
    private readonly report: Fail,
  ) {}

  /** The sequence number for a message of the Op at `index`. */
  next(index: number): number {
    return this.nextDestinations({ index, destination: -1 }, 1);
  }

  /** The first of `count` sequence numbers for `first` and the destinations that follow it. */
  nextDestinations(first: Origin, count: number): number {
    const firstSequence = this.session.takeSequences(count);
    const { index, destination } = first;
    this.origins.push({ index, destination, count, firstSequence });
    return firstSequence;
  }

  /** A promise only when there is something to wait for: 100,000 turns would cost. */
  room(): Promise<void> | undefined {
    return this.writer.length > fullBytes ? this.send() : undefined;
  }

  /** Counts the Op as failed, by the kernel's word or without having asked it. */
  refuse(origin: Origin, refusal: Refusal): void {
    this.failed.add(origin.index);
    this.report(origin.index, this.describe(origin, refusal));
  }

  /** Resolves when the kernel has answered everything. */
  async flush(): Promise<void> {
    await this.send();
    await this.sent;
  }

  private async send(): Promise<void> {
    const before = this.sent;
    if (this.writer.length > 0) {
      // What fits one send is copied before `transact` returns, so the writer is free again.
      this.sent = this.transact(this.origins);
      this.sent.catch(() => undefined); // Thrown again by whoever waits for it.
      this.writer.reset();
    }
    this.origins = [];
    await before;
  }

  private async transact(origins: readonly OriginRange[]): Promise<void> {
    try {
      for (const [sequence, refusal] of await this.session.transact(this.writer.bytes())) {
        const origin = originOf(origins, sequence);
        if (origin !== undefined) this.refuse(origin, refusal);
      }
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      // The outcome of the whole batch is unknown: each of its Ops has failed, once.
      for (const { index } of origins) {
        if (this.failed.has(index)) continue;
        const refusal = { errno: error.errno, message: withoutErrno(error.message) };
        this.refuse({ index, destination: -1 }, refusal);
      }
    }
  }
}

const fullBytes = batchBytesMax - messagesTogetherMax * messageBytesMax;

/** Refusals are rare, so this may take its time. */
function originOf(ranges: readonly OriginRange[], sequence: number): Origin | undefined {
  for (const { index, destination, count, firstSequence } of ranges) {
    const offset = sequence - firstSequence;
    if (offset >= 0 && offset < count) return { index, destination: destination + offset };
  }
  return undefined;
}

/** The Op without the destinations that `add` of a service brings along. */
export function formatOpLine(op: Op): string {
  const text = formatOp(op);
  const end = text.indexOf('\n');
  return end === -1 ? text : text.slice(0, end);
}

/** The errno is said once, at the end of the error that quotes this message. */
export function withoutErrno(message: string): string {
  return message.replace(/ \([A-Z0-9]+\)$/, '');
}
