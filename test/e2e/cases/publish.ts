import type { ServiceState } from '../../../src/api/index.js';
import { unchanged, until } from '../support/command.js';
import { troubles, type LoadOptions, type LoadResult } from '../support/peers.js';
import { tcpPort, udpPort, type Case, type Scene } from '../support/scene.js';
import {
  addressOf,
  balancers,
  firstBehind,
  type Balancer,
  type Host,
} from '../support/topology.js';
import { answer, startMesh, type Nodes } from './mesh-nodes.js';
import { attach, fileOf, serveOn, tasks, type Served } from './mesh-tasks.js';

/** By service, what it publishes; all have the same tasks. */
const published = {
  web: `{port: 80, targetPort: ${tcpPort}}`,
  only: `{port: 82, targetPort: ${tcpPort}, policy: local}`,
  near: `{port: 83, targetPort: ${tcpPort}, policy: prefer-local}`,
  own: `{port: 84, targetPort: ${tcpPort}, mode: host}`,
  hidden: `{port: 85, targetPort: ${tcpPort}, source: snat}`,
  // The port of web, of another protocol.
  talk: `{port: 80, targetPort: ${udpPort}, protocol: udp}`,
  guarded: `{port: 86, targetPort: ${tcpPort}, allowFrom: [198.51.100.0/24]}`,
  bound: `{port: 87, targetPort: ${tcpPort}, bind: ${addressOf('lb', 4)}}`,
  wired: `{port: 90, targetPort: ${tcpPort}, device: eth0}`,
  rear: `{port: 91, targetPort: ${tcpPort}, device: eth1}`,
  chosen: `auto:${tcpPort}`,
  // The servers listen on one of its ten thousand ports.
  wide: `{port: 8000, count: 10000}`,
} as const;
const services = Object.keys(published);

const text = [
  'services:',
  ...Object.entries(published).flatMap(([name, port]) => [
    `  - name: ${name}`,
    '    network: front',
    '    scheduler: rr',
    `    publish: [${port}]`,
  ]),
  '  - {name: nameless, network: front, endpointMode: dnsrr}',
  '',
].join('\n');

export const publish: Case = {
  name: 'publish',
  about: 'where ports are answered, for whom, and what goes on when tasks and nodes end',
  async run(scene) {
    const nodes = await startMesh(scene, { services: false, profile: 'fast' });
    await serveOn(scene, nodes, text, services);
    await until('both tasks answer', 30_000, async () => {
      const { servers, failed } = await call(scene, 'lb', 80);
      return failed === 0 && tasks.every((task) => task in servers);
    });
    await policies(scene);
    await asked(scene, nodes);
    await clients(scene);
    await internal(scene, nodes);
    await shapes(scene, nodes);
    await changed(scene, nodes);
    await repaired(scene);
    await drained(scene, nodes);
    await killed(scene, nodes);
  },
};

function call(
  { peers }: Scene,
  node: Balancer,
  port: number,
  options: LoadOptions = {},
  from: Host = 'client',
): Promise<LoadResult> {
  const few = { requests: 8, concurrency: 1, timeoutMs: 1_500 };
  return peers.load(from, addressOf(node, 4), port, { ...few, ...options });
}

async function policies(scene: Scene): Promise<void> {
  const both = tasks.join();
  const expected: readonly (readonly [string, number, Balancer, string])[] = [
    ['policy local', 82, 'lb', ''],
    ['policy local', 82, 'lb2', 't1'],
    ['policy local', 82, 'lb3', 't2'],
    ['policy prefer-local', 83, 'lb', both],
    ['policy prefer-local', 83, 'lb2', 't1'],
    ['mode host', 84, 'lb', ''],
    ['mode host', 84, 'lb3', 't2'],
  ];
  for (const [what, port, node, wanted] of expected) {
    const { servers } = await call(scene, node, port);
    const answered = Object.keys(servers).sort().join();
    scene.report.claim(
      answered === wanted,
      `${what}: ${node} leads to ${wanted === '' ? 'nobody' : wanted}`,
      answered,
    );
  }
}

/** As a load balancer in front of the nodes asks. */
async function asked(scene: Scene, nodes: Nodes): Promise<void> {
  const expected = { web: [200, 200, 200], only: [503, 200, 200], own: [503, 200, 200] };
  for (const [service, wanted] of Object.entries(expected)) {
    const statuses: number[] = [];
    for (const node of balancers) statuses.push(await nodes[node].health(service));
    scene.report.claim(
      statuses.join() === wanted.join(),
      `/healthz/${service}: ${wanted.join(', ')} on the three nodes`,
      statuses.join(),
    );
  }
}

async function clients(scene: Scene): Promise<void> {
  const { report, topology } = scene;
  const { stdout } = await topology.exec('lb', [
    'ip',
    '-br',
    '-4',
    'address',
    'show',
    'meshb-4096',
  ]);
  const hidden = await call(scene, 'lb', 85);
  const entry = /([0-9.]+)\/[0-9]+/.exec(stdout)?.[1] ?? '';
  report.claim(
    hidden.failed === 0 && Object.keys(hidden.seen).join() === entry,
    'source snat: tasks see the node that was called',
    Object.keys(hidden.seen).join(),
  );
  const [spoken, own] = [
    await call(scene, 'lb', 80, { protocol: 'udp' }),
    await call(scene, 'lb', 80, {}, 'lb'),
  ];
  report.claim(
    spoken.failed === 0 && own.failed === 0,
    'beside it UDP of the same port, another service, and calls of the node itself are answered',
    `${troubles(spoken)}; ${troubles(own)}`,
  );
  const stranger = await call(scene, 'lb', 86);
  const friend = await call(scene, 'lb', 86, { from: [firstBehind(4), 1] });
  report.claim(
    stranger.ok === 0 && friend.failed === 0,
    'allowFrom: others are not answered, those are',
    `${troubles(stranger)}; ${troubles(friend)}`,
  );
  const elsewhere = await call(scene, 'lb2', 87);
  const there = await call(scene, 'lb', 87);
  report.claim(
    elsewhere.ok === 0 && there.failed === 0,
    'bind: one address answers, others do not',
    `${troubles(elsewhere)}; ${troubles(there)}`,
  );
  const [wired, rear] = [await call(scene, 'lb', 90), await call(scene, 'lb', 91)];
  report.claim(
    wired.failed === 0 && rear.ok === 0,
    'device: who calls by that one is answered, others are not',
    `${troubles(wired)}; ${troubles(rear)}`,
  );
}

/** Who may not call the world may be called by it. */
async function internal(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, topology, peers } = scene;
  await topology.addTask('t4');
  await peers.serve('t4');
  await answer(nodes.lb2, 'network', 'create', 'inner', '--internal', '--subnet', '10.65.0.0/24');
  const port = `{port: 88, targetPort: ${tcpPort}}`;
  const vault = `services: [{name: vault, network: inner, publish: [${port}]}]\n`;
  await answer(nodes.lb2, 'service', 'apply', '-f', await fileOf(nodes.lb2, vault));
  const sandbox = ['--sandbox', topology.path('t4'), '--service', 'vault'];
  await answer(nodes.lb2, 'endpoint', 'attach', 'inner', 't4', ...sandbox);
  for (const node of ['lb2', 'lb3'] as const) {
    let called: LoadResult | undefined;
    await until('the port is answered', 30_000, async () => {
      called = await call(scene, node, 88);
      return called.failed === 0;
    }).catch(() => undefined);
    report.claim(
      called?.failed === 0,
      `a task on an internal network alone is called by ${node}`,
      called === undefined ? '' : troubles(called),
    );
  }
  const world = await call(scene, 'lb3', 80, {}, 't4');
  report.claim(world.ok === 0, 'and calls nobody outside', troubles(world));
}

async function shapes(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, topology } = scene;
  const wide = await call(scene, 'lb', tcpPort);
  const { stdout } = await topology.exec('lb', [
    'nft',
    'list',
    'map',
    'inet',
    'meshd-ingress',
    'ranges',
  ]);
  report.claim(
    wide.failed === 0 && stdout.includes('8000-17999'),
    'ten thousand ports are one element of one map',
    troubles(wide),
  );
  const chosen = await answer<ServiceState>(nodes.lb2, 'service', 'inspect', 'chosen');
  const port = chosen.spec.publish[0]!.port;
  const auto = await call(scene, 'lb3', port);
  report.claim(
    port >= 30_000 && port <= 32_767 && auto.failed === 0,
    'a port that is left to the mesh is the same on all nodes, and answers',
    `${port}: ${troubles(auto)}`,
  );
  const nameless = await answer<ServiceState>(nodes.lb2, 'service', 'inspect', 'nameless');
  report.claim(nameless.vips.length === 0, 'endpointMode dnsrr: no VIP');
  const { vips } = await answer<ServiceState>(nodes.lb3, 'service', 'inspect', 'web');
  report.claim(vips.length === 2, 'else one for each family of the network', vips.join(' '));
}

/** Ports come and go while others of the service are called. */
async function changed(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, peers } = scene;
  const load = peers.keepLoading('client', addressOf('lb', 4), 80, {
    concurrency: 4,
    pauseMs: 20,
    timeoutMs: 4_000,
  });
  const webWith = async (...more: readonly number[]): Promise<void> => {
    const ports = [published.web, ...more.map((port) => `{port: ${port}, targetPort: ${tcpPort}}`)];
    const web = `services: [{name: web, network: front, scheduler: rr, publish: [${ports.join()}]}]\n`;
    await answer(nodes.lb, 'service', 'apply', '--wait', '-f', await fileOf(nodes.lb, web));
  };
  await webWith(92, 93);
  const added = await call(scene, 'lb2', 92);
  await webWith(93);
  const [removed, left] = [await call(scene, 'lb2', 92), await call(scene, 'lb2', 93)];
  await webWith();
  const result = await load.stop();
  report.claim(
    added.failed === 0 && removed.ok === 0 && left.failed === 0 && result.failed === 0,
    'ports of a service come and go under load: those that stay lose no request',
    [result, added, removed, left].map(troubles).join('; '),
  );
}

async function repaired(scene: Scene): Promise<void> {
  const { report, topology } = scene;
  // What meshd-lb holds besides, where nftables balances, counts and remembers clients.
  const show = async (): Promise<string> => {
    const list = ['nft', '-n', '-s', 'list', 'table', 'inet', 'meshd-ingress'];
    const { stdout } = await topology.exec('lb', list, { mayFail: true });
    return stdout;
  };
  const before = await show();
  await topology.exec('lb', ['nft', 'flush', 'ruleset']);
  const started = performance.now();
  const isBack = async (): Promise<boolean> => {
    if ((await show()) !== before) return false;
    return (await call(scene, 'lb', 80, { requests: 2, timeoutMs: 500 })).failed === 0;
  };
  await until('the tables are back', 10_000, isBack).catch(() => undefined);
  const seconds = (performance.now() - started) / 1_000;
  report.claim(
    before !== '' && seconds < 5,
    'a flushed ruleset is back, and ports are answered',
    `${seconds.toFixed(1)} s`,
  );
}

async function drained(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, peers } = scene;
  const load = peers.keepLoading('client', addressOf('lb', 4), 80, {
    concurrency: 4,
    perConnection: 20,
    pauseMs: 20,
    timeoutMs: 4_000,
  });
  const drain = await nodes.lb2.ctl('endpoint', 'detach', 'front', 't1', '--drain', '20s');
  const result = await load.stop();
  report.claim(
    drain.status === 0 && !drain.stderr.includes('time is up') && result.failed === 0,
    'an endpoint drains under load: no request fails, and it is over when connections are',
    `${troubles(result)} ${drain.stderr.trim()}`,
  );
  const { servers } = await call(scene, 'lb', 80);
  report.claim(!('t1' in servers), 'nobody is sent there any more', Object.keys(servers).join());
  await attach(scene, nodes, 't1', services);
  await until('it is back', 20_000, async () => {
    return 't1' in (await call(scene, 'lb', 80)).servers;
  });
}

async function killed(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, peers, topology } = scene;
  const options = { concurrency: 2, pauseMs: 20, timeoutMs: 4_000 };
  const alone = peers.keepLoading('client', addressOf('lb', 4), 80, options);
  // What retires since the steps before would end while the daemon starts.
  await unchanged(() => nodes.lb2.metric('meshd_reconcile_ops_total'), 2_500);
  await nodes.lb2.end('SIGKILL');
  await nodes.lb2.start();
  const ops = await nodes.lb2.metric('meshd_reconcile_ops_total');
  const calm = await alone.stop();
  report.claim(
    calm.failed === 0 && ops === 0,
    'the daemon of a node is killed and started: no request fails, nothing is made anew',
    `${troubles(calm)}, ${ops} Ops`,
  );
  const impatient = { ...options, timeoutMs: 500 };
  const load = peers.keepLoading('client', addressOf('lb', 4), 80, impatient);
  const at = Date.now();
  const dead: Served = 't2';
  await nodes.lb3.end('SIGKILL');
  for (const device of ['eth0', 'eth1']) {
    await topology.exec('lb3', ['ip', 'link', 'set', device, 'down']);
  }
  await until('the others go on without it', 20_000, async () => {
    const { servers, failed } = await call(scene, 'lb', 80);
    return failed === 0 && !(dead in servers);
  });
  const { lastFailureAtMs } = await load.stop();
  const seconds = Math.max(0, (lastFailureAtMs - at) / 1_000);
  report.claim(seconds < 5, 'a node dies: new connections go elsewhere', `${seconds.toFixed(1)} s`);
}
