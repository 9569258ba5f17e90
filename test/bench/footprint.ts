import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { run } from './command.js';
import { entryOf, startDaemon, type RunningDaemon } from './daemon.js';
import { emit } from './figure.js';
import { inFreshNetns } from './netns.js';
import { servicesOf } from './workload.js';

const services = 10_000;
const destinations = 10;
/** Until what the start left behind is collected. */
const settleS = 20;
const idleS = 60;

/** What the daemon itself takes while packets pass it by. */
export const footprint: Bench = {
  name: 'footprint',
  summary: 'memory and idle time of the daemon',
  cases: {
    rss0: 'memory without services',
    rss100k: `memory with ${services} services x ${destinations} destinations`,
    idlecpu: 'share of a core while nothing changes, with as many',
  },
  // Time in the guest counts instructions: waiting takes none.
  guest: ['--icount', '--timeout', '1800'],
  daemon: true,
  async run(cases) {
    await run(['modprobe', '-a', 'ip_vs', 'ip_vs_rr', 'dummy']);
    if (cases.includes('rss0')) await memory('rss0', 0, 90);
    if (cases.includes('rss100k') || cases.includes('idlecpu')) {
      await memory('rss100k', services, 160, cases.includes('idlecpu'));
    }
  },
};

async function memory(name: string, count: number, goal: number, idle = false): Promise<void> {
  await inFreshNetns(async (ns) => {
    const daemon = await startDaemon(ns, servicesOf(count, destinations).map(entryOf));
    const atOnce = memoryMb(daemon, 'VmRSS');
    await sleep(settleS * 1000);
    emit({
      bench: 'footprint',
      case: name,
      value: memoryMb(daemon, 'VmRSS'),
      unit: 'MB',
      goal: { value: goal },
      atOnce,
      peak: memoryMb(daemon, 'VmHWM'),
      readyMs: Math.round(daemon.readyMs),
    });
    if (idle) await idleCpu(daemon);
    await daemon.stop();
  });
}

async function idleCpu(daemon: RunningDaemon): Promise<void> {
  const before = cpuTicks(daemon);
  const startedAt = performance.now();
  await sleep(idleS * 1000);
  const seconds = (performance.now() - startedAt) / 1000;
  const ticksPerS = 100; // USER_HZ, the same on every Linux that Node runs on.
  emit({
    bench: 'footprint',
    case: 'idlecpu',
    value: ((cpuTicks(daemon) - before) / ticksPerS / seconds) * 100,
    unit: '%',
    goal: { value: 0.2 },
    seconds: Math.round(seconds),
    rssAfterMb: memoryMb(daemon, 'VmRSS'),
  });
}

/** A field of /proc/PID/status that is in kB. */
function memoryMb({ pid }: RunningDaemon, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = Number(new RegExp(`^${field}:\\s+([0-9]+) kB`, 'm').exec(status)![1]);
  return Math.round(kb / 100) / 10;
}

/** utime and stime of /proc/PID/stat; the name before them may hold anything but a last `)`. */
function cpuTicks({ pid }: RunningDaemon): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
