import { progress, type Bench } from './bench.js';
import { run } from './command.js';
import { emit, type Figure } from './figure.js';
import { newConnections, tcpRate, udpRate, wrk } from './load.js';
import { e2ePeer } from './lab.js';
import { startMesh } from './mesh-daemon.js';
import { makeEthernet, removeAll } from './mesh-hosts.js';
import { byHandPaths, oursPaths, places, type MeshPath } from './mesh-paths.js';
import { longrun } from './mesh-longrun.js';
import { overlay } from './mesh-overlay.js';
import { swarmPaths } from './mesh-swarm.js';
import { untilIdle } from './netns.js';
import { median } from './stats.js';
import { client } from './topology.js';

const rounds = 2;
const seconds = 1;

/** Values by figure, path and place; one per round. */
type Values = Map<string, number[]>;

/**
 * What a published port costs: a client calls an entry node, the task is there or on another one.
 * The guest counts instructions, so the figures are path lengths.
 */
export const mesh: Bench = {
  name: 'mesh',
  summary: 'published ports of two nodes: client, entry node, task',
  cases: {
    swarm: "against Docker Swarm's routing mesh",
    ipvsadm: 'against IPVS NAT and VXLAN by hand',
    overlay: 'a network between tasks of two nodes, against the underlay',
    sealed: 'the same, sealed',
    longrun: '200,000 connections of one client, one after the other',
  },
  slow: ['swarm', 'longrun'],
  guest: ['--icount', '--timeout', '3600', '--extra', 'docker.io', '--extra', 'iperf3'],
  peers: ['http_server', e2ePeer],
  daemon: true,
  async run(cases) {
    await run(['modprobe', '-a', 'ip_vs', 'ip_vs_rr', 'dummy']);
    const work: readonly (readonly [readonly string[], () => Promise<void>])[] = [
      [['swarm', 'ipvsadm'], () => published(cases)],
      [['overlay'], async () => overlay('overlay', await startMesh(2, lan), { subnet })],
      [
        ['sealed'],
        async () => overlay('sealed', await startMesh(2, lan), { subnet, sealed: true }),
      ],
      [['longrun'], longrun],
    ];
    for (const [names, start] of work) {
      if (!names.some((name) => cases.includes(name))) continue;
      await makeEthernet();
      try {
        await start();
      } finally {
        await removeAll();
      }
    }
  },
};

const subnet = '10.65.0.0/24';
const lan = { profile: 'lan' } as const;

async function published(cases: readonly string[]): Promise<void> {
  const ours = await oursPaths();
  progress('ours answers');
  const peers: Record<string, readonly MeshPath[]> = {};
  if (cases.includes('ipvsadm')) peers['ipvsadm'] = await byHandPaths();
  if (cases.includes('swarm')) peers['swarm'] = await swarmPaths();
  await untilIdle();
  const all = [...ours, ...Object.values(peers).flat()];
  const values: Values = new Map();
  for (let round = 1; round <= rounds; round++) {
    for (const path of all) await measure(path, values);
    progress(`round ${round} of ${rounds}`);
  }
  for (const [name, paths] of Object.entries(peers)) report(name, ours, paths, values);
}

/** Name and unit of what is measured on a path. */
const figures = {
  'new connections': '1/s',
  'requests, keep-alive': '1/s',
  'latency p50': 'us',
  'latency p99': 'us',
  TCP: 'Mbit/s',
  'UDP, 64 bytes': '1/s',
} as const satisfies Record<string, Figure['unit']>;

async function measure(path: MeshPath, values: Values): Promise<void> {
  const { name, task, address } = path;
  const url = `http://${address}:${path.http}/`;
  const duration = `-d${seconds}s`;
  const target = { from: client, address, port: path.iperf };
  const one = await wrk(url, [duration, '-c1', '--latency']);
  const found: Record<keyof typeof figures, number> = {
    'new connections': (await wrk(url, [duration, ...newConnections])).rate,
    'requests, keep-alive': (await wrk(url, [duration])).rate,
    'latency p50': one.p50,
    'latency p99': one.p99,
    TCP: await tcpRate(target, seconds),
    'UDP, 64 bytes': await udpRate(target, seconds),
  };
  for (const [figure, value] of Object.entries(found)) {
    const key = keyOf(figure, path);
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  progress(`${name}, ${task}: ${JSON.stringify(found)}`);
}

function report(
  name: string,
  ours: readonly MeshPath[],
  peers: readonly MeshPath[],
  values: Values,
): void {
  for (const place of places) {
    const own = ours.find(({ task }) => task === place)!;
    const peer = peers.find(({ task }) => task === place);
    if (peer === undefined) continue;
    for (const [figure, unit] of Object.entries(figures)) {
      emit({
        bench: 'mesh',
        case: name,
        figure: `${figure}, ${place} task`,
        value: median(values.get(keyOf(figure, own))!),
        unit,
        peer: peer.name,
        peerValue: median(values.get(keyOf(figure, peer))!),
        goal: { ratio: name === 'ipvsadm' ? 0.95 : 1 },
        rounds,
      });
    }
  }
}

function keyOf(figure: string, { name, task }: MeshPath): string {
  return `${figure} ${name} ${task}`;
}
