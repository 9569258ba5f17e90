import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './command.js';
import { hostNetwork } from './workload.js';

/**
 * Calls `work` with the name of a network namespace that is made for it. IPVS gets slow in a
 * namespace that lost many destinations, and slows others while it cleans up: none is used twice,
 * and the next one waits for the end of the last. `lo` is up, or no destination could be added;
 * `eth0` has the address that workload.ts gives its host, for the routes of the VIPs name it.
 */
export async function inFreshNetns<T>(work: (name: string) => Promise<T>): Promise<T> {
  const name = `bench-${process.pid}`;
  await run(['ip', 'netns', 'add', name]);
  try {
    await run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
    await run(['ip', '-n', name, 'link', 'add', 'eth0', 'type', 'dummy']);
    await run([
      'ip',
      '-n',
      name,
      'addr',
      'add',
      `${hostNetwork.address}/${hostNetwork.prefixLength}`,
      'dev',
      'eth0',
    ]);
    await run(['ip', '-n', name, 'link', 'set', 'eth0', 'up']);
    return await work(name);
  } finally {
    await run(['ip', 'netns', 'del', name]);
    await untilIdle();
  }
}

/** The command line that runs `argv` in the namespace. */
export function within(name: string, argv: readonly string[]): string[] {
  return ['ip', 'netns', 'exec', name, ...argv];
}

/** Waits until the machine has nothing to do: the kernel cleans up behind our back. */
export async function untilIdle(): Promise<void> {
  const limit = performance.now() + 20_000;
  let before = cpuTicks();
  while (performance.now() < limit) {
    await sleep(250);
    const now = cpuTicks();
    const busy = (now.busy - before.busy) / Math.max(1, now.all - before.all);
    if (busy < 0.1) return;
    before = now;
  }
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal, in ticks. */
function cpuTicks(): { busy: number; all: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!;
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: all - ticks[3]! - ticks[4]!, all };
}
