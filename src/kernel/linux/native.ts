/**
 * The native addon: raw netlink sockets, namespaced files, and answers to DNS queries. The only module that loads it.
 *
 * The addon decides nothing and understands nothing but message lengths; what the bytes mean is
 * the business of the codecs above. `native/README.md` has the contract and the reasons.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';

/** What a system call failed with; every rejection that comes from the kernel looks like this. */
export interface NativeError extends Error {
  /** Positive, as in errno(3). Node's own errors carry it negated. */
  readonly errno: number;
  /** The symbol: 'ENOENT'. */
  readonly code: string;
  /** 'open', 'setns', 'bind', ... */
  readonly syscall: string;
  readonly path?: string;
}

/** Why the addon itself refused, in `code` of the Error. */
export type NativeRefusal =
  /** exchange() or listen() after close(), or close() before the exchange's turn; errno EBADF. */
  | 'ERR_CLOSED'
  /** 1,024 exchanges are waiting already. */
  | 'ERR_QUEUE_FULL'
  /** The socket belongs to listen(). */
  | 'ERR_LISTENING'
  /** listen() while an exchange runs. */
  | 'ERR_BUSY';

export interface NetlinkOpenOptions {
  /** NETLINK_ROUTE = 0, NETLINK_NETFILTER = 12, NETLINK_GENERIC = 16. */
  readonly protocol: number;
  /** A namespace file such as /run/netns/NAME or /proc/PID/ns/net; absent = the process's own. */
  readonly netns?: string | undefined;
  /** Multicast group numbers (not a bit mask) to join. */
  readonly groups?: readonly number[] | undefined;
  /** What to ask for; the kernel keeps twice that. Default 4 MiB. */
  readonly receiveBufferBytes?: number | undefined;
}

export interface NetlinkExchangeOptions {
  /**
   * Send each message alone and collect its answer before the next. Needed for dumps: the kernel
   * runs one dump per socket at a time. Message lengths must be multiples of 4.
   */
  readonly oneByOne?: boolean | undefined;
}

export interface NetlinkExchange {
  /** Whole netlink messages in the order in which the kernel answered, each on 4 bytes. */
  readonly replies: Buffer;
  /** Answers were lost (receive buffer too small): `replies` is incomplete. */
  readonly overrun: boolean;
  /**
   * errno of the socket, 0 = none; errors of single messages are in `replies`. After another
   * number the socket may hold a rest of the answer: close it.
   */
  readonly errno: number;
  /** Bytes the kernel accepted. */
  readonly sent: number;
}

export interface NetlinkSocket {
  /** The address of this socket: nlmsg_pid of its replies. 0 once closed. */
  readonly portId: number;
  /** As the kernel counts it, i.e. twice what was asked for unless capped. 0 once closed. */
  readonly receiveBufferBytes: number;

  /**
   * Sends requests and resolves with everything the kernel answers. The bytes are copied. Calls
   * need not be awaited: they run one after the other on the thread pool, never on this thread.
   * Rejects with TypeError or RangeError for bad arguments and with a {@link NativeRefusal};
   * socket errors do not reject, see {@link NetlinkExchange.errno}.
   */
  exchange(requests: Uint8Array, options?: NetlinkExchangeOptions): Promise<NetlinkExchange>;

  /**
   * Calls back with each portion of multicast messages until close(). The socket is kept open,
   * the event loop is not kept alive. `overrun`: some were lost, so read the state anew.
   */
  listen(callback: (messages: Buffer, overrun: boolean) => void): void;

  /** Lets the running exchange finish and rejects those that wait. May be called again. */
  close(): Promise<void>;
}

export interface BindSocketOptions {
  readonly type: 'udp' | 'tcp';
  /** As in {@link NetlinkOpenOptions}. */
  readonly netns?: string | undefined;
  /** IPv4 or IPv6. */
  readonly address: string;
  /** 0 = one that is free. */
  readonly port: number;
}

/** A query that comes to JavaScript, as nothing is kept for it. */
export interface MissedQuery {
  readonly socket: number;
  /** For `send`. */
  readonly from: Buffer;
  readonly message: Buffer;
}

/** What a query is answered with, but for what is repeated of it. */
export interface KeptAnswer {
  readonly flags: number;
  readonly answers: number;
  readonly authority: number;
  /** Owner names point to the question's, which begins at byte 12. */
  readonly records: Buffer;
  /** Of one of `answers`, when they are all there is and are told in turn; 0 = as they are. */
  readonly turnBytes: number;
  /** Range: 0 to 65,535. */
  readonly counter: number;
  readonly labels: readonly string[];
}

export interface ResponderCounts {
  /** By counter, queries answered from what is kept. */
  readonly answered: readonly number[];
  /** Answers that are kept. */
  readonly kept: number;
  /** Queries of sources that asked too often. */
  readonly limited: number;
  /** Messages longer than 4,096 bytes. */
  readonly oversized: number;
  /** Queries beyond 4,096 that wait for JavaScript. */
  readonly overflow: number;
  /** Responses that the kernel had no room for. */
  readonly unsent: number;
}

/**
 * UDP sockets on which DNS queries come in, and answers kept for them: a thread of its own answers
 * what it can, JavaScript the rest. Does not keep the event loop alive.
 */
export interface Responder {
  /**
   * A socket of `bindSocket`, which belongs to the responder from here on, and the number that
   * names it. `queriesPerSecond`: answered of one source, 0 = all. Throws {@link NativeError}.
   */
  add(fd: number, view: number, queriesPerSecond: number): number;
  /** Which answers are for those who ask there. */
  setView(socket: number, view: number): void;
  /** Closes the socket. */
  remove(socket: number): void;
  /** Nothing when the socket is gone. */
  send(socket: number, to: Buffer, response: Buffer): void;

  /**
   * Keeps an answer for a question: name, type and class as in a message. Case does not matter.
   * Throws RangeError for what is no question.
   */
  put(view: number, question: Buffer, answer: KeptAnswer): void;
  /** All that was kept with the label. */
  forget(label: string): void;
  clear(): void;
  /** False = every query comes to JavaScript. */
  setAnswering(answering: boolean): void;
  /** What the thread would say to a message by UDP; undefined = it would ask JavaScript. */
  respond(view: number, message: Buffer): Buffer | undefined;

  counts(): ResponderCounts;
  /** Closes all sockets and ends the thread. May be called again. */
  close(): void;
}

/** Identity of a namespace as long as it exists; the kernel reuses inode numbers afterwards. */
export interface NetnsId {
  readonly dev: number;
  readonly ino: number;
}

export interface NativeNetlink {
  /** Rejects with {@link NativeError}. */
  open(options: NetlinkOpenOptions): Promise<NetlinkSocket>;

  /**
   * The whole file as seen from the namespace: with `netns`, use /proc/thread-self/net/...
   * Rejects with {@link NativeError}; EFBIG above `maxBytes` (default 64 MiB, at most 1 GiB).
   */
  readFile(
    path: string,
    options?: { readonly netns?: string | undefined; readonly maxBytes?: number | undefined },
  ): Promise<Buffer>;

  /**
   * One write() to an existing file, such as /proc/sys/net/... of the namespace. Rejects with
   * {@link NativeError}; EIO when the kernel took only a part.
   */
  writeFile(
    path: string,
    data: Uint8Array,
    options?: { readonly netns?: string | undefined },
  ): Promise<void>;

  /**
   * A bound socket, neither connected nor listening: a descriptor for `dgram` or `net`, which close
   * it. Rejects with {@link NativeError}.
   */
  bindSocket(options: BindSocketOptions): Promise<number>;

  /** `missed` is called with queries in the order in which they came. Throws {@link NativeError}. */
  readonly Responder: new (missed: (queries: readonly MissedQuery[]) => void) => Responder;

  /**
   * The namespace behind a file; absent = the process's own. Throws {@link NativeError}; EINVAL
   * when the file is something else (such as the empty file that a deleted namespace leaves).
   */
  netnsId(path?: string): NetnsId;

  /**
   * execve(2) with the environment as it is: the process goes on as another program under the
   * same pid. `argv` includes the name of the program. Does not return but to throw
   * {@link NativeError}; files, sockets and promises of this program are gone.
   */
  replaceProcess(path: string, argv: readonly string[]): never;
}

/** True for errors that carry an errno: from system calls and from refusals of closed sockets. */
export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number';
}

const FILE = 'native/build/Release/netlink.node';

/** Beside dist/ when bundled, at the root of the tree when run from src/kernel/linux/. */
const PLACES = [`../${FILE}`, `../../../${FILE}`];

let loaded: NativeNetlink | undefined;

/** The addon, loaded on first use. Throws an Error that says what to do when it cannot be. */
export function loadNative(): NativeNetlink {
  loaded ??= load(process.env['MESHD_ADDON'] ?? findAddon());
  return loaded;
}

function findAddon(): string {
  const paths = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? paths[0]!;
}

function load(path: string): NativeNetlink {
  try {
    return createRequire(import.meta.url)(path) as NativeNetlink;
  } catch (cause) {
    // Missing, built for another architecture or C library, or not an addon at all.
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause);
    throw new Error(
      `cannot load the native addon ${path}: ${reason}; run \`npm run build:native\``,
      { cause },
    );
  }
}
