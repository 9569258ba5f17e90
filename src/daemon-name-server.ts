import type { Clock, Log } from './base/index.js';
import type { DnsConfig } from './config/index.js';
import {
  cacheHandler,
  DnsServer,
  DnsStats,
  errorsHandler,
  Forwarder,
  Inquirer,
  reverseHandler,
  taskHandler,
  vipHandler,
  type Asker,
  type DnsCount,
  type Handlers,
  type Upstream,
  type UpstreamState,
} from './dns/index.js';
import type { NamesDrops } from './api/index.js';
import { openDnsStreams } from './io/index.js';
import type { MissedQuery, Responder } from './kernel/linux/index.js';

export interface NameServerOptions {
  readonly config: DnsConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly upstreams: () => readonly Upstream[];
  readonly openResponder: (missed: (queries: readonly MissedQuery[]) => void) => Responder;
}

/** Where somebody asks. */
export interface Desk {
  /** To be called when the asker's view is another. */
  viewChanged(): void;
  close(): void;
}

/**
 * Sockets where names are asked for. The responder gives the answers that it keeps; a query that it
 * keeps none for is answered here, and what may be kept of that is given to it.
 */
export class NameServer {
  /** Asks as those who ask at the sockets do. */
  readonly inquirer: Inquirer;
  private readonly stats: DnsStats;
  private readonly server: DnsServer;
  private readonly forwarder: Forwarder;
  /** From the first desk on. */
  private responder: Responder | undefined;
  /** By the responder's numbers of sockets. */
  private readonly askers = new Map<number, Asker>();

  constructor(private readonly options: NameServerOptions) {
    const { clock, log, upstreams } = options;
    const stats = new DnsStats(clock, log);
    const forwarder = new Forwarder({ clock, upstreams });
    this.stats = stats;
    this.forwarder = forwarder;
    const handlers: Handlers = {
      errors: errorsHandler(log, (query, told) => stats.note(query, told)),
      metrics: stats.handler,
      cache: cacheHandler(() => this.responder, stats),
      vip: vipHandler,
      task: taskHandler,
      reverse: reverseHandler,
      forward: forwarder.handler,
    };
    this.server = new DnsServer(handlers);
    this.inquirer = new Inquirer(handlers);
  }

  /** To be called before the first desk is opened, or again. Errors: NativeError. */
  start(): void {
    if (this.responder !== undefined) return;
    this.responder = this.options.openResponder((queries) => this.missed(queries));
    this.responder.setAnswering(!this.isLogging);
  }

  /** Takes bound descriptors, also when it throws. Errors: NativeError. */
  open(
    asker: Asker,
    { udpFd, tcpFd }: { readonly udpFd: number; readonly tcpFd: number },
    failed: (reason: string) => void,
  ): Desk {
    const responder = this.responder!;
    const streams = openDnsStreams({
      fd: tcpFd,
      answer: (bytes, source) => this.server.answer(bytes, asker, 'tcp', () => source),
      failed,
    });
    try {
      const { queriesPerSecond } = this.options.config;
      const socket = responder.add(udpFd, asker.view().id, queriesPerSecond);
      this.askers.set(socket, asker);
      return {
        viewChanged: () => responder.setView(socket, asker.view().id),
        close: () => {
          this.askers.delete(socket);
          responder.remove(socket);
          streams.close();
        },
      };
    } catch (error) {
      streams.close();
      throw error;
    }
  }

  forget(label: string): void {
    this.responder?.forget(label);
  }

  /** Since the start. */
  queries(): DnsCount[] {
    return this.stats.all(this.responder?.counts().answered ?? []);
  }

  /** Messages that got no answer: no queries, or too many. */
  dropped(): number {
    const { malformed, limited, oversized, overflow, unsent } = this.drops();
    return malformed + limited + oversized + overflow + unsent;
  }

  /** The same, by reason. */
  drops(): NamesDrops {
    const { limited = 0, oversized = 0, overflow = 0, unsent = 0 } = this.responder?.counts() ?? {};
    return { malformed: this.server.dropped, limited, oversized, overflow, unsent };
  }

  /** Answers that are kept. */
  kept(): number {
    return this.responder?.counts().kept ?? 0;
  }

  upstreams(): UpstreamState[] {
    return this.forwarder.upstreams();
  }

  /** Whether every query is logged. */
  get isLogging(): boolean {
    return this.stats.isLogging;
  }

  /** What is answered without a word to us would be in no log. */
  set isLogging(on: boolean) {
    this.stats.isLogging = on;
    this.responder?.setAnswering(!on);
  }

  close(): void {
    this.responder?.close();
  }

  private missed(queries: readonly MissedQuery[]): void {
    for (const { socket, from, message } of queries) {
      const asker = this.askers.get(socket);
      if (asker === undefined) continue;
      const respond = (response: Buffer): void => this.responder?.send(socket, from, response);
      const source = (): string => addressOf(from);
      const response = this.server.answer(message, asker, 'udp', source);
      if (response instanceof Promise) void response.then(respond);
      else if (response !== undefined) respond(response);
    }
  }
}

/** In hexadecimal, of a struct sockaddr: without the port, which is another one each time. */
function addressOf(from: Buffer): string {
  const isIpv4 = from.length === 16;
  return from.toString('hex', isIpv4 ? 4 : 8, isIpv4 ? 8 : 24);
}
