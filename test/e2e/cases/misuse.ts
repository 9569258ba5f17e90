import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../support/command.js';
import { kernelState } from '../support/kernel-state.js';
import type { Case, Scene } from '../support/scene.js';
import { tcpPort } from '../support/scene.js';
import { addressOf, balancers } from '../support/topology.js';
import { startMesh, type Nodes } from './mesh-nodes.js';
import { serveOn } from './mesh-tasks.js';

const text = ['services:', `  - {name: web, network: front, publish: [80:${tcpPort}]}`, ''].join(
  '\n',
);

export const misuse: Case = {
  name: 'misuse',
  about: 'what cannot be is refused at once, with the reason, and changes nothing',
  async run(scene) {
    const nodes = await startMesh(scene, { services: false });
    await serveOn(scene, nodes, text, ['web']);
    await until('a task answers', 30_000, () => answers(scene));
    await refused(scene, nodes);
    await forged(scene);
  },
};

async function answers({ peers }: Scene): Promise<boolean> {
  const load = await peers.load('client', addressOf('lb', 4), 80, {
    ...{ requests: 4, concurrency: 1, timeoutMs: 1_000 },
  });
  return load.failed === 0;
}

/** By what is wrong: the words after `meshctl`, and what the answer names. */
async function refused(scene: Scene, nodes: Nodes): Promise<void> {
  const { report, topology } = scene;
  let wrongServices = 0;
  const attach = ['endpoint', 'attach', 'front'];
  const service = async (publish: string): Promise<string[]> => {
    const document = `services: [{name: other, network: front, publish: [${publish}]}]\n`;
    const path = join(nodes.lb.folder, `${wrongServices++}.yaml`);
    await writeFile(path, document);
    return ['service', 'apply', '-f', path];
  };
  const wrongs: readonly (readonly [string, readonly string[], string])[] = [
    ['a subnet that others have', create('10.64.0.0/16'), 'network front'],
    ['an address for a subnet', create('10.65.0.1'), '10.65.0.1'],
    ['a subnet too small', create('10.65.0.0/30'), 'expected 8-26, got 30'],
    ['a packet size below what IPv6 needs', [...create('fd00:65::/112'), '--mtu', '1279'], '1280'],
    ['more than the underlay carries', [...create('10.65.0.0/24'), '--mtu', '9000'], '1450'],
    ['a VNI that is taken', [...create('10.65.0.0/24'), '--vni', '4097'], 'VNI 4097'],
    ['a namespace that is not there', [...attach, 'x', '--sandbox', '/run/netns/none'], 'none'],
    ['a file that is no namespace', [...attach, 'x', '--sandbox', '/etc/hosts'], '/etc/hosts'],
    ['a namespace twice', [...attach, 'x', '--sandbox', topology.path('t2')], 'already'],
    ['a network that is not there', ['endpoint', 'attach', 'none', 'x', '--sandbox', '/x'], 'none'],
    ['a port that another service has', await service('80:9090'), 'web'],
    ['a port beyond the last one', await service('65535-65536'), '65535'],
    ['a policy that is none', await service('{port: 81, policy: near}'), 'prefer-local'],
  ];
  const state = async (): Promise<string> =>
    (await Promise.all(balancers.map((node) => kernelState(topology, node)))).join('\n');
  const before = await state();
  for (const [what, words, named] of wrongs) {
    const { status, stderr } = await (words[1] === 'attach' ? nodes.lb3 : nodes.lb).ctl(...words);
    report.claim(status !== 0 && stderr.includes(named), `${what}: refused`, stderr.trim());
  }
  report.claim((await state()) === before, 'no kernel was changed');
  report.claim(await answers(scene), 'calls go on');
}

function create(subnet: string): string[] {
  return ['network', 'create', 'wrong', '--subnet', subnet];
}

/** A frame for a task, in a VXLAN packet of somebody who is on no network. */
async function forged({ report, topology }: Scene): Promise<void> {
  const frames = async (): Promise<number> => {
    const argv = ['cat', '/sys/class/net/meshx-4097/statistics/rx_packets'];
    return Number((await topology.exec('lb2', argv)).stdout);
  };
  const before = await frames();
  // VNI 4097, then a frame for everybody.
  const packet = `0800000000100100${'ff'.repeat(6)}${'02'.repeat(6)}0800${'00'.repeat(46)}`;
  const script = [
    'import socket',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    `for _ in range(5): s.sendto(bytes.fromhex('${packet}'), ('${addressOf('lb2', 4)}', 4789))`,
  ].join('\n');
  await topology.exec('client', ['python3', '-c', script]);
  report.claim((await frames()) === before, 'a VXLAN packet of a stranger does not come in');
}
