import { run } from './command.js';
import { startMesh, until, type MeshDaemon } from './mesh-daemon.js';
import { makeNode, makeTask, nodeAddress } from './mesh-hosts.js';
import { httpPort, iperfPort, serveTask } from './mesh-servers.js';
import { within } from './netns.js';
import { client, ip } from './topology.js';

/** One way from the client by an entry node to a task. */
export interface MeshPath {
  /** Whose mesh it is. */
  readonly name: string;
  /** The task is on the entry node, or on the other one. */
  readonly task: 'local' | 'remote';
  /** Of the entry node. */
  readonly address: string;
  readonly http: number;
  readonly iperf: number;
}

/** Published ports, by where the task is. */
export const ports = {
  local: { http: 8081, iperf: 5301 },
  remote: { http: 8082, iperf: 5302 },
} as const;

export const places = ['local', 'remote'] as const;
export type Place = (typeof places)[number];

/** One of ours, and what else is known of it. */
export interface OurPath extends MeshPath {
  /** Of the task's node. */
  readonly node: MeshDaemon;
  /** Of the task, and its address on the network. */
  readonly netns: string;
  readonly taskAddress: string;
}

/** Two daemons; the service of each place is published and has a task on one of them. */
export async function oursPaths(): Promise<OurPath[]> {
  const daemons = await startMesh(2, { profile: 'lan' });
  const [entry, other] = daemons as [MeshDaemon, MeshDaemon];
  await entry.createNetwork({ name: 'front', subnets: ['10.64.0.0/24'] });
  const paths: OurPath[] = [];
  for (const [place, node] of [
    ['local', entry],
    ['remote', other],
  ] as const) {
    const { http, iperf } = ports[place];
    const publish = [`${http}:${httpPort}`, `${iperf}:${iperfPort}`, `${iperf}:${iperfPort}/udp`];
    await entry.apply({ name: place, network: 'front', scheduler: 'rr', publish });
    const netns = await makeTask(`task-${place}`);
    await serveTask((argv) => within(netns, argv));
    const { addresses } = await node.attach('front', netns, [place]);
    const taskAddress = addresses[0]!;
    paths.push({ ...pathOf('meshd', place, entry.address), node, netns, taskAddress });
  }
  for (const path of paths) await answers(path);
  return paths;
}

/** The same rules by hand: IPVS NAT, and a VXLAN whose tasks send what they answer to the entry. */
export async function byHandPaths(): Promise<MeshPath[]> {
  const [entry, other] = [await makeNode('h1', 21), await makeNode('h2', 22)];
  const [entryVtep, otherVtep] = [nodeAddress(21), nodeAddress(22)];
  const gateway = '10.77.0.1';
  for (const [node, own, far] of [
    [entry, entryVtep, otherVtep],
    [other, otherVtep, entryVtep],
  ] as const) {
    await ip(node, [
      'link add br0 type bridge',
      'link set br0 mtu 1450 up',
      `link add vx0 type vxlan id 77 local ${own} dstport 4789 nolearning`,
      'link set vx0 mtu 1450 master br0 up',
    ]);
    await run([
      'bridge',
      '-n',
      node,
      'fdb',
      'append',
      '00:00:00:00:00:00',
      'dev',
      'vx0',
      'dst',
      far,
    ]);
  }
  await ip(entry, [`addr add ${gateway}/24 dev br0`]);
  for (const [place, node, address] of [
    ['local', entry, '10.77.0.11'],
    ['remote', other, '10.77.0.12'],
  ] as const) {
    const task = await makeTask(`hand-${place}`);
    await ip(node, [
      `link add ${place} mtu 1450 type veth peer name eth0 netns ${task}`,
      `link set ${place} master br0 up`,
    ]);
    await ip(task, [
      `addr add ${address}/24 dev eth0`,
      'link set eth0 mtu 1450 up',
      `route add default via ${gateway}`,
    ]);
    await serveTask((argv) => within(task, argv));
    const { http, iperf } = ports[place];
    const lines = [
      ['-t', http, httpPort],
      ['-t', iperf, iperfPort],
      ['-u', iperf, iperfPort],
    ].flatMap(([protocol, port, target]) => [
      `-A ${protocol} ${entryVtep}:${port} -s rr`,
      `-a ${protocol} ${entryVtep}:${port} -r ${address}:${target} -m -w 1`,
    ]);
    await run(within(entry, ['ipvsadm', '-R']), { input: `${lines.join('\n')}\n` });
  }
  const paths = places.map((place) => pathOf('ipvsadm by hand', place, entryVtep));
  for (const path of paths) await answers(path);
  return paths;
}

export function pathOf(name: string, task: Place, address: string): MeshPath {
  return { name, task, address, ...ports[task] };
}

export function answers({ address, http }: MeshPath): Promise<void> {
  return answered(address, http);
}

/** Resolves when a connection of the client is accepted; IPVS leaves that to the task. */
export async function answered(address: string, port: number): Promise<void> {
  const argv = ['timeout', '2', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`];
  await until(`${address}:${port} answers`, () =>
    run(within(client, argv)).then(
      () => true,
      () => false,
    ),
  );
}
