import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  claimSocketFile,
  serveMesh,
  type ConfigFileState,
  type DoctorCheck,
  type MeshServer,
  type Version,
} from './api/index.js';
import { messageOf, type Clock, type Log } from './base/index.js';
import {
  checkSpec,
  completeMesh,
  fileWatchTunables,
  parseConfig,
  reconcileTunables,
  type DaemonConfig,
  type ParsedConfig,
} from './config/index.js';
import { DaemonDns, dnsAddress, type DaemonDnsOptions } from './daemon-dns.js';
import { prepareMesh, type DaemonMesh, type DaemonMeshOptions } from './daemon-mesh.js';
import { StateFile } from './daemon-state.js';
import { DaemonResolverFiles } from './daemon-resolver-files.js';
import type { PeerAddress } from './gossip/index.js';
import { HealthChecks } from './health/index.js';
import { examineHost, HostBackend, HostController, restoreTable } from './host/index.js';
import { openJournal, probe, serveMetrics, watchFile, type MetricsServer } from './io/index.js';
import type { Kernel } from './kernel/index.js';
import {
  bindSocket,
  openLinuxKernel,
  openResponder,
  type LinuxKernelOptions,
} from './kernel/linux/index.js';
import {
  DaemonMetrics,
  dnsSeries,
  meshSeries,
  pathSeries,
  trafficSeries,
} from './metrics/index.js';
import { carriesCalls } from './rules/index.js';
import { replay, ServiceTable, VipPool } from './store/index.js';

export interface DaemonOptions {
  readonly configPath: string;
  /** Members of a mesh to join beside those of the file. */
  readonly join?: readonly PeerAddress[];
  readonly version: Version;
  /** Names this run of the daemon. */
  readonly instance: string;
  readonly clock: Clock;
  /** Range of the result: 0 <= x < 1. */
  readonly random: () => number;
  readonly log: Log & { level: string };
  /** Default openLinuxKernel. */
  readonly openKernel?: (
    options: Pick<LinuxKernelOptions, 'netns' | 'balancer'>,
  ) => Promise<Kernel>;
  /** Where `ip netns exec` looks for files of namespaces. Default /etc/netns. */
  readonly netnsFiles?: string;
  /** Default bindSocket. */
  readonly bind?: DaemonDnsOptions['bind'];
}

/**
 * The composition root: builds every part of a host from its configuration file and connects
 * them. Nothing but `start` has effects; `stop` undoes it in reverse and leaves the kernel alone.
 */
export class Daemon {
  private readonly stops: (() => Promise<unknown>)[] = [];
  private fileState: ConfigFileState;
  private controller!: HostController;
  private config!: DaemonConfig;
  private backend!: HostBackend;
  private mesh: DaemonMesh | undefined;
  private names: DaemonDns | undefined;
  private isRunning = false;
  private changedWhileStarting = false;
  private reloading: Promise<void> = Promise.resolve();

  constructor(private readonly options: DaemonOptions) {
    this.fileState = { path: options.configPath };
  }

  /** Errors: ConfigError, MeshError of the part that could not start; then nothing stays behind. */
  async start(): Promise<void> {
    try {
      await this.startParts();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    await this.reloading;
    for (const stop of this.stops.splice(0).reverse()) {
      await stop().catch((error: unknown) => {
        this.options.log.error({ err: error }, `while stopping: ${messageOf(error)}`);
      });
    }
  }

  /** Reads the file again. A file that is not accepted leaves all as it is and is logged. */
  reload(): Promise<void> {
    this.reloading = this.reloading.then(() => this.reloadOnce());
    return this.reloading;
  }

  private async startParts(): Promise<void> {
    const { log, clock } = this.options;
    // Before the first read, so that no change between the two is missed.
    await this.watchConfig();
    const parsed = await this.readConfig();
    this.config = parsed.config;
    log.level = this.config.log.level;
    // Two daemons would lose each other's state: a second one must not come as far as the file.
    await claimSocketFile(this.config.api.socketPath);
    const kernel = await this.openKernel();
    const dataPath = await kernel.dataPath();
    const { state, table } = await this.openState(parsed);
    const health = new HealthChecks({ clock, random: this.options.random, probe });
    this.stops.push(() => {
      health.stop();
      return Promise.resolve();
    });
    this.controller = new HostController({
      kernel,
      table,
      health,
      clock,
      log,
      idleTimeouts: this.config.idleTimeouts,
      reconcile: { ...reconcileTunables, ...this.config.reconcile },
      persist: (records) => state.append(records),
    });
    this.stops.push(() => this.controller.stop());
    this.names = await this.openNames(table);
    const mesh = await this.prepareMesh(table, { kernel, dataPath });
    this.mesh = mesh;
    const backend: HostBackend = (this.backend = new HostBackend({
      controller: this.controller,
      table,
      kernel,
      health,
      clock,
      instance: this.options.instance,
      version: this.options.version,
      dataPath,
      checkSpec: (value, where) => checkSpec(value, where, this.config.serviceDefaults),
      configFile: () => this.fileState,
      doctor: () => this.examine(backend, { kernel, table, health }),
      names: this.names?.control,
      ...(mesh === undefined
        ? {}
        : { mesh: mesh.control, networks: mesh.networks, explainMesh: mesh.explain }),
    }));
    await this.serveMetrics(backend, table);
    await this.controller.start();
    await this.names?.start();
    await mesh?.start();
    if (mesh !== undefined) this.stops.push(() => mesh.stop());
    await this.serveApi(backend);
    this.isRunning = true;
    if (this.changedWhileStarting) void this.reload();
    const { services, destinations } = await backend.status();
    log.info({ services, destinations, sandbox: kernel.sandbox }, 'meshd is running');
  }

  private examine(
    backend: HostBackend,
    parts: { kernel: Kernel; table: ServiceTable; health: HealthChecks },
  ): Promise<readonly DoctorCheck[]> {
    const { kernel } = parts;
    return examineHost({
      ...parts,
      controller: this.controller,
      status: () => backend.status(),
      mesh: this.mesh?.control,
      networks: this.mesh?.networks,
      underlay: this.mesh && (() => this.mesh!.underlay()),
      sysctl: async (name) => {
        const sysctls = await kernel.observe({ sysctls: [name], withoutVirtualServices: true });
        const rule = sysctls.own.get(`sysctl ${name}`);
        return rule?.kind === 'sysctl' ? rule.value : undefined;
      },
    });
  }

  private async readConfig(): Promise<ParsedConfig> {
    const path = this.options.configPath;
    const parsed = parseConfig(await readFile(path, 'utf8'), path);
    this.fileState = { path, loadedAtMs: this.options.clock.wallMs() };
    return parsed;
  }

  /** Undefined where they are not to be answered. */
  private async openNames(table: ServiceTable): Promise<DaemonDns | undefined> {
    const { dns: config, netnsPath, stateDir } = this.config;
    const { netnsFiles: folder, log } = this.options;
    const resolverFiles = new DaemonResolverFiles({ folder, stateDir, address: dnsAddress, log });
    if (config === undefined) {
      // What is left of a run that answered names.
      await resolverFiles.sync(new Map());
      return undefined;
    }
    const { bind = bindSocket, clock, random } = this.options;
    const raiseLoopback = (netns: string): Promise<void> => this.raiseLoopback(netns);
    const at = { netnsPath, bind, openResponder, raiseLoopback, resolverFiles };
    const names = new DaemonDns({ config, table, clock, log, random, ...at });
    this.controller.serviceChanged.add((name) => names.serviceChanged(name));
    this.stops.push(() => names.stop());
    return names;
  }

  /** Names come before the other rules of a sandbox, which bring it up as well. */
  private async raiseLoopback(netns: string): Promise<void> {
    const kernel = await this.openSandbox(netns);
    try {
      const [failure] = await kernel.apply([{ verb: 'set', target: { kind: 'loopback' } }]);
      if (failure !== undefined) throw failure.error;
    } finally {
      await kernel.close();
    }
  }

  /** Undefined on a host that stands alone. */
  private async prepareMesh(
    table: ServiceTable,
    host: Pick<DaemonMeshOptions, 'kernel' | 'dataPath'>,
  ): Promise<DaemonMesh | undefined> {
    const { clock, random, log, version, join: toJoin = [] } = this.options;
    const { stateDir, mesh } = this.config;
    const config = mesh ?? (toJoin.length > 0 ? completeMesh({}) : undefined);
    if (config === undefined) return undefined;
    const { controller } = this;
    return prepareMesh({
      config: { ...config, join: [...config.join, ...toJoin] },
      stateDir,
      version: version.version,
      table,
      controller,
      ...host,
      clock,
      random,
      log,
      reconcile: { ...reconcileTunables, ...this.config.reconcile },
      openSandbox: (path) => this.openSandbox(path),
      names: this.names,
      explain: (question) => this.backend.answerExplain(question),
    });
  }

  private async openKernel(): Promise<Kernel> {
    const kernel = await this.openSandbox(this.config.netnsPath);
    this.stops.push(() => kernel.close());
    return kernel;
  }

  /** Of this host, or of a task: virtual services are carried in the same way everywhere. */
  private openSandbox(netns: string | undefined): Promise<Kernel> {
    const open = this.options.openKernel ?? openLinuxKernel;
    return open({ balancer: this.config.dataPath, netns });
  }

  private async openState(
    parsed: ParsedConfig,
  ): Promise<{ state: StateFile; table: ServiceTable }> {
    const { stateDir, pools } = parsed.config;
    const journal = await openJournal(join(stateDir, 'state.jsonl'));
    this.stops.push(() => journal.close());
    const table = new ServiceTable(new VipPool(pools), (network) => this.mesh?.vipPoolOf(network));
    restoreTable(table, parsed.specs, replay(journal.records), this.options.log);
    const state = new StateFile(journal, table);
    await state.rewrite(); // A disk that is full shows now, not at the first change.
    return { state, table };
  }

  private async serveMetrics(backend: HostBackend, table: ServiceTable): Promise<void> {
    const { controller } = this;
    const { metrics: listen } = this.config;
    const names = this.names?.server;
    const { log } = this.options;
    if (listen === undefined) return;
    const metrics = new DaemonMetrics();
    controller.passed.add((report) => metrics.passed(report));
    metrics.observe('meshd_services', 'Services asked for.', () => table.size);
    metrics.observe(
      'meshd_services_withheld',
      'Services kept out of the kernel by a conflict.',
      () => controller.withheldCount,
    );
    const gossips = (): boolean => this.isRunning;
    async function* write(): AsyncGenerator<string> {
      yield await metrics.text();
      // When the kernel gives no counters, our own figures are what tells of it.
      const traffic = await backend.traffic().catch((error: unknown) => {
        log.warn({ err: error }, `metrics: no counters: ${messageOf(error)}`);
        return { services: [] };
      });
      yield* trafficSeries(traffic.services);
      if (names !== undefined) yield* dnsSeries(names.queries(), names.dropped());
      // While the daemon starts, there is no gossip to tell of.
      if (!gossips() || backend.mesh === undefined) return;
      yield* meshSeries(backend.mesh.status());
      yield* pathSeries(backend.mesh.paths().states);
    }
    const server: MetricsServer = await serveMetrics(listen, write, log, {
      carriesCalls(name) {
        const service = table.get(name)?.service;
        const { held } = controller.reconciler;
        return service === undefined ? undefined : carriesCalls(service, (key) => held.get(key));
      },
    });
    this.stops.push(() => server.close());
  }

  private async serveApi(backend: HostBackend): Promise<void> {
    const { api } = this.config;
    const { clock, log } = this.options;
    const server: MeshServer = await serveMesh({ backend, clock, log, ...api });
    this.stops.push(() => server.stop());
  }

  private async watchConfig(): Promise<void> {
    const { configPath, clock } = this.options;
    const stop = await watchFile(configPath, () => void this.reload(), {
      clock,
      ...fileWatchTunables,
    });
    this.stops.push(() => {
      stop();
      return Promise.resolve();
    });
  }

  private async reloadOnce(): Promise<void> {
    const { log, configPath } = this.options;
    if (!this.isRunning) {
      this.changedWhileStarting = true;
      return;
    }
    try {
      const { config, specs } = parseConfig(await readFile(configPath, 'utf8'), configPath);
      const { changes } = await this.controller.submit({
        source: 'file',
        set: specs,
        remove: 'others',
      });
      this.fileState = { path: configPath, loadedAtMs: this.options.clock.wallMs() };
      this.adopt(config);
      const changed = changes.filter(({ change }) => change !== 'unchanged');
      log.info({ changed: changed.length, services: specs.length }, 'configuration is in force');
    } catch (error) {
      this.fileState = { ...this.fileState, error: messageOf(error) };
      log.error({ err: error }, `configuration kept as it was: ${messageOf(error)}`);
    }
  }

  /** What of it may change while we run; other fields shape what is built at start. */
  private adopt(next: DaemonConfig): void {
    for (const field of Object.keys(next) as (keyof DaemonConfig)[]) {
      if (JSON.stringify(next[field]) === JSON.stringify(this.config[field])) continue;
      if (field === 'log') this.options.log.level = next.log.level;
      else if (field !== 'serviceDefaults') {
        this.options.log.warn({ field }, `${field} takes effect with the next start of meshd`);
      }
    }
    this.config = { ...this.config, log: next.log, serviceDefaults: next.serviceDefaults };
  }
}
