import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createApiClient,
  fromWireParts,
  methods,
  toWireApply,
  type ApiClient,
  type EndpointInfo,
  type NetworkInfo,
  type NetworkWish,
} from '../../src/api/index.js';
import { realClock } from '../../src/io/index.js';
import { run, type Finished } from './command.js';
import { atEnd, makeNode, namespacePath, nodeAddress } from './mesh-hosts.js';
import { within } from './netns.js';

const key = randomBytes(32).toString('base64');

/** What all nodes agree on. */
export interface MeshDaemonOptions {
  readonly profile: 'lan' | 'fast';
}

/** meshd, in a mesh with the others, on a node of its own. */
export class MeshDaemon {
  private constructor(
    readonly name: string,
    readonly netns: string,
    readonly address: string,
    readonly keyFile: string,
    private readonly socket: string,
    private readonly process: ChildProcess,
    readonly api: ApiClient,
  ) {}

  /** Number 1 is the one whom the others join. */
  static async start(number: number, { profile }: MeshDaemonOptions): Promise<MeshDaemon> {
    const name = `n${number}`;
    const netns = await makeNode(name, number);
    const address = nodeAddress(number);
    const folder = mkdtempSync(`/tmp/bench-${name}-`);
    const path = (file: string): string => join(folder, file);
    writeFileSync(path('keys'), `${key}\n`, { mode: 0o600 });
    const socket = path('sock');
    const join1 = [nodeAddress(1)];
    const mesh = { node: name, bind: address, join: join1, keyFile: path('keys'), profile };
    const api = { socket, group: '0' };
    const config = { api, log: { level: 'warn' }, stateDir: path('state'), mesh };
    writeFileSync(path('yaml'), JSON.stringify(config));
    const argv = within(netns, [process.execPath, 'dist/meshd.js', '--config', path('yaml')]);
    const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
    const caller = createApiClient({ path: socket, deadlineMs: 120_000, clock: realClock });
    const daemon = new MeshDaemon(name, netns, address, path('keys'), socket, child, caller);
    atEnd(() => daemon.stop());
    await until(`${name} runs`, async () => {
      if (child.exitCode !== null) throw new Error(`meshd: exit ${child.exitCode}`);
      const status = await caller.call(methods.getStatus, {}).catch(() => undefined);
      return status?.reconcile !== undefined;
    });
    return daemon;
  }

  get pid(): number {
    return this.process.pid!;
  }

  createNetwork(wish: NetworkWish): Promise<NetworkInfo> {
    return this.api.call(methods.createNetwork, wish);
  }

  /** Each in the shape of an entry of the configuration file; returns the revision. */
  async apply(...services: readonly unknown[]): Promise<number> {
    const expectedRevisions = new Map<string, number>();
    const request = { services, replaceAll: false, dryRun: false, expectedRevisions };
    return (await this.api.call(methods.applyServices, toWireApply(request))).revision;
  }

  /** As `apply`, until this node's kernel has them all. Unit: milliseconds. */
  async applyInForce(...services: readonly { readonly name: string }[]): Promise<number> {
    const waiting = new Set(services.map(({ name }) => name));
    const stop = new AbortController();
    const parts = this.api.stream(methods.watchServices, {}, stop.signal);
    const startedAt = performance.now();
    const revision = await this.apply(...services).catch((error: unknown) => {
      stop.abort();
      throw error;
    });
    for await (const event of fromWireParts(parts)) {
      const states = event.type === 'snapshot' ? event.services : [];
      for (const state of event.type === 'set' ? [event.service] : states) {
        if (state.programmed && state.revision >= revision) waiting.delete(state.spec.name);
      }
      if (waiting.size === 0) stop.abort();
    }
    return performance.now() - startedAt;
  }

  async remove(name: string): Promise<void> {
    await this.api.call(methods.removeService, { name, now: true });
  }

  /** The namespace as an endpoint that serves these services. */
  async attach(network: string, netns: string, services: readonly string[]): Promise<EndpointInfo> {
    await until(`${this.name} knows ${network}`, async () => {
      const { networks } = await this.api.call(methods.listNetworks, {});
      return networks.some(({ name }) => name === network);
    });
    return await this.api.call(methods.attachEndpoint, {
      network,
      name: netns,
      sandbox: namespacePath(netns),
      services: Object.fromEntries(services.map((name) => [name, 1])),
    });
  }

  ctl(...words: readonly string[]): Promise<Finished> {
    const argv = [process.execPath, 'dist/meshctl.js', '--socket', this.socket, ...words];
    return run(within(this.netns, argv));
  }

  /** SIGKILL and, where `links`, no packet comes or goes any more. */
  async kill({ links }: { readonly links: boolean }): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('close', resolve));
    if (links) await run(['ip', '-n', this.netns, 'link', 'set', 'eth0', 'down']);
    this.process.kill('SIGKILL');
    await ended;
  }

  private async stop(): Promise<void> {
    this.api.close();
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('close', resolve));
    this.process.kill();
    await ended;
  }
}

/** Nodes 1 to `count`, who know each other. */
export async function startMesh(count: number, options: MeshDaemonOptions): Promise<MeshDaemon[]> {
  const daemons: MeshDaemon[] = [];
  for (let number = 1; number <= count; number++) {
    daemons.push(await MeshDaemon.start(number, options));
  }
  for (const { name, api } of daemons) {
    await until(`${name} sees the others`, async () => {
      const { alive, lacking, unserved } = await api.call(methods.getMeshStatus, {});
      return alive === count && lacking.length + unserved.length === 0;
    });
  }
  return daemons;
}

/** Polls; throws after a time in which anything here should have come true. */
export async function until(
  what: string,
  check: () => Promise<boolean> | boolean,
  limitMs = 240_000,
): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!(await check())) {
    if (performance.now() > limit) throw new Error(`waited in vain: ${what}`);
    await sleep(50);
  }
}
