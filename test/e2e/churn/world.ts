import type { NetworkInfo, ServiceState } from '../../../src/api/index.js';
import { answer, type Nodes } from '../cases/mesh-nodes.js';
import { fileOf } from '../cases/mesh-tasks.js';
import { until } from '../support/command.js';
import { tcpPort, type Scene } from '../support/scene.js';
import { balancers, type Balancer, type Task } from '../support/topology.js';

export const networks = ['front', 'back'] as const;
export type NetworkName = (typeof networks)[number];

/** By service: its network, and the port that every node answers, if any. */
export const services = {
  web: { network: 'front', port: 80 },
  hidden: { network: 'front', port: undefined },
  api: { network: 'back', port: 81 },
} as const;
export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as ServiceName[];

export function servicesOf(network: NetworkName): ServiceName[] {
  return serviceNames.filter((name) => services[name].network === network);
}

/** By task, its node. */
export const tasks: Readonly<Partial<Record<Task, Balancer>>> = Object.fromEntries(
  Array.from({ length: 9 }, (_, i) => [`t${i + 1}`, balancers[i % 3]!]),
);
export const taskNames = Object.keys(tasks) as Task[];

export function tasksOf(node: Balancer): Task[] {
  return taskNames.filter((task) => tasks[task] === node);
}

const text = [
  'services:',
  ...serviceNames.flatMap((name) => {
    const { network, port } = services[name];
    const publish = port === undefined ? [] : [`    publish: [${port}:${tcpPort}]`];
    return [`  - name: ${name}`, `    network: ${network}`, '    scheduler: rr', ...publish];
  }),
  '',
].join('\n');

/** What was asked for of three nodes and nine tasks. */
export class World {
  /** By task, by network it is on: services that it serves there. */
  readonly attached = new Map<Task, Map<NetworkName, readonly ServiceName[]>>(
    taskNames.map((task) => [task, new Map<NetworkName, readonly ServiceName[]>()]),
  );
  readonly vips = new Map<ServiceName, readonly string[]>();
  /** Who may answer for a service during this burst: whoever did at some time in it. */
  readonly allowed = new Map<ServiceName, Set<string>>();
  /** Tasks whose own rules were changed behind our back during this burst. */
  readonly vandalized = new Set<string>();

  constructor(
    readonly scene: Scene,
    readonly nodes: Nodes,
  ) {}

  async begin(): Promise<void> {
    const { nodes, scene } = this;
    await answer(
      nodes.lb,
      'network',
      'create',
      'front',
      '--subnet',
      '10.64.0.0/24',
      'fd00:64::/112',
    );
    await answer(nodes.lb, 'network', 'create', 'back', '--subnet', '10.65.0.0/24');
    await answer(nodes.lb, 'service', 'apply', '--wait', '-f', await fileOf(nodes.lb, text));
    for (const name of serviceNames) {
      const { vips } = await answer<ServiceState>(nodes.lb, 'service', 'inspect', name);
      this.vips.set(name, vips);
    }
    for (const task of taskNames) {
      await scene.topology.addTask(task);
      await scene.peers.serve(task);
    }
    for (const name of balancers) {
      await until(`${name} knows both networks`, 20_000, async () => {
        const known = (await this.networksOf(name)).map((one) => one.name);
        return networks.every((network) => known.includes(network));
      });
    }
  }

  networksOf(node: Balancer): Promise<NetworkInfo[]> {
    return answer<NetworkInfo[]>(this.nodes[node], 'network', 'ls');
  }

  /** Sorted. */
  membersOf(service: ServiceName): Task[] {
    const { network } = services[service];
    return taskNames.filter((task) => this.attached.get(task)?.get(network)?.includes(service));
  }

  startBurst(): void {
    this.vandalized.clear();
    for (const name of serviceNames) this.allowed.set(name, new Set(this.membersOf(name)));
  }

  /** From now on, or a moment ago. */
  set(task: Task, network: NetworkName, serves: readonly ServiceName[]): void {
    this.attached.get(task)!.set(network, serves);
    for (const name of serves) this.allowed.get(name)?.add(task);
  }

  /** What a node says of itself becomes what is asked for: nobody knows how far a killed one came. */
  async learn(node: Balancer): Promise<void> {
    const known = await this.networksOf(node);
    for (const task of tasksOf(node)) {
      for (const network of networks) {
        const endpoints = known.find(({ name }) => name === network)?.endpoints ?? [];
        const own = endpoints.find((one) => one.node === node && one.name === task);
        if (own === undefined) this.attached.get(task)!.delete(network);
        else this.set(task, network, Object.keys(own.services) as ServiceName[]);
      }
    }
  }
}
