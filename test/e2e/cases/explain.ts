import type { Explanation, NetworkInfo, ServiceState } from '../../../src/api/index.js';
import { unchanged, until } from '../support/command.js';
import type { Meshd } from '../support/meshd.js';
import type { LoadResult } from '../support/peers.js';
import { tcpPort, type Case, type Scene } from '../support/scene.js';
import { addressOf, type Host } from '../support/topology.js';
import { answer, startMesh, type Nodes } from './mesh-nodes.js';
import { nodeOf, serveOn, tasks } from './mesh-tasks.js';

/** Nobody takes what comes to this port of a task. */
const closedPort = 9;

const text = [
  'services:',
  '  - name: web',
  '    network: front',
  '    scheduler: rr',
  `    publish: ['80:${tcpPort}', '81:${closedPort}']`,
  '  - name: only',
  '    network: front',
  `    publish: [{port: 82, targetPort: ${tcpPort}, policy: local}]`,
  '',
].join('\n');

export const explain: Case = {
  name: 'explain',
  about: 'meshctl explain follows packets from node to node, the way that they go',
  async run(scene) {
    // Slow to tell who is dead: a node that was killed is asked, and does not answer.
    const nodes = await startMesh(scene, { services: false, profile: 'lan' });
    await serveOn(scene, nodes, text, ['web', 'only']);
    await until('both tasks answer', 30_000, async () => {
      const { servers, failed } = await call(scene, 'client', addressOf('lb', 4), 80);
      return failed === 0 && tasks.every((task) => task in servers);
    });
    await fromClients(scene, nodes);
    await refusals(scene, nodes);
    await fromTasks(scene, nodes);
    await internal(scene, nodes);
    await drift(scene, nodes);
    await silence(scene, nodes);
  },
};

function call({ peers }: Scene, from: Host, to: string, port: number): Promise<LoadResult> {
  return peers.load(from, to, port, { requests: 8, concurrency: 1, timeoutMs: 1_500 });
}

function ask(node: Meshd, from: string, to: string, port: number): Promise<Explanation> {
  const destination = to.includes(':') ? `[${to}]:${port}` : `${to}:${port}`;
  return answer<Explanation>(node, 'explain', from, destination);
}

/** When all nodes answered, which a slow machine may not do in time at once. */
async function explained(
  node: Meshd,
  from: string,
  to: string,
  port: number,
): Promise<Explanation> {
  let told: Explanation | undefined;
  await until('all nodes answer', 60_000, async () => {
    told = await ask(node, from, to, port);
    return told.steps.every(({ kind }) => kind !== 'silence');
  }).catch(() => undefined);
  return told!;
}

/** The tasks that it goes to, by name, each on its node. */
function tasksOf({ outcome }: Explanation): string {
  const named = outcome.text.matchAll(/(\S+) on node (\S+?)(?:,|$)/g);
  return Array.from(named, ([, task, node]) => `${task!} ${node!}`)
    .sort()
    .join();
}

const allTasks = tasks.map((task) => `${task} ${nodeOf[task]}`).join();

/** Where it goes, node by node: `lb lb2/t1`. */
function placesOf({ steps }: Explanation): string {
  const places = steps.map(({ node = '', task }) =>
    task === undefined ? node : `${node}/${task}`,
  );
  return places.filter((place, i) => place !== places[i - 1]).join(' ');
}

/** Every rule that it names is in a kernel. */
function isHeld({ steps }: Explanation): boolean {
  const states = steps.flatMap(({ kernel }) => (kernel === undefined ? [] : [kernel]));
  return states.length > 0 && states.every((state) => state === 'holds');
}

/** IPVS sums up every two seconds. */
const summedUpMs = 2_500;

async function fromClients(scene: Scene, nodes: Nodes): Promise<void> {
  const { report } = scene;
  const [client, entry] = [addressOf('client', 4), addressOf('lb', 4)];
  const connections = async (): Promise<number> =>
    connectionsOf(await explained(nodes.lb, client, entry, 80));
  const before = await unchanged(connections, summedUpMs);
  const told = await explained(nodes.lb, client, entry, 80);
  const { servers } = await call(scene, 'client', entry, 80);
  report.claim(
    tasksOf(told) === allTasks && Object.keys(servers).sort().join() === tasks.join(),
    'by a node without a task: the tasks that it names are those that answer',
    told.outcome.text,
  );
  report.claim(
    placesOf(told) === 'lb lb2/t1 lb3/t2 lb' && isHeld(told),
    'it goes through the entry and the sandboxes of the tasks, and back through the entry',
    placesOf(told),
  );
  const kinds = told.steps.filter(({ task }) => task === 't2').map(({ kind }) => kind);
  report.claim(
    kinds.join() === 'sandbox,entry,listener,answer',
    'in the sandbox of a task: the entry that it came in by, who listens, and the way back',
    kinds.join(),
  );
  const after = await unchanged(connections, summedUpMs);
  report.claim(
    after === before + 8,
    'its counters are those of the kernel',
    `${before}, then ${after}`,
  );
  const elsewhere = await explained(nodes.lb3, client, entry, 80);
  report.claim(
    placesOf(elsewhere) === placesOf(told) && tasksOf(elsewhere) === allTasks,
    'asked of another node, it is told by the node that was called',
    placesOf(elsewhere),
  );
  const six = await explained(nodes.lb, addressOf('client', 6), addressOf('lb', 6), 80);
  report.claim(tasksOf(six) === allTasks && isHeld(six), 'the same in IPv6', six.outcome.text);
}

function connectionsOf({ steps }: Explanation): number {
  return steps.find(({ kind }) => kind === 'service')?.counters?.connections ?? -1;
}

async function refusals(scene: Scene, nodes: Nodes): Promise<void> {
  const { report } = scene;
  const client = addressOf('client', 4);
  const closed = await explained(nodes.lb, client, addressOf('lb', 4), 81);
  const failing = await call(scene, 'client', addressOf('lb', 4), 81);
  report.claim(
    closed.outcome.verdict === 'refused' &&
      closed.outcome.text.includes(`no process of t1 takes ${closedPort}/tcp`) &&
      failing.ok === 0,
    'a port that nobody listens on: refused, and so it is',
    closed.outcome.text,
  );
  const local = await explained(nodes.lb, client, addressOf('lb', 4), 82);
  const refused = await call(scene, 'client', addressOf('lb', 4), 82);
  report.claim(
    local.outcome.verdict === 'refused' &&
      local.steps.at(-1)!.detail.includes('call node lb2 or lb3') &&
      refused.ok === 0,
    'policy local on a node without a task: refused, and by whom it is answered',
    local.steps.at(-1)!.detail,
  );
  const there = await explained(nodes.lb, client, addressOf('lb2', 4), 82);
  report.claim(tasksOf(there) === 't1 lb2', 'where there is one, it is that', tasksOf(there));
}

async function fromTasks(scene: Scene, nodes: Nodes): Promise<void> {
  const { report } = scene;
  const { vips } = await answer<ServiceState>(nodes.lb2, 'service', 'inspect', 'web');
  const front = await answer<NetworkInfo>(nodes.lb2, 'network', 'inspect', 'front');
  const { addresses } = front.endpoints.find(({ name }) => name === 't1')!;
  for (const [i, vip] of vips.entries()) {
    const told = await explained(nodes.lb2, addresses[i]!, vip, tcpPort);
    const { servers } = await call(scene, 't1', vip, tcpPort);
    report.claim(
      tasksOf(told) === allTasks &&
        placesOf(told) === 'lb2/t1 lb3/t2 lb2/t1' &&
        isHeld(told) &&
        Object.keys(servers).sort().join() === tasks.join(),
      `a task calls the VIP ${vip}: balanced in its own sandbox, to itself or the other`,
      placesOf(told),
    );
  }
  const asked = await explained(nodes.lb, addresses[0]!, vips[0]!, tcpPort);
  report.claim(
    placesOf(asked) === 'lb2/t1 lb3/t2 lb2/t1',
    'a node that is not on the network asks the one of the task',
    placesOf(asked),
  );
  for (const [node, places] of [
    ['lb2', 'lb2/t1 lb2 lb2/t1 lb3/t2 lb2'],
    ['lb', 'lb2/t1 lb2 lb lb2/t1 lb3/t2 lb lb2'],
  ] as const) {
    // By the node that is called, which is asked by the task's own in the end.
    const told = await explained(nodes[node], addresses[0]!, addressOf(node, 4), 80);
    const { servers, seen } = await call(scene, 't1', addressOf(node, 4), 80);
    const sources = told.steps.flatMap(({ kind, detail }) =>
      kind === 'answer' ? [...detail.matchAll(/ sees ([^ ;]+)/g)].map(([, source]) => source!) : [],
    );
    report.claim(
      tasksOf(told) === allTasks &&
        placesOf(told) === places &&
        Object.keys(servers).sort().join() === tasks.join() &&
        Object.keys(seen).every((source) => sources.includes(source)),
      `a task on lb2 calls a published port of ${node}: by its own node; who is seen is who it says`,
      `${placesOf(told)}; seen ${Object.keys(seen).join(' ')}, told ${sources.join(' ')}`,
    );
  }
  const world = await explained(nodes.lb2, addresses[0]!, addressOf('client', 4), 7);
  report.claim(
    world.outcome.verdict === 'passed' && world.outcome.text.includes(addressOf('lb2', 4)),
    'a task calls the world: as its node',
    world.outcome.text,
  );
}

async function internal({ topology, report }: Scene, nodes: Nodes): Promise<void> {
  await topology.addTask('t3');
  await answer(nodes.lb2, 'network', 'create', 'inner', '--internal', '--subnet', '10.65.0.0/24');
  const sandbox = ['--sandbox', topology.path('t3')];
  await answer(nodes.lb2, 'endpoint', 'attach', 'inner', 't3', ...sandbox);
  const told = await explained(nodes.lb2, 'inner/t3', addressOf('client', 4), 7);
  report.claim(
    told.outcome.text === 'there is no way out: every network of t3 is internal (inner)',
    'a task on internal networks alone, called by its name: there is no way out',
    told.outcome.text,
  );
}

/** A forwarding entry vanishes; the kernel does not announce that. */
async function drift(scene: Scene, nodes: Nodes): Promise<void> {
  const { topology, report } = scene;
  const [client, entry] = [addressOf('client', 4), addressOf('lb', 4)];
  const before = await explained(nodes.lb, client, entry, 80);
  const way = before.steps.find(({ kind, title }) => kind === 'way' && title.includes('t1'))!;
  const [, mac, device, vtep] = /fdb (\S+) dev (\S+) dst (\S+)/.exec(way.rule!)!;
  const fdb = [mac!, 'dev', device!, 'dst', vtep!];
  await topology.exec('lb', ['bridge', 'fdb', 'del', ...fdb]);
  const told = await explained(nodes.lb, client, entry, 80);
  const { servers } = await call(scene, 'client', entry, 80);
  await topology.exec('lb', ['bridge', 'fdb', 'add', ...fdb, 'self', 'permanent']);
  const lacking = told.steps.filter(({ kernel }) => kernel === 'lacks').map(({ rule }) => rule);
  report.claim(
    lacking.join() === way.rule && told.steps.at(-1)!.title === 'drift' && !('t1' in servers),
    'what the kernel lost since the last look is said, and nobody is reached by it',
    `${lacking.join()}; ${Object.keys(servers).join()} answered`,
  );
}

/** A node that was killed: the others tell what they know, in time. */
async function silence({ report }: Scene, nodes: Nodes): Promise<void> {
  const client = addressOf('client', 4);
  await nodes.lb3.end('SIGKILL');
  const started = performance.now();
  const told = await ask(nodes.lb, client, addressOf('lb', 4), 80);
  const seconds = (performance.now() - started) / 1_000;
  const silent = told.steps.filter(({ kind }) => kind === 'silence');
  report.claim(
    silent.length === 1 &&
      silent[0]!.title.includes('lb3') &&
      told.outcome.text.includes('t1 on node lb2') &&
      seconds < 5,
    'a task on a node that does not answer: a step says so, the rest is told',
    `${seconds.toFixed(1)} s; ${silent[0]?.detail ?? 'nothing'}`,
  );
  const entry = await ask(nodes.lb, client, addressOf('lb3', 4), 80);
  report.claim(
    entry.steps[0]!.kind === 'silence' && entry.outcome.text.includes('t1 on node lb2'),
    'an entry that does not answer: told from the view of the node that was asked',
    entry.steps[0]!.detail,
  );
}
