import type { ServiceState } from '../../../src/api/index.js';
import { until } from '../support/command.js';
import { troubles, type LoadOptions, type LoadResult } from '../support/peers.js';
import { hasSctp, tcpPort, udpPort, type Case, type Scene } from '../support/scene.js';
import { addressOf, balancers, families, type Family, type Host } from '../support/topology.js';
import { answer, startMesh, type Nodes } from './mesh-nodes.js';
import { fileOf, serveOn, tasks } from './mesh-tasks.js';

const service = [
  'services:',
  '  - name: web',
  '    network: front',
  '    scheduler: rr',
  `    publish: ['80:${tcpPort}', '53:${udpPort}/udp', '81:${tcpPort}/sctp']`,
  '',
].join('\n');

export const ingress: Case = {
  name: 'ingress',
  about: 'every node answers published ports, and tasks see who called',
  async run(scene) {
    const nodes = await startMesh(scene, { services: false });
    await serveOn(scene, nodes, service, ['web']);
    await published(scene);
    await reserved(scene, nodes);
    await fromTasks(scene, nodes);
    await fromNodes(scene);
  },
};

interface Call {
  readonly what: string;
  readonly from: Host;
  readonly address: string;
  readonly port: number;
  readonly options?: LoadOptions;
  /** Addresses that tasks shall see, sorted; default: the client's own, whichever it is. */
  readonly seen?: string;
}

/** Both tasks answer, and see who calls. */
async function calls({ peers, report }: Scene, call: Call): Promise<void> {
  const { what, from, address, port, options = {}, seen } = call;
  const load = (requests: number): Promise<LoadResult> =>
    peers.load(from, address, port, { requests, concurrency: 1, timeoutMs: 2_000, ...options });
  const answered = await until(what, 20_000, async () => {
    const { servers, failed } = await load(4);
    return failed === 0 && tasks.every((name) => name in servers);
  }).catch(() => false);
  const result = await load(!answered ? 2 : 20);
  const isSeen =
    seen === undefined ? result.otherSource === 0 : Object.keys(result.seen).sort().join() === seen;
  const isSpread = tasks.every((name) => (result.servers[name] ?? 0) > 0);
  report.claim(
    result.failed === 0 && isSeen && isSpread,
    what,
    `${troubles(result)}; seen ${Object.keys(result.seen).join(' ')}`,
  );
}

const protocols = (
  [
    ['TCP', 80, {}],
    ['UDP', 53, { protocol: 'udp' }],
    ['SCTP', 81, { protocol: 'sctp' }],
  ] as const
).filter(([name]) => name !== 'SCTP' || hasSctp);

async function published(scene: Scene): Promise<void> {
  for (const balancer of balancers) {
    for (const family of families) {
      for (const [protocol, port, options] of protocols) {
        await calls(scene, {
          what: `${protocol} of a client by ${balancer}, IPv${family}: its own address is seen`,
          from: 'client',
          address: addressOf(balancer, family),
          port,
          options,
        });
      }
    }
  }
}

async function fromNodes(scene: Scene): Promise<void> {
  for (const balancer of ['lb', 'lb2'] as const) {
    for (const family of families) {
      const own = addressOf(balancer, family);
      const what = `from the node ${balancer} itself, IPv${family}`;
      await calls(scene, { what, from: balancer, address: own, port: 80, seen: own });
      const loopback = family === 4 ? '127.0.0.1' : '::1';
      const entry = await addressOn(scene, balancer, 'meshb-4096', family);
      for (const [protocol, port, options] of protocols.slice(0, 2)) {
        await calls(scene, {
          what: `${what}, by ${loopback}, ${protocol}`,
          from: balancer,
          address: loopback,
          port,
          options,
          seen: entry,
        });
      }
    }
  }
}

async function addressOn(
  { topology }: Scene,
  host: Host,
  device: string,
  family: Family,
): Promise<string> {
  const show = ['ip', '-br', `-${family}`, 'address', 'show', 'dev', device, 'scope', 'global'];
  const { stdout } = await topology.exec(host, show);
  return /(\S+)\/[0-9]+/.exec(stdout)?.[1] ?? 'none';
}

async function fromTasks(scene: Scene, nodes: Nodes): Promise<void> {
  const { vips } = await answer<ServiceState>(nodes.lb2, 'service', 'inspect', 'web');
  for (const task of tasks) {
    for (const vip of vips) {
      const family = vip.includes(':') ? 6 : 4;
      for (const [protocol, port, options] of [
        ['TCP', tcpPort, {}],
        ['UDP', udpPort, { protocol: 'udp' }],
      ] as const) {
        await calls(scene, {
          what: `${task} calls the VIP, IPv${family}, ${protocol}: itself and the other see its address`,
          from: task,
          address: vip,
          port,
          options,
          seen: await addressOn(scene, task, 'mesh-4097', family),
        });
      }
    }
  }
  // Tasks of the own node see the task itself, or their node when it is they who call; to others
  // the caller's node stands for it.
  const own = [
    await addressOn(scene, 't1', 'mesh-4096', 4),
    await addressOn(scene, 'lb2', 'meshb-4096', 4),
  ].sort();
  for (const [node, seen] of [
    ['lb', addressOf('lb2', 4, 'clients')],
    ['lb2', own.join()],
  ] as const) {
    const what = `t1, on lb2, calls a port of ${node}`;
    await calls(scene, { what, from: 't1', address: addressOf(node, 4), port: 80, seen });
  }
}

async function reserved({ report }: Scene, nodes: Nodes): Promise<void> {
  const path = await fileOf(nodes.lb3, service.replace('name: web', 'name: other'));
  const { status, stderr } = await nodes.lb3.ctl('service', 'apply', '-f', path);
  report.claim(
    status !== 0 && stderr.includes('published 80/tcp belongs to service web'),
    'a port that another service has, of whatever node, is refused',
    stderr.trim(),
  );
}
