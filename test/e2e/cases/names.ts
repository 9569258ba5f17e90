import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EndpointInfo, NameAnswer, NameRecord, ServiceState } from '../../../src/api/index.js';
import { until } from '../support/command.js';
import { tcpPort, type Case, type Scene } from '../support/scene.js';
import { addressOf, type Task } from '../support/topology.js';
import { answer, startMesh, type Nodes } from './mesh-nodes.js';
import { attach, serveOn, tasks } from './mesh-tasks.js';
import { crowd, matrix } from './names-matrix.js';

const resolver = '127.0.0.11';
const declared = [
  'services:',
  `  - {name: web, network: front, scheduler: rr, publish: ['80:${tcpPort}']}`,
  '  - {name: bare, network: front, endpointMode: dnsrr}',
  '',
].join('\n');
const services = ['web', 'bare'];
/** Nobody is there: what is asked there is not answered. */
const upstream = `dns: {upstreams: ['${addressOf('client', 4)}:5300']}`;

export const names: Case = {
  name: 'names',
  about: 'tasks find services and each other by name, and only those on their networks',
  async run(scene) {
    const nodes = await startMesh(scene, { services: false, profile: 'fast', more: upstream });
    await serveOn(scene, nodes, declared, services);
    await answered(scene, nodes);
    await matrix(scene, resolver);
    await crowd(scene, nodes);
    await resolvers(scene, nodes);
    await ownServer(scene);
    await loopback(scene);
    await isolated(scene, nodes);
    await reborn(scene, nodes);
    await inquired(scene, nodes);
    await logged(scene, nodes);
    await resolverFile(scene, nodes);
    await followed(scene, nodes);
    await restarted(scene, nodes);
  },
};

/** What `dig` prints with +short, sorted; on other codes than NOERROR the code. */
async function dig(
  { topology }: Scene,
  task: Task,
  ...question: readonly string[]
): Promise<string> {
  const argv = ['dig', `@${resolver}`, '+time=2', '+tries=1', ...question];
  const { stdout } = await topology.exec(task, argv, { mayFail: true });
  const code = /status: ([A-Z]+)/.exec(stdout)?.[1] ?? 'no answer';
  const section = /;; ANSWER SECTION:\n([^;]*)/.exec(stdout)?.[1] ?? '';
  const found = section.trim().split('\n').filter(Boolean);
  const data = found.map((line) => line.split(/\s+/).slice(4).join(' ')).sort();
  return code === 'NOERROR' ? data.join(' ') : code;
}

async function answered(scene: Scene, nodes: Nodes): Promise<void> {
  const { report } = scene;
  const { vips } = await answer<ServiceState>(nodes.lb2, 'service', 'inspect', 'web');
  const { endpoints } = await network(nodes, 'front');
  const addresses = (family: 4 | 6): string =>
    endpoints
      .map((one) => one.addresses[family === 4 ? 0 : 1]!)
      .sort()
      .join(' ');
  const fullName = (task: string): string => `${task}.front.mesh.internal.`;
  const ports = tasks.map((task) => `0 1 ${tcpPort} ${fullName(task)}`).join(' ');
  const reversed = vips[0]!.split('.').reverse().join('.');
  const questions: readonly (readonly [string, readonly string[], string])[] = [
    ['a service: its VIP', ['web', 'A'], vips[0]!],
    ['in IPv6', ['web', 'AAAA'], vips[1]!],
    ['by TCP', ['+tcp', 'web', 'A'], vips[0]!],
    ['of its network, in any case', ['WEB.Front', 'A'], vips[0]!],
    ['in full, without EDNS', ['+noedns', 'web.front.mesh.internal', 'A'], vips[0]!],
    ['its tasks', ['tasks.web', 'A'], addresses(4)],
    ['a service without VIP: its tasks', ['bare', 'AAAA'], addresses(6)],
    ['where they listen', [`_${tcpPort}._tcp.web`, 'SRV'], ports],
    ['whose VIP it is', [`${reversed}.in-addr.arpa`, 'PTR'], 'web.front.mesh.internal.'],
    ['a name that has no such record', ['web', 'MX'], ''],
    ['a name of nobody', ['none.mesh.internal', 'A'], 'NXDOMAIN'],
  ];
  for (const [what, question, wanted] of questions) {
    for (const task of tasks) {
      const found = await until(what, 10_000, async () => {
        const told = await dig(scene, task, ...question);
        return told === wanted ? told : undefined;
      }).catch(() => dig(scene, task, ...question));
      if (task === 't1' || found !== wanted) {
        report.claim(found === wanted, `${task} asks for ${what}`, found || 'nothing');
      }
    }
  }
}

/** Programs do not ask with dig, and are not told whom to ask. */
async function resolvers(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, topology } = scene;
  const { vips } = await answer<ServiceState>(nodes.lb2, 'service', 'inspect', 'web');
  const { stdout: libc } = await topology.exec('t1', ['getent', 'ahostsv4', 'web']);
  report.claim(libc.startsWith(`${vips[0]!} `), "the C library's resolver", libc.split('\n')[0]);
  const script = "require('dns').resolve4('tasks.web', (e, a) => console.log(e ?? a.length))";
  const { stdout: node } = await topology.exec('t1', [process.execPath, '-e', script]);
  report.claim(node.trim() === '2', "Node's own resolver", node.trim());
  await musl(scene, vips);
}

/** The C library of Alpine, linked into a program of ours: it needs no file of the system. */
async function musl({ report, topology }: Scene, vips: readonly string[]): Promise<void> {
  const program = join(dirname(fileURLToPath(import.meta.url)), 'resolve');
  const isBuilt = await exists(program);
  report.claim(isBuilt, "a program with musl's resolver is built (musl-tools)");
  if (!isBuilt) return;
  for (const name of ['web', 'WEB.front', 'web.front.mesh.internal']) {
    const { stdout, stderr } = await topology.exec('t1', [program, name], { mayFail: true });
    const found = stdout.trim();
    report.claim(found === vips.join(' '), `musl finds ${name}`, found || stderr.trim());
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** It is for as long as names are answered. */
async function resolverFile({ report, topology }: Scene, nodes: Nodes): Promise<void> {
  const isThere = (task: Task): Promise<boolean> => exists(topology.filesOf(task));
  const before = await isThere('t3');
  await answer(nodes.lb, 'endpoint', 'detach', 'inner', 't3');
  const isLeft = await isThere('t3');
  report.claim(before && !isLeft, 'the resolver file goes with the last network');
  report.claim(await isThere('t2'), 'and leaves those of others alone');
}

/** Port 53 is the task's own. */
async function ownServer({ report, topology }: Scene): Promise<void> {
  const script = [
    "const udp = require('dgram').createSocket('udp4').bind(53, () =>",
    "require('net').createServer().listen(53, '0.0.0.0', () => {",
    "console.log('listens'); process.exit(); }));",
  ].join(' ');
  const { stdout } = await topology.exec('t1', [process.execPath, '-e', script], { mayFail: true });
  report.claim(stdout.trim() === 'listens', 'a task may be a name server itself', stdout.trim());
}

/** Tasks begin with it down. */
async function loopback(scene: Scene): Promise<void> {
  await scene.topology.ip('t1', ['link set lo down']);
  const found = await until('names are answered', 10_000, async () => {
    const told = await dig(scene, 't1', 'tasks.web', 'A');
    return isAddresses(told) ? told : undefined;
  }).catch(() => 'no answer');
  const what = 'the loopback device is set down: it comes up again';
  scene.report.claim(isAddresses(found), what, found);
}

function isAddresses(told: string): boolean {
  return /^[0-9. ]+$/.test(told);
}

async function isolated(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, topology } = scene;
  await answer(nodes.lb, 'network', 'create', 'inner', '--internal');
  await topology.addTask('t3');
  const sandbox = ['--sandbox', topology.path('t3')];
  await answer(nodes.lb, 'endpoint', 'attach', 'inner', 't3', ...sandbox);
  const told = await dig(scene, 't3', 'web.front.mesh.internal', 'A');
  report.claim(told === 'NXDOMAIN', 'who is not on a network does not see its names', told);
  const world = await dig(scene, 't3', 'example.org', 'A');
  report.claim(world === 'REFUSED', 'on internal networks nobody else is asked', world);
  const down = await dig(scene, 't1', 'example.org', 'A');
  report.claim(down === 'SERVFAIL', 'an upstream that is not there: SERVFAIL at once', down);
}

/** A task that dies and starts again, as container engines do it: nobody says a word of the first. */
async function reborn(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, topology } = scene;
  await topology.removeTask('t3');
  await topology.addTask('t3');
  const sandbox = ['--sandbox', topology.path('t3')];
  const attached = await answer<EndpointInfo>(
    nodes.lb,
    ...['endpoint', 'attach', 'inner', 't3', ...sandbox],
  );
  const told = await dig(scene, 't3', 't3.inner', 'A');
  const what = 'a namespace made anew under the same name is another task';
  report.claim(told === attached.addresses[0], what, told);
}

/** As the daemon says that it answers. */
async function inquired(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, topology } = scene;
  const differing: string[] = [];
  for (const [name, type] of [
    ['web', 'A'],
    ['tasks.web', 'AAAA'],
    [`_${tcpPort}._tcp.web.front`, 'SRV'],
    ['web', 'TXT'],
    ['none.mesh.internal', 'A'],
    ['example.org', 'A'],
  ] as const) {
    const sandbox = ['--sandbox', topology.path('t1')];
    const { stdout } = await nodes.lb2.ctl('--json', 'dns', 'query', name, type, ...sandbox);
    const [{ code, records }] = JSON.parse(stdout) as [NameAnswer];
    const data = records.map((one) => one.data).sort();
    const told = code === 'NOERROR' ? data.join(' ') : code;
    const heard = await dig(scene, 't1', name, type);
    if (told !== heard || told === '') differing.push(`${name} ${type}: ${told}, not ${heard}`);
  }
  report.claim(
    differing.length === 0,
    'meshctl dns query says what a task hears',
    differing.join('; '),
  );
  const zone = await answer<NameRecord[]>(nodes.lb2, 'dns', 'zone', '--network', 'front');
  const names = new Set(zone.map((one) => one.name));
  const wanted = ['web', 'tasks.bare', `_${tcpPort}._tcp.web`, ...tasks];
  const missing = wanted.filter((name) => !names.has(`${name}.front.mesh.internal.`));
  report.claim(missing.length === 0, 'meshctl dns zone has all names', missing.join());
}

async function logged(scene: Scene, nodes: Nodes): Promise<void> {
  const { report } = scene;
  const lines = (): number => nodes.lb2.log.filter((line) => line.includes('dns query')).length;
  const ask = async (state: 'on' | 'off'): Promise<number> => {
    await answer(nodes.lb2, 'dns', 'log', state);
    const before = lines();
    for (let i = 0; i < 3; i++) await dig(scene, 't1', 'web', 'A');
    const wanted = state === 'on' ? 3 : 1;
    await until('the log has them', 1_000, () => {
      return Promise.resolve(lines() - before >= wanted);
    }).catch(() => undefined);
    return lines() - before;
  };
  const found = [await ask('on'), await ask('off')].join();
  report.claim(found === '3,0', 'meshctl dns log on: each query is a line; off: none', found);
}

async function followed(scene: Scene, nodes: Nodes): Promise<void> {
  const { report } = scene;
  const counts = new Map<string, number>();
  const loop = { isOver: false };
  const asking = (async () => {
    while (!loop.isOver) {
      const told = await dig(scene, 't2', '+noedns', 'bare', 'A');
      const kind = isAddresses(told) ? `${told.split(' ').length} addresses` : told || 'nothing';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  })();
  const seen = async (addresses: number): Promise<void> => {
    const before = counts.get(`${addresses} addresses`) ?? 0;
    await until('the answer follows', 20_000, () =>
      Promise.resolve((counts.get(`${addresses} addresses`) ?? 0) > before),
    );
  };
  for (let round = 0; round < 3; round++) {
    await answer(nodes.lb2, 'endpoint', 'detach', 'front', 't1');
    await seen(1);
    await attach(scene, nodes, 't1', services);
    await seen(2);
  }
  loop.isOver = true;
  await asking;
  const kinds = [...counts.keys()].sort().join();
  report.claim(
    kinds === '1 addresses,2 addresses',
    'a task comes and goes: the name is always there, with who serves it',
    [...counts].map(([kind, count]) => `${kind}: ${count}`).join(', '),
  );
}

async function restarted(scene: Scene, nodes: Nodes): Promise<void> {
  const { report } = scene;
  await nodes.lb2.end('SIGKILL');
  await nodes.lb2.start();
  const told = await until('names are answered', 20_000, async () => {
    const found = await dig(scene, 't1', 'tasks.web', 'A');
    return found.split(' ').length === 2 ? found : undefined;
  }).catch(() => dig(scene, 't1', 'tasks.web', 'A'));
  report.claim(told.split(' ').length === 2, 'its daemon is killed and started', told);
  const asked = await nodes.lb2.metric('meshd_dns_queries_total');
  report.claim(asked > 0, 'queries are counted', String(asked));
  await nodes.lb3.end('SIGKILL');
  await scene.topology.exec('lb3', ['ip', 'link', 'set', 'eth0', 'down']);
  await scene.topology.exec('lb3', ['ip', 'link', 'set', 'eth1', 'down']);
  const left = await until('the dead one leaves', 20_000, async () => {
    const found = await dig(scene, 't1', 'tasks.web', 'A');
    return found !== '' && !found.includes(' ') ? found : undefined;
  }).catch(() => dig(scene, 't1', 'tasks.web', 'A'));
  report.claim(
    !left.includes(' ') && left !== '',
    'a node dies: its tasks leave the answers',
    left,
  );
  const service = await dig(scene, 't1', 'web', 'A');
  report.claim(/^[0-9.]+$/.test(service), 'services keep their names', service);
}

interface Network {
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly isEntry: boolean;
  }[];
}

function network(nodes: Nodes, name: string): Promise<Network> {
  return answer<Network>(nodes.lb2, 'network', 'inspect', name);
}
