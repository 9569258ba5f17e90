import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import {
  createApiClient,
  fromWireParts,
  methods,
  toWireApply,
  type ApiClient,
} from '../../src/api/index.js';
import { realClock } from '../../src/io/index.js';
import { progress } from './bench.js';
import { run } from './command.js';
import { emit } from './figure.js';
import { within } from './netns.js';
import { percentile } from './stats.js';

const nodes = 5;
const changes = 100;
const goalMs = 500;

/**
 * Five daemons in network namespaces on one bridge, real kernels, wall clock: a service changes on
 * one of them; how long until each of the others has seen it in its own kernel.
 */
export async function measureLive(): Promise<void> {
  const folder = mkdtempSync('/tmp/bench-mesh-');
  const bridge = `br${process.pid}`;
  const hosts: LiveHost[] = [];
  try {
    await run(['ip', 'link', 'add', bridge, 'type', 'bridge']);
    await run(['ip', 'link', 'set', bridge, 'up']);
    const key = randomBytes(32).toString('base64');
    for (let n = 1; n <= nodes; n++) hosts.push(await LiveHost.start(folder, bridge, n, key));
    await allSettled(hosts);
    progress(`live: ${nodes} nodes have found each other`);
    const times: number[] = [];
    for (let n = 0; n < nodes + changes; n++) {
      const found = await hosts[n % nodes]!.change(n, hosts);
      // The first change of a host creates its service, and loads what compiles it.
      if (n >= nodes) times.push(...found);
    }
    report(times);
  } finally {
    for (const host of hosts) await host.remove();
    await run(['ip', 'link', 'del', bridge]).catch(() => undefined);
    rmSync(folder, { recursive: true });
  }
}

function report(times: readonly number[]): void {
  for (const [figure, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    emit({
      bench: 'gossip',
      case: 'live',
      figure: `change to the kernel of another node ${figure}`,
      value: percentile(times, share),
      unit: 'ms',
      time: 'wall clock',
      nodes,
      rounds: changes,
      ...(figure === 'p99' ? { goal: { value: goalMs } } : {}),
    });
  }
}

async function allSettled(hosts: readonly LiveHost[]): Promise<void> {
  for (const host of hosts) {
    for (;;) {
      const { alive, lacking, unserved } = await host.api.call(methods.getMeshStatus, {});
      if (alive === nodes && lacking.length + unserved.length === 0) break;
      await new Promise<void>((resolve) => realClock.after(200, resolve));
    }
  }
}

class LiveHost {
  /** Weight by which the last change is known, and who waits to see it. */
  private readonly waiting = new Map<string, (atMs: number) => void>();
  private readonly stopWatching = new AbortController();

  private constructor(
    private readonly netns: string,
    private readonly process: ChildProcess,
    readonly api: ApiClient,
  ) {
    void this.watch();
  }

  static async start(folder: string, bridge: string, n: number, key: string): Promise<LiveHost> {
    const netns = `bench-${process.pid}-${n}`;
    const address = `10.9.0.${n}`;
    const link = `v${process.pid}${n}`;
    await run(['ip', 'netns', 'add', netns]);
    await run(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns]);
    await run(['ip', 'link', 'set', link, 'master', bridge, 'up']);
    for (const words of [
      ['link', 'set', 'lo', 'up'],
      ['addr', 'add', `${address}/24`, 'dev', 'eth0'],
      ['link', 'set', 'eth0', 'up'],
    ]) {
      await run(['ip', '-n', netns, ...words]);
    }
    const path = (name: string): string => join(folder, `${n}-${name}`);
    writeFileSync(path('keys'), `${key}\n`, { mode: 0o600 });
    const socket = path('sock');
    const config = {
      api: { socket, group: '0' },
      log: { level: 'warn' },
      stateDir: path('state'),
      mesh: {
        node: `n${n}`,
        bind: address,
        join: ['10.9.0.1'],
        keyFile: path('keys'),
      },
    };
    writeFileSync(path('yaml'), JSON.stringify(config));
    const argv = within(netns, [process.execPath, 'dist/meshd.js', '--config', path('yaml')]);
    const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
    const api = createApiClient({ path: socket, deadlineMs: 30_000, clock: realClock });
    for (;;) {
      const status = await api.call(methods.getStatus, {}).catch(() => undefined);
      if (status !== undefined) break;
      if (child.exitCode !== null) throw new Error(`meshd: exit ${child.exitCode}`);
      await new Promise<void>((resolve) => realClock.after(200, resolve));
    }
    return new LiveHost(netns, child, api);
  }

  /** A destination gets another weight; milliseconds until each other host has it in its kernel. */
  async change(n: number, all: readonly LiveHost[]): Promise<number[]> {
    const mark = `10.80.0.${1 + (n % 250)}`;
    const name = `bench-${n % nodes}`;
    const service = { name, vip: `10.96.1.${1 + (n % nodes)}`, ports: [80], destinations: [mark] };
    const others = all.filter((host) => host !== this);
    const seen = others.map((host) => host.sees(mark));
    const startedAt = performance.now();
    const expectedRevisions = new Map<string, number>();
    const request = { services: [service], replaceAll: false, dryRun: false, expectedRevisions };
    await this.api.call(methods.applyServices, toWireApply(request));
    return (await Promise.all(seen)).map((atMs) => atMs - startedAt);
  }

  async remove(): Promise<void> {
    this.stopWatching.abort();
    this.api.close();
    const ended = new Promise((resolve) => this.process.once('close', resolve));
    this.process.kill();
    await ended;
    await run(['ip', 'netns', 'del', this.netns]);
  }

  private sees(address: string): Promise<number> {
    return new Promise((resolve) => this.waiting.set(address, resolve));
  }

  private async watch(): Promise<void> {
    const parts = this.api.stream(methods.watchServices, {}, this.stopWatching.signal);
    for await (const event of fromWireParts(parts)) {
      if (event.type !== 'set' || !event.service.programmed) continue;
      for (const { address } of event.service.destinations) {
        this.waiting.get(address)?.(performance.now());
        this.waiting.delete(address);
      }
    }
  }
}
