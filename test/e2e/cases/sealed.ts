import type { EndpointInfo, NetworkInfo } from '../../../src/api/index.js';
import { sealAddress, sealedVxlanPort, vxlanPort } from '../../../src/overlay/index.js';
import { until } from '../support/command.js';
import { peerProgram, troubles } from '../support/peers.js';
import { tcpPort, type Case, type Scene } from '../support/scene.js';
import { insideOf, type Balancer } from '../support/topology.js';
import { forgery, send, sourceMac } from './forgery.js';
import { answer, settled, startMesh, type Nodes } from './mesh-nodes.js';

const tasks = { t1: 'lb', t2: 'lb2', t3: 'lb3' } as const;
type Name = keyof typeof tasks;
const names = Object.keys(tasks) as Name[];
type Endpoints = Readonly<Record<Name, EndpointInfo>>;

/** In every packet that tasks send here; in none that an eavesdropper sees. */
const secret = 'meshword';
const pattern = Buffer.from(secret).toString('hex');

export const sealed: Case = {
  name: 'sealed',
  about: 'what goes between the hosts of a sealed network nobody reads, forges or loses',
  needsIpvs: 'WireGuard, in fact, which a kernel that lacks the one may lack as well',
  async run(scene) {
    const nodes = await startMesh(scene, { services: false });
    const plain = await attached(scene, nodes, 'plain', []);
    const endpoints = await attached(scene, nodes, 'dark', ['--sealed']);
    await overheard(scene, plain, endpoints);
    await forged(scene, nodes, plain, endpoints);
    await injected(scene, endpoints);
    await restarted(scene, nodes, endpoints);
    await rotated(scene, nodes, endpoints);
    await left(scene, nodes);
  },
};

async function attached(
  { topology, report, peers }: Scene,
  nodes: Nodes,
  network: string,
  options: readonly string[],
): Promise<Endpoints> {
  const made = await answer<NetworkInfo>(nodes.lb, 'network', 'create', network, ...options);
  if (made.sealed) report.claim(made.mtu === 1_370, 'a seal leaves 1370 of 1500 bytes');
  const endpoints: Partial<Record<Name, EndpointInfo>> = {};
  for (const task of names) {
    if (!made.sealed) {
      await topology.addTask(task);
      await peers.serve(task);
    }
    const node = nodes[tasks[task]];
    await until(`${tasks[task]} knows the network`, 30_000, async () => {
      const known = await answer<NetworkInfo[]>(node, 'network', 'ls');
      return known.some(({ name }) => name === network);
    });
    const where = ['--sandbox', topology.path(task)];
    endpoints[task] = await answer(node, 'endpoint', 'attach', network, task, ...where);
  }
  return endpoints as Endpoints;
}

/** What `size` bytes of a ping from one task to another come to, before and behind its seal. */
async function overheard(
  { topology, report, peers }: Scene,
  plain: Endpoints,
  endpoints: Endpoints,
): Promise<void> {
  const overhear = async (to: Endpoints): Promise<{ packets: number; found: number }> => {
    for (const from of names) {
      for (const other of names.filter((name) => name !== from)) {
        await until(`${from} reaches ${other}`, 60_000, async () => {
          const ping = ['ping', '-n', '-c1', '-W1', to[other].addresses[0]!];
          return (await topology.exec(from, ping, { mayFail: true })).status === 0;
        });
      }
    }
    const ear = topology.start('router', [peerProgram, 'overhear', 'lbs', secret]);
    await until('somebody listens', 5_000, () => ear.lines.includes('ready'));
    const [full, address] = [to === plain ? 1_450 : 1_370, to.t2.addresses[0]!];
    const options = ['-M', 'do', '-s', String(full - 28), '-p', pattern];
    const ping = ['ping', '-n', '-c', '5', '-i', '0.2', '-W', '2', ...options, address];
    const { status } = await topology.exec('t1', ping, { mayFail: true });
    report.claim(status === 0, `packets of ${full} bytes cross`);
    const result = await peers.load('t1', address, tcpPort, { requests: 200 });
    report.claim(result.ok === 200, 'and TCP', troubles(result));
    await ear.end();
    return JSON.parse(ear.lines.at(-1)!) as { packets: number; found: number };
  };
  const open = await overhear(plain);
  report.claim(open.found >= 10, 'who listens in between reads a network that is not sealed');
  const closed = await overhear(endpoints);
  const figure = `${closed.found} of ${closed.packets} packets`;
  report.claim(closed.found === 0 && closed.packets > 200, 'and nothing of a sealed one', figure);
}

/** Frames of another member's host, which only forging can bring to a task. */
async function forged(
  { topology, report }: Scene,
  nodes: Nodes,
  plain: Endpoints,
  endpoints: Endpoints,
): Promise<void> {
  const networks = await answer<NetworkInfo[]>(nodes.lb, 'network', 'ls');
  const vni = (network: string): number => networks.find(({ name }) => name === network)!.vni;
  await watchForged(topology, vni('plain'), vni('dark'));
  const open = forgery(vni('plain'), plain.t2.mac);
  await send(topology, 'lb3', open, insideOf('lb2', 4), vxlanPort);
  const closed = forgery(vni('dark'), endpoints.t2.mac);
  for (const address of [insideOf('lb2', 4), insideOf('lb2', 6), sealAddress('lb2')]) {
    for (const port of [vxlanPort, sealedVxlanPort]) {
      await send(topology, 'lb3', closed, address, port);
    }
  }
  // As the one who may send there, from where it is not.
  await topology.ip('client', [`address add ${sealAddress('lb3')}/128 dev lo`]);
  await topology.ip('client', [
    `route add ${sealAddress('lb2')}/128 via ${insideOfClients('lb2')}`,
  ]);
  await send(topology, 'client', closed, sealAddress('lb2'), sealedVxlanPort, sealAddress('lb3'));
  await topology.ip('client', [`route delete ${sealAddress('lb2')}/128`]);
  await topology.ip('client', [`address delete ${sealAddress('lb3')}/128 dev lo`]);
  const came = async (device: string): Promise<number> => {
    const { stdout } = await topology.exec('t2', ['nft', 'list', 'chain', 'netdev', 't', device]);
    return Number(/packets (\d+)/.exec(stdout)![1]);
  };
  await until('a forged frame comes to the open network', 10_000, async () => {
    return (await came('open')) === 1;
  });
  report.claim(true, 'a member of the mesh can forge frames of a network that is not sealed');
  report.claim((await came('closed')) === 0, 'but not of a sealed one');
}

function insideOfClients(balancer: Balancer): string {
  return insideOf(balancer, 6).replace('fd00:10::', 'fd00:2::');
}

async function watchForged(
  topology: Scene['topology'],
  open: number,
  closed: number,
): Promise<void> {
  const lines = Object.entries({ open, closed }).flatMap(([name, vni]) => [
    `add chain netdev t ${name} { type filter hook ingress device "mesh-${vni}" priority 0; }`,
    `add rule netdev t ${name} ether saddr ${sourceMac} counter`,
  ]);
  const table = ['add table netdev t', ...lines, ''].join('\n');
  await topology.exec('t2', ['nft', '-f', '-'], { input: table });
}

/** A process on a host has the way into the seal, as far as addresses and routes go. */
async function injected({ topology, report }: Scene, endpoints: Endpoints): Promise<void> {
  const frame = forgery(0, endpoints.t2.mac);
  const errors = [];
  for (const port of [sealedVxlanPort, 9]) {
    errors.push(await send(topology, 'lb3', frame, sealAddress('lb2'), port));
  }
  report.claim(
    errors.every((error) => error === 'EPERM'),
    'no process of a host sends into a seal',
    errors.join(', '),
  );
}

/** kill -9, and again: the sessions are the kernel's, the keys on disk. */
async function restarted(
  { topology, report }: Scene,
  nodes: Nodes,
  { t2 }: Endpoints,
): Promise<void> {
  const ping = topology.start('t1', ['ping', '-n', '-i', '0.05', t2.addresses[0]!]);
  await nodes.lb2.end('SIGKILL');
  await nodes.lb2.start();
  await settled(nodes);
  await ping.end('SIGINT');
  report.claim(isWhole(ping.lines), 'a killed meshd loses no packet either', summaryOf(ping.lines));
}

async function rotated(
  { topology, report }: Scene,
  nodes: Nodes,
  { t2 }: Endpoints,
): Promise<void> {
  const address = t2.addresses[0]!;
  const devices = async (): Promise<string[]> => {
    const seen = await Promise.all(
      Object.values(tasks).map(async (host) => {
        const { stdout } = await topology.exec(host, ['ip', '-br', 'link']);
        return stdout.split('\n').filter((line) => line.startsWith('meshw-'));
      }),
    );
    return [...new Set(seen.flat().map((line) => line.split(' ')[0]!))].sort();
  };
  const before = await devices();
  const pings = (['t1', 't3'] as const).map((task) =>
    topology.start(task, ['ping', '-n', '-i', '0.02', address]),
  );
  for (const [i, host] of (['lb', 'lb3'] as const).entries()) {
    await answer(nodes[host], 'network', 'rotate-keys');
    await until('all have new keys alone', 180_000, async () => {
      return (await devices()).join() === `meshw-${i + 1}`;
    });
  }
  await Promise.all(pings.map((ping) => ping.end('SIGINT')));
  report.claim(
    before.join() === 'meshw-0' && pings.every(({ lines }) => isWhole(lines)),
    'all keys change twice while packets go on, and none is lost',
    pings.map(({ lines }) => summaryOf(lines)).join('; '),
  );
}

/** All were answered, save those that were on their way in the end. */
function isWhole(lines: readonly string[]): boolean {
  return highest(lines) > 20 && missing(lines).length === 0;
}

/** What of `ping` tells how it fared: its last words, and which packets nobody answered. */
function summaryOf(lines: readonly string[]): string {
  const words = lines.find((line) => line.includes('packet loss')) ?? lines.slice(-3).join(' ');
  const lost = missing(lines);
  return lost.length === 0 ? words : `${words}; without answer: ${lost.slice(0, 20).join(', ')}`;
}

/** Numbers of packets without an answer, before the last that had one. */
function missing(lines: readonly string[]): number[] {
  const answered = new Set(answeredBy(lines));
  const all = Array.from({ length: highest(lines) }, (_, i) => i + 1);
  return all.filter((number) => !answered.has(number));
}

function highest(lines: readonly string[]): number {
  return answeredBy(lines).reduce((most, number) => Math.max(most, number), 0);
}

function answeredBy(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const [, number] = /icmp_seq=(\d+) ttl/.exec(line) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
}

async function left({ topology, report }: Scene, nodes: Nodes): Promise<void> {
  for (const task of names) await answer(nodes[tasks[task]], 'endpoint', 'detach', 'dark', task);
  const found = async (host: Balancer): Promise<string> => {
    const links = await topology.exec(host, ['ip', '-br', 'link', 'show', 'type', 'wireguard']);
    const routes = await topology.exec(host, ['ip', '-6', 'route', 'show', 'type', 'blackhole']);
    const tables = await topology.exec(host, ['nft', 'list', 'tables']);
    return `${links.stdout}${routes.stdout}${/meshd-seal/.exec(tables.stdout)?.[0] ?? ''}`;
  };
  for (const host of Object.values(tasks)) {
    await until(`${host} has no seal left`, 30_000, async () => (await found(host)) === '');
  }
  report.claim(true, 'nothing of it is left when nobody is on the network any more');
}
