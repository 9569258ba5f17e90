import { readFile } from 'node:fs/promises';
import type { ServiceState } from '../../../src/api/index.js';
import { answer } from '../cases/mesh-nodes.js';
import { fileOf } from '../cases/mesh-tasks.js';
import { until } from '../support/command.js';
import { print } from '../support/report.js';
import { tcpPort } from '../support/scene.js';
import { addressOf, balancers, type Task } from '../support/topology.js';
import { answerPattern, apis, webs, type Api, type Story, type Web } from './story.js';

const picture = `
                       ┌── lb  192.0.2.1 fd00:2::1          api-1
client 192.0.2.10    ──┼── lb2 192.0.2.2 fd00:2::2   web-1
       fd00:2::10      └── lb3 192.0.2.3 fd00:2::3   web-2  api-2
       network front: web-1 web-2     network back: all four; web asks api`.slice(1);

const services = `services:
  - name: web
    network: front
    publish: [80:${tcpPort}]
    scheduler: rr
  - name: api
    network: back
    scheduler: rr
`;

export function hosts(story: Story): void {
  story.chapter('The hosts and tasks: network namespaces of this machine');
  story.report.note(picture);
}

export async function members(story: Story): Promise<void> {
  const { nodes, report } = story;
  story.chapter('Three meshd, one key, nothing else: a mesh');
  const file = await readFile(nodes.lb2.configPath, 'utf8');
  report.note(file.slice(file.indexOf('mesh:')));
  const list = await story.show('lb', 'node', 'ls');
  report.claim(
    balancers.every((name) => new RegExp(`^${name}\\*? .*alive`, 'm').test(list)),
    'the three know each other',
  );
}

export async function made(story: Story): Promise<void> {
  const { nodes } = story;
  story.chapter('Two networks, two services, four tasks');
  await answer(nodes.lb, ...['network', 'create', 'front', '--subnet', '10.64.0.0/24']);
  await answer(nodes.lb, ...['network', 'create', 'back', '--subnet', '10.65.0.0/24']);
  story.report.note(services);
  const file = await fileOf(nodes.lb, services);
  await answer(nodes.lb, 'service', 'apply', '--wait', '--timeout', '5m', '-f', file);
  const { vips } = await answer<ServiceState>(nodes.lb, 'service', 'inspect', 'api');
  for (const api of Object.keys(apis) as Api[]) {
    await begin(story, api, []);
    await attach(story, 'back', api, ['--service', 'api']);
  }
  for (const web of Object.keys(webs) as Web[]) {
    await begin(story, web, ['--ask', vips[0]!, String(tcpPort)]);
    await attach(story, 'back', web, []);
    await attach(story, 'front', web, ['--service', 'web']);
  }
  await story.show('lb3', 'network', 'ls');
  await story.show('lb3', 'service', 'ls');
}

async function begin({ scene }: Story, task: Task, options: readonly string[]): Promise<void> {
  await scene.topology.addTask(task);
  await scene.peers.serve(task, options);
}

export async function attach(
  { scene, nodes }: Story,
  network: string,
  task: Web | Api,
  options: readonly string[],
): Promise<void> {
  const node = { ...webs, ...apis }[task];
  const path = scene.topology.path(task);
  const words = ['endpoint', 'attach', network, task, '--sandbox', path, ...options];
  print(`  ${node}$ meshctl ${words.join(' ')}`);
  await answer(nodes[node], ...words);
}

export async function called(story: Story): Promise<void> {
  const { scene, report } = story;
  story.chapter('Every node answers port 80, wherever the tasks are');
  for (const node of balancers) await answersOfAll(story, node);
  for (const node of balancers) {
    for (const family of [4, 4, 6] as const) {
      const client = addressOf('client', family);
      const [, , seen, , webSeen] = answerPattern.exec(await story.curl(node, family)) ?? [];
      if (seen === client && webSeen?.startsWith('10.65.0.') === true) continue;
      report.claim(false, `${node} answers, IPv${family}`, `saw ${seen}, and api saw ${webSeen}`);
    }
  }
  report.claim(true, 'called and answered: NAME and the address it saw, then what api said to it');
  for (const node of balancers) {
    const result = await scene.peers.load('client', addressOf(node, 4), 80, { requests: 300 });
    const isSpread = [...Object.keys(webs), ...Object.keys(apis)].every((name) => {
      return (result.servers[name] ?? result.behind[name] ?? 0) > 0;
    });
    report.claim(
      result.failed === 0 && isSpread && result.otherSource === 0,
      `300 requests to ${node}: all tasks had a part, and web saw the client's own address`,
      [...Object.entries(result.servers), ...Object.entries(result.behind)]
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
    );
  }
}

/** Rows travel; what was attached last may be known here in a moment only. */
function answersOfAll({ scene }: Story, node: (typeof balancers)[number]): Promise<true> {
  return until(`all tasks answer by ${node}`, 30_000, async () => {
    const options = { requests: 12, concurrency: 1, timeoutMs: 2_000 };
    const result = await scene.peers.load('client', addressOf(node, 4), 80, options);
    const answering = Object.keys(result.servers).length + Object.keys(result.behind).length;
    return result.failed === 0 && answering === 4 ? true : undefined;
  });
}

export async function explained(story: Story): Promise<void> {
  story.chapter('Which way does a packet take?');
  const client = addressOf('client', 4);
  const text = await story.show('lb', 'explain', client, `${addressOf('lb', 4)}:80`);
  story.report.claim(
    Object.values(webs).every((node) => text.includes(`node ${node}`)) &&
      text.includes(`sees ${client}`),
    'explain names each node that it may go to, and what the task sees',
  );
}
