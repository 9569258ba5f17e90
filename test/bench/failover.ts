import { setTimeout as sleep } from 'node:timers/promises';
import { progress, type Bench } from './bench.js';
import { run } from './command.js';
import { emit } from './figure.js';
import { e2ePeer } from './lab.js';
import { startMesh, until, type MeshDaemon } from './mesh-daemon.js';
import { makeEthernet, makeTask, removeAll } from './mesh-hosts.js';
import { callLoad, RunningLoad, serveCounted, type LoadTarget } from './mesh-load.js';
import { median } from './stats.js';

/** Forty callers that pause for 200 ms: some 200 new connections a second, also while some wait. */
const load = { concurrency: 40, pause: 200 };
/** Of a call: longer than a busy guest lets it wait. Unit: milliseconds. */
const timeout = 1_000;

/** What clients of an entry node see when tasks go away behind it. */
export const failover: Bench = {
  name: 'failover',
  summary: 'published ports while tasks go: new connections at 200/s to a node that stays',
  cases: {
    crash: 'a node with a task dies, with its daemon and its links; profile fast',
    replace: 'each task is replaced by another one, the old one drained',
  },
  guest: ['--icount', '--timeout', '1800'],
  peers: [e2ePeer],
  daemon: true,
  async run(cases) {
    await run(['modprobe', '-a', 'ip_vs', 'ip_vs_rr', 'dummy']);
    for (const [name, start] of [
      ['crash', crash],
      ['replace', replace],
    ] as const) {
      if (!cases.includes(name)) continue;
      await makeEthernet();
      try {
        await start();
      } finally {
        await removeAll();
      }
    }
  },
};

/** Nodes with a task each behind an entry node; resolves when all tasks answer. */
async function published(nodes: number, profile: 'lan' | 'fast') {
  const daemons = await startMesh(nodes, { profile });
  const [entry, ...others] = daemons as [MeshDaemon, ...MeshDaemon[]];
  await entry.createNetwork({ name: 'front', subnets: ['10.64.0.0/24'] });
  await entry.apply({ name: 'web', network: 'front', scheduler: 'rr', publish: ['80:8080'] });
  const tasks: { node: MeshDaemon; netns: string; stop: () => void }[] = [];
  for (const node of others) tasks.push(await addTask(node, `task-${node.name}`));
  const target = { address: entry.address, port: 80 };
  await serving(
    target,
    tasks.map(({ netns }) => netns),
  );
  return { tasks, target };
}

async function addTask(node: MeshDaemon, name: string) {
  const netns = await makeTask(name);
  const stop = await serveCounted(netns);
  await node.attach('front', netns, ['web']);
  return { node, netns, stop };
}

/** Resolves when each of the tasks is among those that answer, and every call is answered. */
function serving(target: LoadTarget, tasks: readonly string[]): Promise<void> {
  return until(`${tasks.join(', ')} answer`, async () => {
    const requests = 4 * tasks.length;
    const { servers, failed } = await callLoad(target, { requests, timeout: 2_000 });
    return failed === 0 && tasks.every((task) => task in servers);
  });
}

const crashes = 3;

async function crash(): Promise<void> {
  const nodes = crashes + 2;
  const { tasks, target } = await published(nodes, 'fast');
  const failing: number[] = [];
  const errors: unknown[] = [];
  for (const { node } of tasks.slice(0, crashes)) {
    const running = new RunningLoad(target, { ...load, timeout });
    await sleep(2_000);
    const killedAt = Date.now();
    await node.kill({ links: true });
    await sleep(15_000);
    const result = await running.stop();
    // A call that failed began its timeout earlier.
    const ms = Math.max(0, result.lastFailureAtMs - timeout - killedAt);
    failing.push(ms / 1_000);
    errors.push({ ok: result.ok, failed: result.failed, ...result.errors });
    progress(`${node.name} died: ${ms} ms, ${JSON.stringify(errors.at(-1))}`);
  }
  const common = { bench: 'failover', case: 'crash', nodes, rounds: crashes } as const;
  emit({
    ...common,
    figure: 'calls fail for',
    value: median(failing),
    unit: 's',
    goal: { value: 2 },
    longest: Math.max(...failing),
    calls: errors,
  });
}

async function replace(): Promise<void> {
  const { tasks, target } = await published(3, 'lan');
  const running = new RunningLoad(target, { ...load, timeout: 5_000 });
  const drainS: number[] = [];
  for (const { node, netns, stop } of tasks) {
    const fresh = await addTask(node, `${netns}-new`);
    await serving(target, [fresh.netns]);
    const { wallMs } = await node.ctl('endpoint', 'detach', 'front', netns, '--drain', '30s');
    stop();
    drainS.push(wallMs / 1_000);
    progress(`${netns} is replaced`);
  }
  await sleep(2_000);
  const { ok, failed, errors, longestMs, servers } = await running.stop();
  emit({
    bench: 'failover',
    case: 'replace',
    figure: 'calls that fail',
    value: failed,
    unit: 'count',
    goal: { value: 0 },
    answered: ok,
    errors,
    longestMs,
    servers,
    drainS,
  });
}
