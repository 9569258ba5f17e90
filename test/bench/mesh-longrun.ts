import { progress } from './bench.js';
import { run } from './command.js';
import { emit } from './figure.js';
import { startMesh } from './mesh-daemon.js';
import { makeTask } from './mesh-hosts.js';
import { callLoad, serveCounted } from './mesh-load.js';
import { within } from './netns.js';

const connections = 200_000;
/** A SYN that was lost is sent again after as long. Unit: milliseconds. */
const retryMs = 1_000;

/**
 * One client address calls through an entry node, one new connection after the other: its ports
 * come around again long before the kernel has forgotten their last use.
 */
export async function longrun(): Promise<void> {
  const daemons = await startMesh(2, { profile: 'lan' });
  const [entry] = daemons;
  await entry!.createNetwork({ name: 'front', subnets: ['10.64.0.0/24'] });
  await entry!.apply({ name: 'web', network: 'front', scheduler: 'rr', publish: ['80:8080'] });
  for (const daemon of daemons) {
    const task = await makeTask(`task-${daemon.name}`);
    await serveCounted(task);
    await daemon.attach('front', task, ['web']);
  }
  const target = { address: entry!.address, port: 80 };
  await callLoad(target, { requests: 100, concurrency: 1 });
  progress(`longrun: ${connections} connections`);
  const result = await callLoad(target, { requests: connections, concurrency: 1 });
  const { stdout } = await run(within(entry!.netns, ['wc', '-l', '/proc/net/ip_vs_conn']));
  const common = { bench: 'mesh', case: 'longrun', connections } as const;
  const { failed, errors, longestMs, seconds, servers } = result;
  emit({ ...common, figure: 'failed', value: failed, unit: 'count', goal: { value: 0 }, errors });
  emit({
    ...common,
    figure: 'longest stall',
    value: longestMs,
    unit: 'ms',
    goal: { value: retryMs },
    kernelEntries: Number.parseInt(stdout),
  });
  const rate = connections / seconds;
  emit({ ...common, figure: 'one after the other', value: rate, unit: '1/s', seconds, servers });
}
