import { KernelError, errno } from '../errors.js';
import { dumpInterrupted, headerBytes, messageType, walkAttributes } from './message.js';
import type { Message } from './message.js';

/** linux/netlink.h: the protocols this project speaks. */
export const netlinkProtocol = { route: 0, netfilter: 12, generic: 16 } as const;

/** What one exchange with the kernel brought back. */
export interface Exchange {
  /** All replies, one message behind the other, each beginning on 4 bytes. */
  readonly replies: Buffer;
  /** The receive buffer overflowed: `replies` is not the whole answer. */
  readonly overrun: boolean;
  /** errno of the socket itself; 0 = everything was sent and every reply read. */
  readonly errno: number;
  /** Bytes of the requests that the kernel took. */
  readonly sent: number;
}

/** A netlink socket inside a network namespace: the native addon, or a test's own. */
export interface NetlinkSocket {
  /**
   * Sends whole messages and collects every reply; returns when the kernel has nothing more.
   * `oneByOne` sends each message alone: the kernel runs one dump per socket at a time.
   */
  exchange(requests: Uint8Array, options?: { readonly oneByOne?: boolean }): Promise<Exchange>;
  close(): Promise<void>;
}

/** A request the kernel refused. */
export interface Refusal {
  /** Positive: errno.ESRCH and the like. */
  readonly errno: number;
  /** The kernel's own words (extended acknowledgement), where it has any. */
  readonly message?: string;
}

/** Refused requests by their sequence number. */
export type Refusals = ReadonlyMap<number, Refusal>;

/** Counts since the session was opened, for metrics. */
export interface SessionCounters {
  readonly exchanges: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly refusals: number;
  readonly overruns: number;
  /** Dumps repeated because an object changed meanwhile. */
  readonly interruptions: number;
}

/** Called for each payload message of a reply: type, and where its body lies in `bytes`. */
export type MessageVisitor = (bytes: Buffer, type: number, start: number, end: number) => void;

/** Bytes of requests handed to the kernel at once: far below any send buffer. */
export const batchBytesMax = 128 * 1024;
/** Dump requests in one exchange: bounds the memory of its replies. */
const dumpsPerExchangeMax = 512;
/** How often a dump is repeated before it counts as failed. */
const dumpAttemptsMax = 8;

/**
 * A netlink conversation with the kernel of one sandbox. The kernel answers while it is asked, so
 * nothing here waits for the network or needs a timeout.
 */
export class NetlinkSession {
  /** The socket failed and may hold the rest of an answer: close the session, open another. */
  failed = false;
  private sequence = 0;
  private readonly counts = {
    exchanges: 0,
    sentBytes: 0,
    receivedBytes: 0,
    refusals: 0,
    overruns: 0,
    interruptions: 0,
  };

  constructor(private readonly socket: NetlinkSocket) {}

  get counters(): SessionCounters {
    return this.counts;
  }

  /** A number that no request of the last 2^32 had. Never 0. */
  nextSequence(): number {
    return this.takeSequences(1);
  }

  /** The first of `count` such numbers in a row. */
  takeSequences(count: number): number {
    if (this.sequence + count > 0xffff_ffff) this.sequence = 0;
    const first = this.sequence + 1;
    this.sequence += count;
    return first;
  }

  /**
   * Sends whole messages and returns those that were refused. They need no NLM_F_ACK: the kernel
   * works inside send(2) and reports every error unasked, so silence is success.
   * `whole` sends them in one piece, as a netfilter batch demands.
   * Errors: KernelError ENOBUFS when replies were lost, so that it is unknown what was done;
   * KernelError when the socket itself fails. Both leave the caller to observe again.
   */
  async transact(messages: Uint8Array, options: { whole?: boolean } = {}): Promise<Refusals> {
    const refusals = new Map<number, Refusal>();
    const limit = options.whole === true ? messages.length : batchBytesMax;
    let overrun = false;
    for (let start = 0; start < messages.length;) {
      const end = batchEnd(messages, start, limit, Infinity);
      const exchange = await this.exchange(messages.subarray(start, end), false);
      this.readReplies(exchange.replies, refusals);
      if (exchange.errno !== 0) throw new KernelError('send netlink batch', exchange.errno);
      overrun ||= exchange.overrun;
      start = end;
    }
    this.counts.refusals += refusals.size;
    if (overrun) {
      throw new KernelError('netlink batch', errno.ENOBUFS, 'replies were lost, outcome unknown');
    }
    return refusals;
  }

  /**
   * Runs dump or get requests one after the other and hands every message of the replies to
   * `visit`, in order. A dump that changed meanwhile (NLM_F_DUMP_INTR) or lost replies (ENOBUFS)
   * is repeated, so messages of the abandoned attempt are never seen.
   * Errors: KernelError of the first request that was refused; `aborted` kinds after
   * `dumpAttemptsMax` repetitions (EAGAIN, ENOBUFS). `action` begins its text.
   */
  async scan(action: string, requests: Uint8Array, visit: MessageVisitor): Promise<void> {
    for (let start = 0; start < requests.length;) {
      const end = batchEnd(requests, start, batchBytesMax, dumpsPerExchangeMax);
      const replies = await this.completeReplies(action, requests.subarray(start, end));
      forEachPayload(replies, visit);
      start = end;
    }
  }

  /** As `scan`, with the messages in a list: for small tables and single objects. */
  async dump(action: string, requests: Uint8Array): Promise<Message[]> {
    const messages: Message[] = [];
    await this.scan(action, requests, (bytes, type, start, end) => {
      const header = start - headerBytes;
      messages.push({
        type,
        flags: bytes.readUInt16LE(header + 6),
        sequence: bytes.readUInt32LE(header + 8),
        portId: bytes.readUInt32LE(header + 12),
        body: bytes.subarray(start, end),
      });
    });
    return messages;
  }

  close(): Promise<void> {
    return this.socket.close();
  }

  private async completeReplies(action: string, requests: Uint8Array): Promise<Buffer> {
    let reason: number = errno.EAGAIN;
    for (let attempt = 0; attempt < dumpAttemptsMax; attempt++) {
      const exchange = await this.exchange(requests, true);
      if (exchange.errno !== 0) throw new KernelError(action, exchange.errno);
      const refusals = new Map<number, Refusal>();
      const interrupted = this.readReplies(exchange.replies, refusals);
      for (const refusal of refusals.values()) {
        this.counts.refusals++;
        throw new KernelError(action, refusal.errno, refusal.message);
      }
      if (!interrupted && !exchange.overrun) return exchange.replies;
      reason = exchange.overrun ? errno.ENOBUFS : errno.EAGAIN;
    }
    throw new KernelError(action, reason, `incomplete after ${dumpAttemptsMax} attempts`);
  }

  private async exchange(requests: Uint8Array, oneByOne: boolean): Promise<Exchange> {
    const exchange = await this.socket.exchange(requests, { oneByOne });
    this.counts.exchanges++;
    this.counts.sentBytes += exchange.sent;
    this.counts.receivedBytes += exchange.replies.length;
    if (exchange.overrun) this.counts.overruns++;
    if (exchange.errno !== 0) this.failed = true;
    return exchange;
  }

  /** Collects what was refused; returns whether a dump among the replies was interrupted. */
  private readReplies(replies: Buffer, refusals: Map<number, Refusal>): boolean {
    let flags = 0;
    forEachMessage(replies, (bytes, type, start, end) => {
      const header = start - headerBytes;
      // Errors use the same bits of the flags for something else.
      if (type !== messageType.error) flags |= bytes[header + 6]!;
      if (type !== messageType.error && type !== messageType.done) return;
      const value = end - start >= 4 ? -bytes.readInt32LE(start) : 0;
      if (value <= 0) return;
      const message = type === messageType.error ? extendedText(bytes, start, end) : undefined;
      const refusal = message === undefined ? { errno: value } : { errno: value, message };
      refusals.set(bytes.readUInt32LE(header + 8), refusal);
    });
    if ((flags & dumpInterrupted) === 0) return false;
    this.counts.interruptions++;
    return true;
  }
}

/** Visits every message that is whole, control messages included; stops at the first that is not. */
function forEachMessage(bytes: Buffer, visit: MessageVisitor): void {
  let at = 0;
  while (at + headerBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    if (length < headerBytes || at + length > bytes.length) return;
    visit(bytes, bytes[at + 4]! | (bytes[at + 5]! << 8), at + headerBytes, at + length);
    at += (length + 3) & ~3;
  }
}

function forEachPayload(bytes: Buffer, visit: MessageVisitor): void {
  forEachMessage(bytes, (all, type, start, end) => {
    if (type > messageType.overrun) visit(all, type, start, end);
  });
}

/** End of the messages from `start` that fit `bytesMax` and `countMax`; at least one message. */
function batchEnd(messages: Uint8Array, start: number, bytesMax: number, countMax: number): number {
  const limit = Math.min(messages.length, start + bytesMax);
  if (limit === messages.length && countMax === Infinity) return limit;
  let end = start;
  for (let count = 0; count < countMax && end < messages.length; count++) {
    const length =
      messages[end]! |
      (messages[end + 1]! << 8) |
      (messages[end + 2]! << 16) |
      (messages[end + 3]! << 24);
    if (end > start && end + length > limit) break;
    end += Math.max(headerBytes, (length + 3) & ~3);
  }
  return Math.min(end, messages.length);
}

const headerOfRequestBytes = 16;
const attributesFollow = 0x200; // NLM_F_ACK_TLVS
const requestLeftOut = 0x100; // NLM_F_CAPPED
const textAttribute = 1; // NLMSGERR_ATTR_MSG

/** The text of an extended acknowledgement (struct nlmsgerr, then attributes). */
function extendedText(bytes: Buffer, start: number, end: number): string | undefined {
  const flags = bytes.readUInt16LE(start - headerBytes + 6);
  const attributes = start + 4 + headerOfRequestBytes;
  if ((flags & attributesFollow) === 0 || attributes > end) return undefined;
  let at = attributes;
  if ((flags & requestLeftOut) === 0) {
    at = start + 4 + ((bytes.readUInt32LE(start + 4) + 3) & ~3);
  }
  let text: string | undefined;
  walkAttributes(bytes, at, end, (type, payload, length) => {
    if (type === textAttribute && length > 1) {
      text = bytes.toString('utf8', payload, payload + length - 1);
    }
  });
  return text;
}
