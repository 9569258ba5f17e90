import { writeFile } from 'node:fs/promises';
import type { EndpointInfo } from '../../../src/api/index.js';
import { until } from '../support/command.js';
import { hasSctp, type Scene } from '../support/scene.js';
import type { Balancer } from '../support/topology.js';
import { answer, type Nodes } from './mesh-nodes.js';

/*
 * Two tasks on a network of three hosts, for the cases about services on networks.
 */

/** By task, its node; `lb` has none. */
export const nodeOf = { t1: 'lb2', t2: 'lb3' } as const;
export type Served = keyof typeof nodeOf;
export const tasks = Object.keys(nodeOf) as Served[];

/** Network `front`, what `text` declares on it by the node `lb`, and both tasks as endpoints. */
export async function serveOn(
  scene: Scene,
  nodes: Nodes,
  text: string,
  services: readonly string[],
): Promise<void> {
  const { topology, peers } = scene;
  const subnets = ['--subnet', '10.64.0.0/24', 'fd00:64::/112'];
  await answer(nodes.lb, 'network', 'create', 'front', ...subnets);
  await answer(nodes.lb, 'service', 'apply', '-f', await fileOf(nodes.lb, text));
  for (const task of tasks) {
    const node = nodes[nodeOf[task]];
    await topology.addTask(task);
    await peers.serve(task, hasSctp ? ['--sctp'] : []);
    // A public client, and a server with private IPv4 and global IPv6 addresses: see README.
    if (hasSctp) await topology.sysctl(task, ['net.sctp.addr_scope_policy=0']);
    await until('the network is known', 20_000, async () => {
      const known = await answer<{ name: string }[]>(node, 'network', 'ls');
      return known.some(({ name }) => name === 'front');
    });
    await attach(scene, nodes, task, services);
  }
}

export function attach(
  { topology }: Scene,
  nodes: Nodes,
  task: Served,
  services: readonly string[],
): Promise<EndpointInfo> {
  return answer<EndpointInfo>(
    nodes[nodeOf[task]],
    ...['endpoint', 'attach', 'front', task, '--sandbox', topology.path(task)],
    ...['--service', ...services],
  );
}

export async function fileOf(node: Nodes[Balancer], text: string): Promise<string> {
  const path = `${node.folder}/service.yaml`;
  await writeFile(path, text);
  return path;
}
