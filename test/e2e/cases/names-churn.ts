import { setTimeout as sleep } from 'node:timers/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServiceState } from '../../../src/api/index.js';
import { Random } from '../churn/random.js';
import { askers, askingTasks, World, type AskingTask } from '../names/acts.js';
import { Presence } from '../names/presence.js';
import { lastTold, noAnswer, wrongs, type Told } from '../names/told.js';
import { until, type Background } from '../support/command.js';
import type { Case, Scene } from '../support/scene.js';
import { balancers } from '../support/topology.js';
import { againCommand, churnSeconds, churnSeed, limitMs } from './churn.js';
import { answer, startMesh, type Nodes } from './mesh-nodes.js';
import { fileOf } from './mesh-tasks.js';

const declared = [
  'services:',
  '  - {name: web, network: front, scheduler: rr}',
  '  - {name: bare, network: front, endpointMode: dnsrr}',
  '',
].join('\n');
const asked = ['web', 'web.front.mesh.internal', 'tasks.web', 'bare'];
/** From one question to the next of an asker: some 250 a second. Unit: ms. */
const pauseMs = 4;
/** What is told of a wrong answer is enough to find it by. */
const linesMax = 8;
/** Unless told, long enough for a daemon to die and a node to be cut off. Unit: s. */
const seconds = process.env['MESHD_E2E_CHURN'] === undefined ? 20 : churnSeconds;

export const namesChurn: Case = {
  name: 'names-churn',
  about: 'while tasks come and go, daemons die and nodes are cut off, names go on being answered',
  async run(scene) {
    const { report } = scene;
    const more = 'reconcile: { repairInterval: 1s }\ndns: {upstreams: []}';
    const nodes = await startMesh(scene, { services: false, profile: 'fast', more });
    const world = new World(scene, nodes, new Presence(limitMs));
    const own = await begin(world);
    const failedBefore = report.failed;
    const running = new Map(askingTasks.map((task) => [task, startAsker(scene, task)] as const));
    for (const [task, asker] of running) {
      await until(`${task} asks`, 10_000, () => asker.lines.includes('asks'));
    }
    const end = performance.now() + seconds * 1_000;
    const lanes = await Promise.allSettled([
      ...balancers.map((node, i) => world.changeGuests(node, new Random(churnSeed * 8 + i), end)),
      world.trouble(new Random(churnSeed * 8 + 7), end),
    ]);
    const failures = lanes.flatMap((lane) =>
      lane.status === 'rejected' ? [String(lane.reason)] : [],
    );
    const acts = [...world.counts].map(([what, count]) => `${count} ${what}`).join(', ');
    report.claim(failures.length === 0, 'all that was asked of the daemons was done', acts);
    for (const failure of failures) report.note(failure);
    await sleep(limitMs);
    const vips = (await answer<ServiceState>(nodes.lb, 'service', 'inspect', 'web')).vips;
    for (const [task, asker] of running) await judge(world, task, asker, own.get(task)!, vips);
    if (report.failed > failedBefore) report.note(againCommand('names-churn', seconds));
  },
};

/** The network, the services, and the tasks that ask. */
async function begin(world: World): Promise<Map<AskingTask, readonly string[]>> {
  const { scene, nodes } = world;
  const subnets = ['--subnet', '10.64.0.0/24', 'fd00:64::/112'];
  await answer(nodes.lb, 'network', 'create', 'front', ...subnets);
  await answer(nodes.lb, 'service', 'apply', '--wait', '-f', await fileOf(nodes.lb, declared));
  const own = new Map<AskingTask, readonly string[]>();
  for (const task of askingTasks) {
    await known(nodes, askers[task]);
    await scene.topology.addTask(task);
    own.set(task, await world.attach(task, askers[task]));
  }
  return own;
}

async function known(nodes: Nodes, node: (typeof askers)[AskingTask]): Promise<void> {
  await until(`${node} knows the network and its services`, 20_000, async () => {
    const networks = await answer<{ name: string }[]>(nodes[node], 'network', 'ls');
    const { stdout } = await nodes[node].ctl('service', 'ls');
    return networks.some(({ name }) => name === 'front') && /\bbare\b/.test(stdout);
  });
}

function startAsker({ topology }: Scene, task: AskingTask): Background {
  const program = join(dirname(fileURLToPath(import.meta.url)), 'asker.js');
  return topology.start(task, [process.execPath, program, String(pauseMs), ...asked]);
}

async function judge(
  world: World,
  task: AskingTask,
  asker: Background,
  own: readonly string[],
  vips: readonly string[],
): Promise<void> {
  const { presence, scene } = world;
  const { report } = scene;
  await asker.end();
  const told = JSON.parse(asker.lines.at(-1)!) as Told[];
  const node = askers[task];
  const isDown = (fromMs: number, untilMs: number): boolean => world.isDown(node, fromMs, untilMs);
  const wrong = wrongs(told, { vips, own, presence, isDown });
  const countOf = (some: readonly Told[]): number =>
    some.reduce((sum, { count }) => sum + count, 0);
  const unanswered = told.filter(({ code }) => code === noAnswer).length;
  const figures = [
    `${countOf(told)} questions`,
    `${told.length - unanswered} times another answer than before`,
    `${unanswered} unanswered`,
  ].join(', ');
  report.claim(
    wrong.length === 0,
    `${task} on ${node}: names are there, VIPs stay, who left is told for ${limitMs / 1_000} s at most`,
    [figures, ...wrong.slice(0, linesMax)].join('\n#   '),
  );
  const last = lastTold(told);
  const late = [0, 1].flatMap((family) =>
    ['tasks.web', 'bare'].flatMap((name) => {
      const isOfFamily = (address: string): boolean => address.includes(':') === (family === 1);
      const wanted = presence.now(name.replace('tasks.', '')).filter(isOfFamily).join();
      const question = `${name} ${family === 0 ? 'A' : 'AAAA'}`;
      const found = last.get(question)?.addresses.join() ?? 'nothing';
      return found === wanted ? [] : [`${question}: [${found}], not [${wanted}]`];
    }),
  );
  report.claim(late.length === 0, `${task}: at the end who is there is told`, late.join('; '));
}
