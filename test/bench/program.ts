import { join } from 'node:path';
import { progress, type Bench } from './bench.js';
import { run } from './command.js';
import { emit } from './figure.js';
import { buildFolder, peer } from './lab.js';
import { inFreshNetns, within } from './netns.js';
import { median, percentile } from './stats.js';
import { destinationAt, ipvsadmText, vipAt } from './workload.js';
import { configFile } from './topology.js';

const destinations = 10;
const rounds = 2;
const changes = 300;

/**
 * Rules into the kernel: many at once, one at a time, and recognising those of an earlier run.
 * Time counts instructions, 2 ns each: real time in a software guest punishes code that is
 * compiled while it runs far beyond what a processor does, and does not repeat.
 */
export const program: Bench = {
  name: 'program',
  summary: `kernel rules of services x ${destinations} destinations, against ipvsadm and plain C`,
  cases: {
    '1kx10': '1,000 services into an empty kernel',
    '10kx10': '10,000 services into an empty kernel',
    change: 'one of 10,000 services changes',
    adopt: 'a fresh process recognises its 10,000 services',
  },
  guest: ['--icount', '--timeout', '1800'],
  peers: ['ipvs_batch'],
  async run(cases) {
    await run(['modprobe', '-a', 'ip_vs', 'ip_vs_rr', 'dummy']);
    if (cases.includes('1kx10')) await cold('1kx10', 1_000);
    if (cases.includes('10kx10')) await cold('10kx10', 10_000);
    if (cases.includes('change')) await change(10_000);
    if (cases.includes('adopt')) await adopt(10_000);
  },
};

/** What program-child prints. */
interface Found {
  readonly ms: number;
  readonly ops: number;
  readonly phases: Readonly<Record<string, number>>;
  /** Of the whole process. */
  readonly cpuMs: { readonly user: number; readonly kernel: number };
}

async function cold(name: string, services: number): Promise<void> {
  const text = configFile('rules.txt', ipvsadmText(services, destinations));
  const ours: Found[] = [];
  const wallMs: number[] = [];
  const complete: Found[] = [];
  const c: number[] = [];
  const ipvsadm: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    await inFreshNetns(async (ns) => {
      const { stdout, wallMs: wall } = await child(ns, ['bare', services, destinations]);
      ours.push(JSON.parse(stdout) as Found);
      wallMs.push(wall);
    });
    await inFreshNetns(async (ns) => {
      const argv = [peer('ipvs_batch'), String(services), String(destinations)];
      c.push(Number((await run(within(ns, argv))).stdout));
    });
    await inFreshNetns(async (ns) => {
      const argv = within(ns, ['ipvsadm', '-R']);
      ipvsadm.push((await run(argv, { inputFile: text })).wallMs);
    });
    await inFreshNetns(async (ns) => {
      complete.push(await find<Found>(ns, ['cold', services, destinations]));
    });
    progress(`${name}: round ${round} of ${rounds}`);
  }
  const value = median(ours.map(({ ms }) => ms));
  const common = { bench: 'program', case: name, unit: 'ms', rounds } as const;
  const phases = mediansOf(ours.map((found) => found.phases));
  const notes = { phases, processMs: Math.round(median(wallMs)), cpuMs: ours[0]!.cpuMs };
  const peers = [
    ['ipvsadm -R', ipvsadm, 20],
    ['C, 500 messages per send', c, 1 / 1.4],
  ] as const;
  for (const [peerName, times, ratio] of peers) {
    const peerValue = median(times);
    const goal = { ratio: Number(ratio.toFixed(3)) };
    emit({ ...common, value, peer: peerName, peerValue, goal, ...notes });
  }
  emit({
    ...common,
    figure: 'with addresses and routes of the VIPs',
    value: median(complete.map(({ ms }) => ms)),
    phases: mediansOf(complete.map((found) => found.phases)),
    ops: complete[0]!.ops,
  });
}

async function change(services: number): Promise<void> {
  await inFreshNetns(async (ns) => {
    const found = await find<{
      times: number[];
      ops: Record<string, number[]>;
      firstPassMs: number;
    }>(ns, ['change', services, destinations, changes]);
    const one = await ipvsadmEdit(ns);
    const opsPerChange = Object.fromEntries(
      Object.entries(found.ops).map(([kind, ops]) => [kind, [Math.min(...ops), Math.max(...ops)]]),
    );
    const common = { bench: 'program', case: 'change', unit: 'ms' } as const;
    const notes = { opsPerChange, changes, firstPassMs: Math.round(found.firstPassMs) };
    const p50 = percentile(found.times, 0.5);
    const peerOf = { peer: 'ipvsadm -e, a process per change', peerValue: one };
    emit({ ...common, figure: 'p50', value: p50, ...peerOf, ...notes });
    const p99 = percentile(found.times, 0.99);
    emit({ ...common, figure: 'p99', value: p99, goal: { value: 10 }, ...notes });
  });
}

/** The same by hand, in the same namespace. */
async function ipvsadmEdit(ns: string): Promise<number> {
  const times: number[] = [];
  for (let i = 1; i <= 20; i++) {
    const server = `${destinationAt(i, 0, destinations)}:80`;
    const argv = ['ipvsadm', '-e', '-t', `${vipAt(i)}:80`, '-r', server, '-m', '-w', '3'];
    times.push((await run(within(ns, argv))).wallMs);
  }
  return median(times);
}

async function adopt(services: number): Promise<void> {
  await inFreshNetns(async (ns) => {
    await child(ns, ['cold', services, destinations]);
    const found: Found[] = [];
    const wallMs: number[] = [];
    const dumpMs: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const { stdout, wallMs: wall } = await child(ns, ['adopt', services, destinations]);
      found.push(JSON.parse(stdout) as Found);
      wallMs.push(wall);
      dumpMs.push((await run(within(ns, ['ipvsadm', '-Sn']))).wallMs);
    }
    emit({
      bench: 'program',
      case: 'adopt',
      value: median(found.map(({ ms }) => ms)),
      unit: 'ms',
      peer: 'ipvsadm -Sn, reading alone',
      peerValue: median(dumpMs),
      goal: { value: 2000 },
      phases: mediansOf(found.map(({ phases }) => phases)),
      ops: Math.max(...found.map(({ ops }) => ops)),
      cpuMs: found[0]!.cpuMs,
      processMs: Math.round(median(wallMs)),
      rounds,
    });
  });
}

function child(
  ns: string,
  words: readonly (string | number)[],
): Promise<{ stdout: string; wallMs: number }> {
  const argv = [process.execPath, join(buildFolder, 'program-child.mjs'), ...words.map(String)];
  return run(within(ns, argv));
}

async function find<T>(ns: string, words: readonly (string | number)[]): Promise<T> {
  return JSON.parse((await child(ns, words)).stdout) as T;
}

function mediansOf(rows: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rows.map((row) => row[name]!))]));
}
