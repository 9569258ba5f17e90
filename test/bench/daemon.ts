import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '../../src/model/index.js';
import { run } from './command.js';
import { within } from './netns.js';

export interface RunningDaemon {
  readonly pid: number;
  /** From starting the process until the kernel had everything. Unit: milliseconds. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** A service as the configuration file has it. */
export interface ServiceEntry {
  readonly name: string;
  readonly vip: string;
  readonly ports: readonly string[];
  readonly snat?: 'auto' | 'never' | 'always';
  readonly scheduler: 'rr';
  readonly destinations: readonly string[];
}

export function entryOf(service: Service): ServiceEntry {
  return {
    name: service.name,
    scheduler: 'rr',
    vip: service.vips[0]!,
    ports: service.ports.map(({ port, protocol }) => `${port}/${protocol}`),
    destinations: service.destinations.map(({ address }) => address),
  };
}

/** The daemon as users start it, in a network namespace; resolves when its services are in force. */
export async function startDaemon(
  netns: string,
  services: readonly ServiceEntry[],
): Promise<RunningDaemon> {
  const folder = mkdtempSync('/tmp/bench-meshd-');
  const config = join(folder, 'meshd.yaml');
  // YAML is a superset of JSON.
  writeFileSync(
    config,
    JSON.stringify({
      api: { socket: join(folder, 'meshd.sock'), group: '0' },
      log: { level: 'warn' },
      stateDir: join(folder, 'state'),
      services,
    }),
  );
  const startedAt = performance.now();
  const argv = within(netns, [process.execPath, 'dist/meshd.js', '--config', config]);
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  while (!(await isProgrammed(netns, services.at(-1)?.vip))) {
    if (!isRunning()) throw new Error(`${argv.join(' ')}: exit ${child.exitCode}`);
    await sleep(100);
  }
  return {
    pid: child.pid!,
    readyMs: performance.now() - startedAt,
    async stop() {
      child.kill();
      await ended;
    },
  };
}

/** A VIP gets its address after everything that a packet to it needs; its device is there always. */
async function isProgrammed(netns: string, lastVip: string | undefined): Promise<boolean> {
  const question = lastVip === undefined ? ['link', 'show', 'mesh0'] : ['route', 'get', lastVip];
  try {
    const { stdout } = await run(['ip', '-n', netns, ...question]);
    return lastVip === undefined || stdout.startsWith('local ');
  } catch {
    return false;
  }
}
