import type { NodeState } from '../../../src/api/index.js';
import { until } from '../support/command.js';
import { tcpPort, type Case, type Scene } from '../support/scene.js';
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
    const nodes = await startMesh(scene, { services: false, profile: 'fast' });
    await answer(nodes.lb, 'network', 'create', 'front', '--subnet', '10.64.0.0/24');
    await answer(nodes.lb, 'service', 'apply', '-f', await fileOf(nodes.lb, text));
    await well(scene, nodes, 'packets of all sizes get through between all pairs');
  },
};

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
