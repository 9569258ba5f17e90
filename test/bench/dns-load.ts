import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.js';
import { cpuS, loadCore, nameOf, type NameServer } from './dns-servers.js';
import { within } from './netns.js';

/** What dnsperf saw of a server. */
export interface Load {
  /** Unit: 1/s. */
  readonly rate: number;
  readonly lost: number;
  /** Time of the server's processor for a query. Unit: microseconds. */
  readonly cpuUs: number;
  /** Of each query, with `latencies`. Unit: milliseconds. */
  readonly latenciesMs: readonly number[];
}

export interface LoadOptions {
  readonly netns: string;
  readonly seconds: number;
  /** At most; absent = as many as are answered. Unit: 1/s. */
  readonly rate?: number;
  readonly latencies?: boolean;
}

/** Clients, and queries under way of all of them: enough for no server to wait for the load. */
const clients = 4;
const underWay = 400;

/** Names in a random order that is always the same. */
export class QueryFile {
  private readonly folder = mkdtempSync('/tmp/bench-queries-');
  readonly path = join(this.folder, 'queries');

  constructor(names: number) {
    let state = 1;
    const next = (): number => {
      state = (state * 48_271) % 0x7fff_ffff;
      return state;
    };
    const lines = Array.from({ length: 50_000 }, () => `${nameOf(1 + (next() % names))} A\n`);
    writeFileSync(this.path, lines.join(''));
  }

  async load(server: NameServer, options: LoadOptions): Promise<Load> {
    const { netns, seconds, rate, latencies = false } = options;
    const before = cpuS(server);
    const argv = [
      ...['taskset', '-c', loadCore, 'dnsperf', '-s', '127.0.0.1', '-p', String(server.port)],
      ...['-d', this.path, '-l', String(seconds), '-c', String(clients), '-q', String(underWay)],
      ...(rate === undefined ? [] : ['-Q', String(Math.round(rate))]),
      ...(latencies ? ['-v'] : []),
    ];
    const { stdout } = await run(within(netns, argv));
    const spentS = cpuS(server) - before;
    const figure = (name: string): number =>
      Number(new RegExp(`${name}:\\s+([0-9.]+)`).exec(stdout)?.[1] ?? NaN);
    return {
      rate: figure('Queries per second'),
      lost: figure('Queries lost'),
      cpuUs: (spentS / figure('Queries completed')) * 1_000_000,
      // `> NOERROR svc1.mesh.internal A 0.000123`
      latenciesMs: Array.from(stdout.matchAll(/^> .* ([0-9.]+)$/gm), ([, s]) => Number(s) * 1_000),
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
