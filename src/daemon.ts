import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  serveMesh,
  type ConfigFileState,
  type DoctorCheck,
  type MeshServer,
  type Version,
} from './api/index.js';
import { messageOf, type Clock, type Log } from './base/index.js';
import {
  checkSpec,
  fileWatchTunables,
  parseConfig,
  reconcileTunables,
  type DaemonConfig,
  type ParsedConfig,
} from './config/index.js';
import { HealthChecks } from './health/index.js';
import { examineHost, HostBackend, HostController, restoreTable } from './host/index.js';
import {
  openJournal,
  probe,
  serveMetrics,
  watchFile,
  type Journal,
  type MetricsServer,
} from './io/index.js';
import type { Kernel } from './kernel/index.js';
import { openLinuxKernel } from './kernel/linux/index.js';
import { DaemonMetrics, trafficSeries } from './metrics/index.js';
import { replay, ServiceTable, snapshotOf, VipPool, type TableRecord } from './store/index.js';

export interface DaemonOptions {
  readonly configPath: string;
  readonly version: Version;
  /** Names this run of the daemon. */
  readonly instance: string;
  readonly clock: Clock;
  /** Range of the result: 0 <= x < 1. */
  readonly random: () => number;
  readonly log: Log & { level: string };
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
    const kernel = await this.openKernel();
    const ipvs = await kernel.ipvsInfo();
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
    const doctor = (): Promise<readonly DoctorCheck[]> =>
      examineHost({
        controller: this.controller,
        table,
        kernel,
        health,
        status: () => backend.status(),
        sysctl: async (name) => {
          const sysctls = await kernel.observe({ sysctls: [name], withoutVirtualServices: true });
          const rule = sysctls.own.get(`sysctl ${name}`);
          return rule?.kind === 'sysctl' ? rule.value : undefined;
        },
      });
    const backend: HostBackend = new HostBackend({
      controller: this.controller,
      table,
      kernel,
      health,
      clock,
      instance: this.options.instance,
      version: this.options.version,
      dataPath: {
        kind: 'ipvs',
        detail: `ip_vs ${ipvs.version}, ${ipvs.connectionTableSize} buckets`,
      },
      checkSpec: (value, where) => checkSpec(value, where, this.config.serviceDefaults),
      configFile: () => this.fileState,
      doctor,
    });
    await this.serveMetrics(backend);
    await this.controller.start();
    await this.serveApi(backend);
    this.isRunning = true;
    if (this.changedWhileStarting) void this.reload();
    const { services, destinations } = await backend.status();
    log.info({ services, destinations, sandbox: kernel.sandbox }, 'meshd is running');
  }

  private async readConfig(): Promise<ParsedConfig> {
    const path = this.options.configPath;
    const parsed = parseConfig(await readFile(path, 'utf8'), path);
    this.fileState = { path, loadedAtMs: this.options.clock.wallMs() };
    return parsed;
  }

  private async openKernel(): Promise<Kernel> {
    const { netnsPath } = this.config;
    const kernel = await openLinuxKernel(netnsPath === undefined ? {} : { netns: netnsPath });
    this.stops.push(() => kernel.close());
    return kernel;
  }

  private async openState(
    parsed: ParsedConfig,
  ): Promise<{ state: StateFile; table: ServiceTable }> {
    const { stateDir, pools } = parsed.config;
    const journal = await openJournal(join(stateDir, 'state.jsonl'));
    this.stops.push(() => journal.close());
    const table = new ServiceTable(new VipPool(pools));
    restoreTable(table, parsed.specs, replay(journal.records), this.options.log);
    const state = new StateFile(journal, table);
    await state.rewrite(); // A disk that is full shows now, not at the first change.
    return { state, table };
  }

  private async serveMetrics(backend: HostBackend): Promise<void> {
    const metrics = new DaemonMetrics();
    this.controller.passed.add((report) => metrics.passed(report));
    const { metrics: listen } = this.config;
    if (listen === undefined) return;
    async function* write(): AsyncGenerator<string> {
      yield await metrics.text();
      yield* trafficSeries((await backend.traffic()).services);
    }
    const server: MetricsServer = await serveMetrics(listen, write, this.options.log);
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
      this.warnOfFixedParts(config);
      const { changes } = await this.controller.submit({
        source: 'file',
        set: specs,
        remove: 'others',
      });
      this.fileState = { path: configPath, loadedAtMs: this.options.clock.wallMs() };
      const changed = changes.filter(({ change }) => change !== 'unchanged');
      log.info({ changed: changed.length, services: specs.length }, 'configuration is in force');
    } catch (error) {
      this.fileState = { ...this.fileState, error: messageOf(error) };
      log.error({ err: error }, `configuration kept as it was: ${messageOf(error)}`);
    }
  }

  /** Some fields shape what is built at start. */
  private warnOfFixedParts(next: DaemonConfig): void {
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

/** A state file beyond this, and beyond twice what it was when written anew, is written anew. */
const compactBytesMin = 4 * 1024 * 1024;

/** The table on disk: every change before it is in force. */
class StateFile {
  private rewrittenBytes: number;

  constructor(
    private readonly journal: Journal,
    private readonly table: ServiceTable,
  ) {
    this.rewrittenBytes = journal.sizeBytes();
  }

  /** Errors: those of Journal.append; then nothing of `records` will be remembered. */
  async append(records: readonly TableRecord[]): Promise<void> {
    const size = this.journal.sizeBytes();
    const grown = size > compactBytesMin && size > 2 * this.rewrittenBytes;
    if (grown || this.journal.mustRewrite()) await this.rewrite();
    await this.journal.append(records);
  }

  /** What the records add up to is shorter than the records. */
  async rewrite(): Promise<void> {
    await this.journal.rewrite(snapshotOf(this.table));
    this.rewrittenBytes = this.journal.sizeBytes();
  }
}
