/** Tasks that come and go at random, on each node one change after the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EndpointInfo, NetworkInfo } from '../../../src/api/index.js';
import { limitMs } from '../cases/churn.js';
import { answer, type Nodes } from '../cases/mesh-nodes.js';
import type { Random } from '../churn/random.js';
import { until } from '../support/command.js';
import type { Scene } from '../support/scene.js';
import { balancers, type Balancer, type Task } from '../support/topology.js';
import type { Presence } from './presence.js';

export const services = ['web', 'bare'] as const;

/** By task that asks, its node: it serves all there is, and never leaves. */
export const askers = { t1: 'lb', t2: 'lb2', t3: 'lb3' } as const satisfies Record<
  string,
  Balancer
>;
export type AskingTask = keyof typeof askers;
export const askingTasks = Object.keys(askers) as AskingTask[];

/** Those that come and go, two on each node. */
const guests: readonly (readonly [Task, Balancer])[] = balancers.flatMap((node, i) => [
  [`t${i + 4}`, node] as const,
  [`t${i + 7}`, node] as const,
]);

export class World {
  /** By guest that is attached: its addresses. */
  private readonly attached = new Map<Task, readonly string[]>();
  /** By node whose daemon is not to be called now. */
  private readonly busy = new Map<Balancer, Promise<void>>();
  readonly counts = new Map<string, number>();
  /** By node, when its daemon was down. Unit: ms since the epoch. */
  readonly downs: { readonly node: Balancer; readonly fromMs: number; untilMs: number }[] = [];

  constructor(
    readonly scene: Scene,
    readonly nodes: Nodes,
    readonly presence: Presence,
  ) {}

  async attach(task: Task, node: Balancer): Promise<readonly string[]> {
    const { scene, nodes, presence } = this;
    const sandbox = ['--sandbox', scene.topology.path(task), '--service', ...services];
    // Told before the command says which address it is.
    const fromMs = Date.now();
    const argv = ['endpoint', 'attach', 'front', task, ...sandbox];
    const { addresses } = await answer<EndpointInfo>(nodes[node], ...argv);
    for (const service of services) presence.comes(service, addresses, fromMs);
    return addresses;
  }

  /** Until `endMs`, what happens to the guests of a node. */
  async changeGuests(node: Balancer, random: Random, endMs: number): Promise<void> {
    const own = guests.filter((guest) => guest[1] === node).map(([task]) => task);
    while (performance.now() < endMs) {
      await sleep(100 + random.below(700));
      const task = random.pick(own);
      await this.alone(node, () => this.change(task, node, random));
    }
  }

  /** Until `endMs`, daemons that die, and nodes that are cut off: one at a time, and first one each. */
  async trouble(random: Random, endMs: number): Promise<void> {
    for (let number = 0; performance.now() < endMs; number++) {
      await sleep(1_000 + random.below(2_000));
      const node = random.pick(balancers);
      const isKill = number < 2 ? number === 0 : random.oneIn(2);
      if (isKill) await this.alone(node, () => this.kill(node, random.below(2_500)));
      else await this.cut(node, 1_500 + random.below(3_500));
      // Until all has been heard of again.
      await sleep(4_000 + random.below(3_000));
    }
  }

  isDown(node: Balancer, fromMs: number, untilMs: number): boolean {
    return this.downs.some(
      (down) => down.node === node && down.fromMs <= fromMs && untilMs <= down.untilMs,
    );
  }

  private async change(task: Task, node: Balancer, random: Random): Promise<void> {
    if (!this.attached.has(task)) return this.arrive(task, node);
    const act = random.pick(['drain', 'detach', 'kill'] as const);
    if (act === 'drain') return this.drain(task, node, random.pick(services));
    if (act === 'detach') return this.depart(task, node, random.oneIn(2));
    return this.vanish(task);
  }

  private async arrive(task: Task, node: Balancer): Promise<void> {
    this.counted('attached');
    await until(`${node} has heard that ${task} is gone`, limitMs, async () => {
      const networks = await answer<NetworkInfo[]>(this.nodes[node], 'network', 'ls');
      const all = networks.flatMap(({ endpoints }) => endpoints);
      return !all.some((one) => one.name === task && one.node === node);
    });
    await this.scene.topology.addTask(task);
    this.attached.set(task, await this.attach(task, node));
  }

  /** No new connections, for a while. */
  private async drain(task: Task, node: Balancer, service: string): Promise<void> {
    this.counted('drained');
    const other = services.find((one) => one !== service)!;
    const addresses = this.attached.get(task)!;
    const set = (...weights: string[]): Promise<unknown> =>
      answer(this.nodes[node], 'endpoint', 'set', 'front', task, '--service', ...weights);
    await set(`${service}=0`, other);
    this.presence.leaves(service, addresses);
    await sleep(300);
    this.presence.comes(service, addresses);
    await set(service, other);
  }

  private async depart(task: Task, node: Balancer, slowly: boolean): Promise<void> {
    this.counted('detached');
    const drain = slowly ? ['--drain', '1s'] : [];
    await answer(this.nodes[node], 'endpoint', 'detach', 'front', task, ...drain);
    this.left(task);
  }

  private async vanish(task: Task): Promise<void> {
    this.counted('killed');
    await this.scene.topology.removeTask(task);
    this.left(task);
  }

  private left(task: Task): void {
    for (const service of services) this.presence.leaves(service, this.attached.get(task)!);
    this.attached.delete(task);
  }

  private async kill(node: Balancer, pauseMs: number): Promise<void> {
    this.counted('daemons killed');
    const down = { node, fromMs: Date.now() - 50, untilMs: Infinity };
    this.downs.push(down);
    await this.presence.during(async () => {
      await this.nodes[node].end('SIGKILL');
      await sleep(pauseMs);
      await this.nodes[node].start();
    });
    down.untilMs = Date.now();
  }

  private async cut(node: Balancer, forMs: number): Promise<void> {
    this.counted('nodes cut off');
    const { topology } = this.scene;
    await this.presence.during(async () => {
      await topology.partition(node, 'cut');
      await sleep(forMs);
      await topology.partition(node, 'healed');
    });
  }

  /** What calls the daemon of a node does so one after the other. */
  private alone(node: Balancer, run: () => Promise<void>): Promise<void> {
    const mine = (this.busy.get(node) ?? Promise.resolve()).then(run);
    this.busy.set(
      node,
      mine.catch(() => undefined),
    );
    return mine;
  }

  private counted(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
