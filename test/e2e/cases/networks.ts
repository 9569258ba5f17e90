import type { EndpointInfo, NetworkInfo } from '../../../src/api/index.js';
import { until } from '../support/command.js';
import { kernelState } from '../support/kernel-state.js';
import type { Meshd } from '../support/meshd.js';
import type { Case, Scene } from '../support/scene.js';
import { answer, settled, startMesh, type Nodes } from './mesh-nodes.js';

/** The servers of the scene stand for tasks here: what is attached is a namespace, any will do. */
const tasks = { s1: 'lb', s2: 'lb2', s3: 'lb3' } as const;
type Task = keyof typeof tasks;

export const networks: Case = {
  name: 'networks',
  about: 'namespaces on three hosts share a network; crashes leave nothing behind',
  async run(scene) {
    const nodes = await startMesh(scene, { services: false });
    await made(scene, nodes);
    const endpoints = await attached(scene, nodes);
    await reach(scene, endpoints);
    await adopted(scene, nodes, endpoints);
    await detached(scene, nodes);
  },
};

async function made({ report }: Scene, nodes: Nodes): Promise<void> {
  const network = await answer<NetworkInfo>(
    nodes.lb,
    ...['network', 'create', 'blue', '--subnet', '10.64.0.0/24', 'fd00:64::/112'],
  );
  report.claim(network.vni === 4_097 && network.mtu === 1_450, 'a network gets a VNI and an MTU');
  const overlap = await nodes.lb.ctl('network', 'create', 'red', '--subnet', '10.64.0.0/16');
  report.claim(overlap.status === 5, 'an overlapping one is refused', overlap.stderr.trim());
  await until('the others know the network', 30_000, async () => {
    const known = await answer<NetworkInfo[]>(nodes.lb3, 'network', 'ls');
    return known.some(({ name }) => name === 'blue');
  });
}

async function attached(
  { topology, report }: Scene,
  nodes: Nodes,
): Promise<Record<Task, EndpointInfo>> {
  const endpoints: Partial<Record<Task, EndpointInfo>> = {};
  for (const [task, host] of Object.entries(tasks) as [Task, keyof Nodes][]) {
    const path = `/run/netns/${topology.namespace(task)}`;
    endpoints[task] = await answer<EndpointInfo>(
      nodes[host],
      ...['endpoint', 'attach', 'blue', task, '--sandbox', path],
    );
  }
  const all = endpoints as Record<Task, EndpointInfo>;
  const addresses = Object.values(all).flatMap((one) => one.addresses);
  report.claim(
    new Set(addresses).size === 6,
    'three hosts give out different addresses without asking each other',
    addresses.join(', '),
  );
  const wrong = await nodes.lb.ctl(
    ...['endpoint', 'attach', 'blue', 'nobody', '--sandbox', '/run/netns/nobody'],
  );
  report.claim(wrong.status !== 0, 'a namespace that is not there is refused', wrong.stderr.trim());
  return all;
}

async function reach(
  { topology, report }: Scene,
  endpoints: Record<Task, EndpointInfo>,
): Promise<void> {
  for (const from of Object.keys(tasks) as Task[]) {
    for (const to of Object.keys(tasks) as Task[]) {
      if (from === to) continue;
      for (const address of endpoints[to].addresses) {
        const ping = ['ping', '-n', '-c', '2', '-W', '2', '-s', '1200', address];
        const reached = await until(`${from} reaches ${address}`, 20_000, async () => {
          const { status, stdout } = await topology.exec(from, ping, { mayFail: true });
          return status === 0 ? stdout : undefined;
        }).catch(() => undefined);
        if (reached === undefined) report.claim(false, `${from} reaches ${to} at ${address}`);
      }
    }
  }
  report.claim(true, 'each reaches each other one across hosts, IPv4 and IPv6');
  const first = endpoints.s2.addresses[0]!;
  const { status } = await topology.exec(
    's1',
    ['ping', '-n', '-c', '1', '-W', '2', '-M', 'do', '-s', String(1_450 - 28), first],
    { mayFail: true },
  );
  report.claim(status === 0, 'also with packets of the full size');
}

/** kill -9 in the middle, and again: nothing is made twice, nothing is cut. */
async function adopted(
  { topology, report }: Scene,
  nodes: Nodes,
  endpoints: Record<Task, EndpointInfo>,
): Promise<void> {
  const node: Meshd = nodes.lb2;
  const links = async (): Promise<string> => {
    const { stdout } = await topology.exec('lb2', [
      'bash',
      '-c',
      'ip -br link | grep mesh | sed "s/@.*//" | sort; bridge fdb | grep dst | sort; ip neigh show dev meshx-4097 | sort',
    ]);
    return `${stdout}${await kernelState(topology, 'lb2')}`;
  };
  const before = await links();
  const address = endpoints.s2.addresses[0]!;
  const ping = topology.start('s1', ['ping', '-n', '-i', '0.2', address]);
  await node.end('SIGKILL');
  await node.start();
  const ops = await node.metric('meshd_reconcile_ops_total');
  await settled(nodes);
  await ping.end('SIGINT');
  const summary = ping.lines.find((line) => line.includes('packet loss')) ?? ping.output;
  report.claim(
    summary.includes(' 0% packet loss'),
    'no packet is lost while meshd is killed',
    summary,
  );
  report.claim(ops === 0 && (await links()) === before, 'and nothing is made anew', `${ops} Ops`);
}

async function detached({ topology, report }: Scene, nodes: Nodes): Promise<void> {
  for (const [task, host] of Object.entries(tasks) as [Task, keyof Nodes][]) {
    await answer(nodes[host], 'endpoint', 'detach', 'blue', task);
  }
  const left = async (): Promise<string> => {
    const hosts = [...Object.keys(tasks), ...Object.values(tasks)] as (Task | keyof Nodes)[];
    const found = await Promise.all(
      hosts.map(async (host) => {
        const { stdout } = await topology.exec(host, ['ip', '-br', 'link']);
        return stdout.split('\n').filter((line) => /^mesh[bxp-]/.test(line));
      }),
    );
    return found.flat().join(', ');
  };
  await until('no device is left', 20_000, async () => (await left()) === '');
  report.claim(true, 'detaching leaves no device on any host, nor in any namespace');
  const names = async (): Promise<string> => {
    await answer(nodes.lb, 'network', 'prune');
    const left = await answer<readonly { name: string }[]>(nodes.lb, 'network', 'ls');
    return left.map(({ name }) => name).join();
  };
  await until('it is gone', 20_000, async () => (await names()) === '').catch(() => undefined);
  report.claim((await names()) === '', 'what nobody is on any more is pruned', await names());
}
