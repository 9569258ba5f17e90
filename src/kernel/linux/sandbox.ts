import { KernelError, errno } from '../errors.js';
import {
  isNativeError,
  type NativeNetlink,
  type NetlinkExchange,
  type NetlinkExchangeOptions,
  type NetnsId,
} from './native.js';
import { NetlinkSession, netlinkProtocol } from './session.js';

/** What this layer uses of the native addon; tests bring their own. */
export interface Native extends Pick<NativeNetlink, 'readFile' | 'writeFile' | 'netnsId'> {
  open(options: {
    readonly protocol: number;
    readonly netns?: string | undefined;
    readonly groups?: readonly number[] | undefined;
    readonly receiveBufferBytes?: number | undefined;
  }): Promise<NativeSocket>;
}

export interface NativeSocket {
  readonly portId: number;
  exchange(requests: Uint8Array, options?: NetlinkExchangeOptions): Promise<NetlinkExchange>;
  listen(callback: (messages: Buffer, overrun: boolean) => void): void;
  close(): Promise<void>;
}

export interface SandboxOptions {
  /** Path of the network namespace; absent = the one of this process. */
  readonly netns?: string | undefined;
  /** Unit: bytes; for tests of what a small buffer loses. */
  readonly receiveBufferBytes?: number | undefined;
}

export type ProtocolName = keyof typeof netlinkProtocol;

/** The network namespace a kernel object stands for: its sockets, opened when needed, and files. */
export class Sandbox {
  private readonly sessions = new Map<ProtocolName, Promise<NetlinkSession>>();
  /** nlmsg_pid of what the sessions send, and of what it causes. */
  private readonly ports = new Map<ProtocolName, number>();
  private identity: NetnsId | undefined;

  constructor(
    private readonly native: Native,
    private readonly options: SandboxOptions = {},
  ) {}

  get name(): string {
    return this.options.netns ?? 'host';
  }

  /** Errors: KernelError ENOENT when the namespace is gone, or its path leads to another one. */
  check(): void {
    const path = this.options.netns;
    if (path === undefined) return;
    let found: NetnsId | undefined;
    try {
      found = this.native.netnsId(path);
    } catch (error) {
      if (!isNativeError(error)) throw error;
    }
    this.identity ??= found;
    if (found === undefined || !sameIdentity(found, this.identity!)) {
      throw new KernelError(`sandbox ${path}`, errno.ENOENT, 'network namespace vanished');
    }
  }

  /** The session of a protocol; a failed one is replaced. Errors: KernelError. */
  async session(protocol: ProtocolName): Promise<NetlinkSession> {
    const known = this.sessions.get(protocol);
    const open = known && (await known.catch(() => undefined));
    if (open !== undefined && !open.failed) return open;
    if (this.sessions.get(protocol) === known) {
      this.sessions.set(protocol, this.openSession(protocol));
      await open?.close();
    }
    return this.sessions.get(protocol)!;
  }

  /** Whether a message was caused by the session of this protocol. */
  isOwnPort(protocol: ProtocolName, portId: number): boolean {
    return this.ports.get(protocol) === portId;
  }

  /** A socket of its own that receives the multicast messages of `groups`. */
  listen(protocol: ProtocolName, groups: readonly number[]): Promise<NativeSocket> {
    return this.openSocket(protocol, groups);
  }

  /** Errors: NativeError. */
  readFile(path: string, maxBytes?: number): Promise<Buffer> {
    return this.native.readFile(path, { netns: this.options.netns, maxBytes });
  }

  /** Errors: NativeError. */
  writeFile(path: string, data: Uint8Array): Promise<void> {
    return this.native.writeFile(path, data, { netns: this.options.netns });
  }

  async close(): Promise<void> {
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    for (const result of await Promise.allSettled(sessions)) {
      if (result.status === 'fulfilled') await result.value.close();
    }
  }

  private async openSession(protocol: ProtocolName): Promise<NetlinkSession> {
    const socket = await this.openSocket(protocol, []);
    this.ports.set(protocol, socket.portId);
    return new NetlinkSession(socket);
  }

  private async openSocket(protocol: ProtocolName, groups: readonly number[]) {
    const { netns, receiveBufferBytes } = this.options;
    try {
      return await this.native.open({
        protocol: netlinkProtocol[protocol],
        netns,
        groups,
        receiveBufferBytes,
      });
    } catch (error) {
      throw kernelErrorOf(`open ${protocol} netlink socket in ${this.name}`, error);
    }
  }
}

/** What a call into the addon failed with, as a KernelError; other errors as they are. */
export function kernelErrorOf(action: string, error: unknown): unknown {
  if (!isNativeError(error) || error instanceof KernelError) return error;
  return new KernelError(action, Math.abs(error.errno));
}

function sameIdentity(a: NetnsId, b: NetnsId): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}
