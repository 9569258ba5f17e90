import type { DoctorCheck, NodeState, PathState } from '../../../src/api/index.js';
import { until } from '../support/command.js';
import { tcpPort, type Case, type Scene } from '../support/scene.js';
import type { Meshd } from '../support/meshd.js';
import { balancers, type Balancer } from '../support/topology.js';
import { answer, startMesh, type Nodes } from './mesh-nodes.js';
import { fileOf } from './mesh-tasks.js';

/** Nothing serves it: that it is published brings all nodes on the network `ingress`. */
const text = [
  'services:',
  '  - name: web',
  '    network: front',
  `    publish: [{port: 80, targetPort: ${tcpPort}}]`,
  '',
].join('\n');

/** Some turns of probes, and what it takes to judge them. */
const noticedMs = 20_000;

export const paths: Case = {
  name: 'paths',
  about: 'doctor names the pair of nodes, the direction and the size of packets that get lost',
  async run(scene) {
    const nodes = await startMesh(scene, { services: false });
    await answer(nodes.lb, 'network', 'create', 'front', '--subnet', '10.64.0.0/24');
    await portTaken(scene, nodes);
    await well(scene, nodes, 'packets of all sizes get through between all pairs');
    await guarded(scene, nodes);
    await blocked(scene, nodes);
    await well(scene, nodes, 'that is over when the rule goes');
    await narrowed(scene, nodes);
    await well(scene, nodes, 'that is over too');
    await said(
      scene,
      nodes.lb,
      'paths',
      /^small packets and those of 1450 bytes to lb2, lb3, answers/,
    );
    await counted(scene, nodes);
  },
};

/** From the start, so that the network cannot be on this node. */
async function portTaken(scene: Scene, nodes: Nodes): Promise<void> {
  const listen = "require('dgram').createSocket('udp4').bind(4789, () => console.log('bound'))";
  const other = scene.topology.start('lb3', [process.execPath, '-e', listen]);
  await until('it has the port', 10_000, () => other.lines.includes('bound'));
  await answer(nodes.lb, 'service', 'apply', '-f', await fileOf(nodes.lb, text));
  await said(scene, nodes.lb3, 'networks', /^network ingress: another program has UDP 4789$/);
  await other.end('SIGTERM');
}

/** As ufw and firewalld have it: probes of others are let in as answers to those that went out. */
async function guarded(scene: Scene, nodes: Nodes): Promise<void> {
  const ruleset = `table inet guard {
    chain in { type filter hook input priority 0; policy drop;
      ct state established,related accept
      meta l4proto { icmp, icmpv6 } accept
      udp dport { 4789, 7946 } accept
      tcp dport 7946 accept
    }
  }`;
  await scene.topology.exec('lb2', ['nft', '-f', '-'], { input: ruleset });
  // Long enough for three lost turns to be seen as such.
  const { sent } = await pathTo(nodes.lb, 'lb2');
  await until('eight turns more', noticedMs, async () => {
    return (await pathTo(nodes.lb, 'lb2')).sent >= sent + 32;
  });
  await well(
    scene,
    nodes,
    'a firewall that lets in nothing but VXLAN, gossip and answers is no hindrance',
  );
  await scene.topology.exec('lb2', ['nft', 'delete', 'table', 'inet', 'guard']);
}

async function pathTo(node: Meshd, to: Balancer): Promise<PathState> {
  const states = await answer<NodeState[]>(node, 'node', 'ls');
  return states.find(({ name }) => name === to)!.path!;
}

async function blocked(scene: Scene, nodes: Nodes): Promise<void> {
  const nft = (ruleset: string): Promise<unknown> =>
    scene.topology.exec('lb2', ['nft', '-f', '-'], { input: ruleset });
  await nft(`table inet blocked {
    chain out { type filter hook output priority 0; policy accept; udp dport 4789 drop; }
  }`);
  await said(scene, nodes.lb2, 'paths', /^lb2 -> lb, lb3: no packet arrives there, though theirs/);
  await said(scene, nodes.lb2, 'paths', /kept back [0-9]+ packets of meshx-4096.* 4789 out$/);
  await said(scene, nodes.lb, 'paths', /^lb2 -> lb: no packet arrives here, though ours arrive/);
  const { status } = await nodes.lb3.ctl('doctor');
  scene.report.claim(status === 1, 'its exit status says so');
  await nft('delete table inet blocked');
}

/** Between the hosts, where neither of them sees it. */
async function narrowed(scene: Scene, nodes: Nodes): Promise<void> {
  const set = (mtu: number): Promise<void> =>
    scene.topology.ip('router', [`link set lb2s mtu ${mtu}`]);
  await set(1_300);
  const large = 'packets of 1450 bytes \\(1500 between the hosts\\) do not arrive, small ones do$';
  await said(scene, nodes.lb2, 'paths', new RegExp(`^lb2 <-> lb, lb3: ${large}`));
  await said(scene, nodes.lb3, 'paths', new RegExp(`^lb3 <-> lb2: ${large}`));
  await set(1_500);
}

async function counted({ report }: Scene, nodes: Nodes): Promise<void> {
  const lines = (await nodes.lb2.metrics()).split('\n');
  const lost = lines.filter((line) => line.startsWith('meshd_path_probes_lost_total{'));
  const none = lost.filter((line) => line.endsWith(' 0'));
  report.claim(lost.length === 2 && none.length === 0, 'metrics tell of both', lost.join(', '));
}

/** Waits until the cause or the fix of a check of doctor is this. */
async function said({ report }: Scene, node: Meshd, name: string, wanted: RegExp): Promise<void> {
  let text = '';
  const isSaid = async (): Promise<boolean> => {
    const { stdout } = await node.ctl('--json', 'doctor');
    const check = (JSON.parse(stdout) as DoctorCheck[]).find((one) => one.name === name);
    text = `${check?.cause ?? ''} -> ${check?.fix ?? ''}`;
    return check !== undefined && (wanted.test(check.cause) || wanted.test(check.fix));
  };
  const found = await until(name, noticedMs, isSaid).catch(() => false);
  report.claim(found, `doctor on ${node.balancer}, ${name}`, text);
}

async function well({ report }: Scene, nodes: Nodes, what: string): Promise<void> {
  const isWell = async (): Promise<boolean> => {
    const all = await Promise.all(balancers.map((name) => verdicts(nodes, name)));
    return all.every((found) => Object.values(found).join() === 'ok,ok');
  };
  const found = await until(what, noticedMs, isWell).catch(() => false);
  const all = await Promise.all(balancers.map((name) => verdicts(nodes, name)));
  report.claim(found, what, JSON.stringify(all));
}

/** By node, what this one says of the way there. */
async function verdicts(nodes: Nodes, from: Balancer): Promise<Record<string, string>> {
  const states = await answer<NodeState[]>(nodes[from], 'node', 'ls');
  return Object.fromEntries(
    states.filter(({ isSelf }) => !isSelf).map(({ name, path }) => [name, path?.verdict ?? '-']),
  );
}
