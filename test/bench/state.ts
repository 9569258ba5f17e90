import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { progress, type Bench } from './bench.js';
import { run, startUntil } from './command.js';
import { emit } from './figure.js';
import { buildFolder } from './lab.js';
import { startMesh, until, type MeshDaemon } from './mesh-daemon.js';
import { atEnd, makeEthernet, makeNode, makeTask, nodeAddress, removeAll } from './mesh-hosts.js';
import { untilIdle, within } from './netns.js';

/** Endpoints of other nodes on a network, by case. */
const counts = { '1k': 1_000, '10k': 10_000 } as const;
const perService = 10;
/** Fewer than a watching client may be behind. */
const together = 500;
/** Below the rows that the mesh takes of one node. */
const perNode = 5_000;
/** All nodes, those that tell and the one that hears, share one emulated processor. */
const limitMs = 1_200_000;

/**
 * What a node with one task holds of a network with many endpoints elsewhere. Their node is the
 * real one but for its kernel: as many namespaces would not fit into the guest.
 */
export const state: Bench = {
  name: 'state',
  summary: `a node with one task on a network, by endpoints elsewhere, ${perService} for each service`,
  cases: {
    '1k': `${counts['1k']} endpoints`,
    '10k': `${counts['10k']} endpoints`,
  },
  guest: ['--icount', '--timeout', '3600'],
  daemon: true,
  async run(cases) {
    await run(['modprobe', '-a', 'ip_vs', 'ip_vs_rr', 'dummy']);
    for (const [name, count] of Object.entries(counts)) {
      if (!cases.includes(name)) continue;
      await makeEthernet();
      try {
        await measure(name, count);
      } finally {
        await removeAll();
      }
    }
  },
};

async function measure(name: string, count: number): Promise<void> {
  const [node] = (await startMesh(1, { profile: 'lan' })) as [MeshDaemon];
  const network = await node.createNetwork({ name: 'front', subnets: ['10.128.0.0/16'] });
  const task = await makeTask('task');
  await node.attach('front', task, []);
  const services = Array.from({ length: count / perService }, (_, n) => {
    return { name: `s${n}`, network: 'front', scheduler: 'rr' };
  });
  for (let first = 0; first < services.length; first += together) {
    await node.applyInForce(...services.slice(first, first + together));
  }
  await untilIdle();
  const before = { memory: memoryMb(node), holds: await kernelHolds(node, task) };
  progress(`${name}: ${JSON.stringify(before)}`);
  const startedAt = performance.now();
  await addEndpoints(node, network, count);
  const toldMs = performance.now() - startedAt;
  const hasThem = async (): Promise<boolean> => {
    // A look at so many entries takes what the daemon needs to make them.
    await untilIdle();
    const { fdb, ipvsDestinations } = await kernelHolds(node, task);
    progress(`${name}: ${fdb} forwarding entries, ${ipvsDestinations} destinations`);
    return fdb >= count && ipvsDestinations >= count;
  };
  await until('the kernel has them', hasThem, limitMs);
  const appliedMs = performance.now() - startedAt - toldMs;
  const memoryAtOnce = memoryMb(node);
  await untilIdle();
  const holds = await kernelHolds(node, task);
  const common = { bench: 'state', case: name, endpoints: count } as const;
  const memory = memoryMb(node);
  const notes = {
    before: before.memory,
    atOnce: memoryAtOnce,
    perEndpointKb: Math.round(((memory - before.memory) * 1_000) / count),
  };
  emit({ ...common, figure: 'memory', value: memory, unit: 'MB', ...notes });
  emit({
    ...common,
    figure: 'from hearing of them to the kernel',
    value: appliedMs / 1_000,
    unit: 's',
  });
  const entries = Object.values(holds).reduce((sum, entry) => sum + entry, 0);
  emit({
    ...common,
    figure: 'kernel entries',
    value: entries,
    unit: 'count',
    holds,
    without: before.holds,
  });
}

async function addEndpoints(
  { keyFile, address }: MeshDaemon,
  network: object,
  count: number,
): Promise<void> {
  const program = [process.execPath, join(buildFolder, 'state-child.mjs'), keyFile];
  for (let first = 0; first < count; first += perNode) {
    const number = 9 + first / perNode;
    const name = `far${number}`;
    const netns = await makeNode(name, number);
    const words = [name, nodeAddress(number), address, JSON.stringify(network)];
    const numbers = [first, Math.min(perNode, count - first), perService].map(String);
    atEnd(await startUntil(within(netns, [...program, ...words, ...numbers]), 'ready'));
  }
}

/** Entries that there is one of for each endpoint, or more. */
async function kernelHolds(
  { netns }: MeshDaemon,
  task: string,
): Promise<Record<'fdb' | 'neighbors' | 'ipvsDestinations', number>> {
  const lines = async (argv: readonly string[], pattern: RegExp): Promise<number> =>
    (await run(argv)).stdout.match(pattern)?.length ?? 0;
  return {
    fdb: await lines(within(netns, ['bridge', 'fdb', 'show']), / dst /g),
    neighbors: await lines(['ip', '-n', netns, 'neighbor', 'show', 'nud', 'permanent'], /^\S/gm),
    ipvsDestinations: await lines(within(task, ['ipvsadm', '-Sn']), /^-a/gm),
  };
}

function memoryMb({ pid }: MeshDaemon): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+([0-9]+) kB/m.exec(status)![1]) / 100) / 10;
}
