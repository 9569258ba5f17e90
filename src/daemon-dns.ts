import { closeSync } from 'node:fs';
import type { NamesControl } from './api/index.js';
import { messageOf, type Clock, type Log } from './base/index.js';
import type { DnsConfig } from './config/index.js';
import { NamesOfDaemon } from './daemon-names-control.js';
import { DaemonNames } from './daemon-names.js';
import { NameServer, type Desk, type NameServerOptions } from './daemon-name-server.js';
import type { DaemonResolverFiles } from './daemon-resolver-files.js';
import type { Asker, Upstream } from './dns/index.js';
import { dnsUpstream, hostNameServers } from './io/index.js';
import type { MeshNode } from './mesh/index.js';
import { formatEndpoint } from './model/index.js';
import { ingressName } from './overlay/index.js';
import type { NamesAt } from './rules/index.js';
import type { ServiceTable } from './store/index.js';

export interface DaemonDnsOptions {
  readonly config: DnsConfig;
  readonly table: ServiceTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly resolverFiles: DaemonResolverFiles;
  /** A descriptor bound in a namespace. */
  readonly bind: (at: {
    readonly type: 'udp' | 'tcp';
    /** Absent = the daemon's own. */
    readonly netns?: string | undefined;
    readonly address: string;
    readonly port: number;
  }) => Promise<number>;
  /** Of the host. Absent = the daemon's own. */
  readonly netnsPath?: string | undefined;
  /** In a sandbox: without its loopback device nobody reaches what is bound there. */
  readonly raiseLoopback: (netns: string) => Promise<void>;
  readonly openResponder: NameServerOptions['openResponder'];
}

/**
 * In every sandbox, and nobody's outside of it: loopback addresses are each namespace's own, need
 * no route, and tell by the socket that a query came in by who asks. Containers expect this one.
 */
export const dnsAddress = '127.0.0.11';
const dnsPort = 53;
/** What is listened on instead, the first that is free: neither ephemeral nor anybody's (IANA). */
const boundPorts = [63_053, 63_153, 63_253, 63_353, 63_453, 63_553, 63_653, 63_753];
/** The host's name servers are read again after this. Unit: milliseconds. */
const upstreamsAgeMs = 10_000;

/** A sandbox where names are answered. */
interface Served {
  networks: readonly string[];
  readonly port: number;
  readonly desk: Desk;
}

/** Names for the tasks of this host, and where the file says so for the host itself. */
export class DaemonDns {
  /** Of this host's mesh, once it is known. */
  networks: MeshNode['networks'] | undefined;
  readonly server: NameServer;
  /** What callers of the API see. */
  readonly control: NamesControl;
  private readonly hostDesks: Desk[] = [];
  private readonly served = new Map<string, Served>();
  private readonly refused = new Set<string>();
  private readonly names: DaemonNames;
  private upstreams: { atMs: number; list: readonly Upstream[] } | undefined;
  private syncing: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: DaemonDnsOptions) {
    this.server = new NameServer({ ...options, upstreams: () => this.upstreamsNow() });
    this.names = new DaemonNames({
      ...options,
      networks: () => this.networks,
      forget: (label) => this.server.forget(label),
    });
    this.control = this.openControl();
  }

  /** Errors: KernelError (an address of `listen` that cannot be bound), NativeError. */
  async start(): Promise<void> {
    const { config, bind, netnsPath, log } = this.options;
    for (const { address, port } of config.listen) {
      this.server.start();
      const fds = await bindBoth(bind, { netns: netnsPath, address, port });
      // What anybody may reach is nobody's way to other servers.
      const asker = this.hostAsker(() => /^(127\.|::1$)/.test(address));
      const failed = (reason: string): void =>
        log.error({ address }, `names at ${address}: ${reason}`);
      this.hostDesks.push(this.server.open(asker, fds, failed));
    }
    // Without a mesh nobody else calls it.
    await this.sync();
  }

  /** To be called as soon as a network, or who is on it, is another: answers follow at once. */
  networkChanged(network: string): void {
    this.names.networkChanged(network);
  }

  /** The same of a service. */
  serviceChanged(name: string): void {
    this.names.serviceChanged(name);
  }

  /** Where names are answered in a sandbox; undefined where they are not. */
  at(sandbox: string): NamesAt | undefined {
    const boundPort = this.served.get(sandbox)?.port;
    return boundPort === undefined ? undefined : { address: dnsAddress, port: dnsPort, boundPort };
  }

  /**
   * Opens what is missing in sandboxes on networks, and closes what has left them. Returns the
   * networks of sandboxes that were opened.
   */
  sync(): Promise<ReadonlySet<string>> {
    const synced = this.syncing.then(() => this.syncOnce());
    this.syncing = synced.then(() => undefined);
    return synced;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.syncing;
    for (const desk of this.hostDesks.splice(0)) desk.close();
    for (const { desk } of this.served.values()) desk.close();
    this.served.clear();
    this.server.close();
  }

  private async syncOnce(): Promise<Set<string>> {
    const wanted = this.wanted();
    const opened = new Set<string>();
    for (const [path, { desk }] of this.served) {
      if (wanted.has(path)) continue;
      this.served.delete(path);
      desk.close();
    }
    for (const path of this.refused) if (!wanted.has(path)) this.refused.delete(path);
    for (const [path, networks] of wanted) {
      const known = this.served.get(path);
      if (known !== undefined) {
        known.networks = networks;
        known.desk.viewChanged();
      } else if (!this.isStopped && (await this.open(path, networks))) {
        for (const network of networks) opened.add(network);
      }
    }
    // They outlive the daemon: whoever starts meanwhile is answered once it is back.
    if (!this.isStopped) await this.options.resolverFiles.sync(this.served);
    return opened;
  }

  /** Networks of the tasks of this host, by namespace. */
  private wanted(): Map<string, string[]> {
    const wanted = new Map<string, string[]>();
    for (const { network, local } of this.networks?.all() ?? []) {
      if (network.name === ingressName) continue;
      for (const { sandbox } of local) {
        const known = wanted.get(sandbox);
        if (known === undefined) wanted.set(sandbox, [network.name]);
        else known.push(network.name);
      }
    }
    return wanted;
  }

  /** Returns whether names are answered there now. */
  private async open(path: string, networks: readonly string[]): Promise<boolean> {
    const failed = (reason: string): void => {
      // Each change of a network tries again.
      if (this.refused.has(path)) return;
      this.refused.add(path);
      this.options.log.warn({ sandbox: path }, `no names in ${path}: ${reason}`);
    };
    try {
      this.server.start();
      await this.options.raiseLoopback(path);
      const { port, ...fds } = await this.bindFree(path);
      const desk = this.server.open(this.askerAt(path, networks), fds, failed);
      this.served.set(path, { networks, port, desk });
      this.refused.delete(path);
      return true;
    } catch (error) {
      failed(messageOf(error));
      return false;
    }
  }

  /** Errors: that of the last port. */
  private async bindFree(netns: string): Promise<BoundSockets & { readonly port: number }> {
    let last: unknown;
    for (const port of boundPorts) {
      try {
        const sockets = await bindBoth(this.options.bind, { netns, address: dnsAddress, port });
        return { port, ...sockets };
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  private hostAsker(mayForward = (): boolean => true): Asker {
    return { sandbox: 'host', view: () => this.names.viewOf([undefined]), mayForward };
  }

  private askerAt(path: string, first: readonly string[]): Asker {
    return this.taskOn(path, () => this.served.get(path)?.networks ?? first);
  }

  private taskOn(sandbox: string, networks: () => readonly string[]): Asker {
    return {
      sandbox,
      view: () => this.names.viewOf(networks()),
      mayForward: () => {
        return networks().some((name) => this.networks?.network(name)?.internal === false);
      },
    };
  }

  private openControl(): NamesControl {
    const { server, names, served, options } = this;
    const known = (): string[] => (this.networks?.all() ?? []).map(({ network }) => network.name);
    return new NamesOfDaemon({
      server,
      // Nobody is on it to ask.
      networks: () => known().filter((name) => name !== ingressName),
      taskOn: (networks) => this.taskOn('', () => networks),
      host: () => this.hostAsker(),
      sandboxes: () => [...served.keys()],
      inSandbox: (path) => this.askerAt(path, []),
      owners: (networks) => names.owners(networks),
      listen: () => options.config.listen.map(({ address, port }) => formatEndpoint(address, port)),
    });
  }

  private upstreamsNow(): readonly Upstream[] {
    const { config, clock } = this.options;
    const now = clock.now();
    if (this.upstreams !== undefined && now < this.upstreams.atMs + upstreamsAgeMs) {
      return this.upstreams.list;
    }
    // Ours would be asked by us.
    const ours = new Set([dnsAddress, ...config.listen.map(({ address }) => address)]);
    const ofHost = hostNameServers().filter((address) => !ours.has(address));
    const at = config.upstreams ?? ofHost.map((address) => ({ address, port: dnsPort }));
    const list = at.map(({ address, port }) => dnsUpstream(address, port));
    this.upstreams = { atMs: now, list };
    return list;
  }
}

interface BoundSockets {
  readonly udpFd: number;
  readonly tcpFd: number;
}

async function bindBoth(
  bind: DaemonDnsOptions['bind'],
  at: Omit<Parameters<DaemonDnsOptions['bind']>[0], 'type'>,
): Promise<BoundSockets> {
  const udpFd = await bind({ ...at, type: 'udp' });
  try {
    return { udpFd, tcpFd: await bind({ ...at, type: 'tcp' }) };
  } catch (error) {
    closeSync(udpFd);
    throw error;
  }
}
