import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../support/command.js';
import { Meshd } from '../support/meshd.js';
import { servicesYaml, type Scene } from '../support/scene.js';
import { balancers, insideOf, type Balancer } from '../support/topology.js';

/*
 * Three hosts in a mesh, for the cases about it.
 */

/** Each node declares the service that has its number; all serve all of them. */
export const declared = { lb: 21, lb2: 22, lb3: 23 } as const;

export function newKey(): string {
  return randomBytes(32).toString('base64');
}

export type Nodes = Readonly<Record<Balancer, Meshd>>;

/** `services`: each node declares the one that has its number. `more`: lines of each file. */
export async function startMesh(
  { topology }: Scene,
  { services = true, profile = 'lan', more = '' } = {},
): Promise<Nodes> {
  const nodes: Partial<Record<Balancer, Meshd>> = {};
  const key = newKey();
  for (const name of balancers) {
    await topology.renew(name);
    const node = await Meshd.create(topology, name);
    await writeKey(node, key);
    await node.write(`${more}\n${configOf(node, services, profile)}`);
    await node.start();
    nodes[name] = node;
  }
  const all = nodes as Nodes;
  await settled(all);
  return all;
}

export async function writeKey(node: Meshd, key: string): Promise<void> {
  await writeFile(keyFile(node), `${key}\n`, { mode: 0o600 });
}

export function keyFile(node: Meshd): string {
  return join(node.folder, 'gossip.keys');
}

function configOf(node: Meshd, services: boolean, profile: string): string {
  const { balancer } = node;
  const service = {
    name: `of-${balancer}`,
    vip: declared[balancer],
    fields: ['scheduler: rr'],
  };
  return [
    'mesh:',
    `  node: ${balancer}`,
    `  profile: ${profile}`,
    `  bind: ${insideOf(balancer, 4)}`,
    `  join: [${insideOf('lb', 4)}]`,
    `  keyFile: ${keyFile(node)}`,
    servicesYaml(services ? [service] : []),
  ].join('\n');
}

/** What meshctl says with --json. Rejects when it fails. */
export async function answer<T>(node: Meshd, ...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await node.ctl('--json', ...args);
  if (status !== 0) throw new Error(`${node.balancer}: meshctl ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Resolves when all know each other and have each other's services in their kernels. */
export async function settled(nodes: Nodes): Promise<void> {
  const wanted = [
    `meshd_mesh_members{state="alive"} ${balancers.length}`,
    'meshd_mesh_lacking_nodes 0',
    'meshd_mesh_unserved_nodes 0',
  ];
  for (const name of balancers) {
    await until(`${name} agrees with the others`, 60_000, async () => {
      const lines = (await nodes[name].metrics()).split('\n');
      return wanted.every((line) => lines.includes(line));
    });
  }
}
