import {
  Catalog,
  FirstSightTrust,
  type CatalogChange,
  type CatalogEffect,
  type CatalogTunables,
} from '../../../src/catalog/index.js';
import { CheapProofs } from '../../support/cheap-proofs.js';
import { seededRandom } from '../../sim/random.js';
import { GossipQueue, Timeline, type LinkOptions } from './sim-network.js';

export interface SimOptions extends LinkOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly tunables?: Partial<CatalogTunables>;
  /** Networks that a node takes besides ''. */
  readonly interestOf?: (index: number) => readonly string[];
}

/** A machine; its catalog lives as long as its daemon. */
export class SimNode {
  catalog: Catalog | undefined;
  readonly gossip = new GossipQueue();
  readonly proofs: CheapProofs;
  /** What its host wants to be known, by network and key. */
  readonly wanted = new Map<string, { network: string; key: string; value: string }>();
  /** What a state file would hold. */
  savedEpoch = 0;
  /** Who this node believes to be up. */
  readonly up = new Set<string>();
  group = 0;
  /** Networks of the rows that its daemon wrote since it started. */
  readonly ownNetworks = new Set<string>();
  /** Its clock: ahead by this, and faster by this factor. */
  readonly clock: { readonly offsetMs: number; readonly rate: number };
  sentBytes = 0;
  sentMessages = 0;
  /** Its host programs the kernel, and says so. */
  appliesRows = true;

  constructor(
    readonly name: string,
    readonly interest: readonly string[],
    random: () => number,
  ) {
    this.proofs = new CheapProofs(name);
    this.clock = { offsetMs: random() * 1e12, rate: 0.98 + random() * 0.04 };
  }
}

const gossipFanout = 3;
const tickMs = 200;
const membershipMs = 500;

/** Nodes with a network between them, in virtual time. Membership is an oracle that is late. */
export class Sim {
  readonly time = new Timeline();
  readonly random: () => number;
  readonly nodes: SimNode[];
  readonly links: LinkOptions;
  onChange: (node: SimNode, change: CatalogChange) => void = () => undefined;
  /** Sees every payload; returns false to let it vanish. */
  onSend: (from: SimNode, to: SimNode, payload: Uint8Array) => boolean = () => true;
  private readonly byName: Map<string, SimNode>;

  constructor(readonly options: SimOptions) {
    this.random = seededRandom(options.seed);
    this.links = options;
    this.nodes = Array.from({ length: options.nodes }, (_, index) => {
      return new SimNode(`node-${index}`, options.interestOf?.(index) ?? [], this.random);
    });
    this.byName = new Map(this.nodes.map((node) => [node.name, node]));
    for (const node of this.nodes) {
      this.time.every(
        () => tickMs * (0.9 + 0.2 * this.random()),
        () => this.tick(node),
      );
      this.time.every(
        () => tickMs,
        () => this.gossip(node),
      );
    }
    this.time.every(
      () => membershipMs,
      () => this.watchMembers(0.5),
    );
  }

  now(node: SimNode): number {
    return node.clock.offsetMs + this.time.nowMs * node.clock.rate;
  }

  node(name: string): SimNode {
    return this.byName.get(name)!;
  }

  /** Starts a daemon; its host puts all that it wants known. */
  start(node: SimNode, keepsState: boolean): void {
    node.catalog = new Catalog({
      name: node.name,
      proofs: node.proofs,
      trust: new FirstSightTrust(),
      random: this.random,
      now: this.now(node),
      lastEpoch: keepsState ? node.savedEpoch : 0,
      interest: node.interest,
      ...(this.options.tunables === undefined ? {} : { tunables: this.options.tunables }),
    });
    node.up.clear();
    node.ownNetworks.clear();
    for (const { network, key, value } of node.wanted.values())
      this.write(node, key, value, network);
  }

  stop(node: SimNode): void {
    node.catalog = undefined;
  }

  write(node: SimNode, key: string, value: string, network = ''): void {
    node.wanted.set(`${network}\0${key}`, { network, key, value });
    if (node.catalog === undefined) return;
    node.ownNetworks.add(network);
    node.catalog.put(key, Buffer.from(value), network);
  }

  erase(node: SimNode, key: string, network = ''): void {
    node.wanted.delete(`${network}\0${key}`);
    node.catalog?.delete(key, this.now(node), network);
  }

  reaches(a: SimNode, b: SimNode): boolean {
    return a.catalog !== undefined && b.catalog !== undefined && a.group === b.group;
  }

  /** Lets every node hear of who is there, each with this likelihood. */
  watchMembers(likelihood: number): void {
    for (const a of this.nodes) {
      for (const b of this.nodes) {
        if (a === b || a.catalog === undefined || this.random() > likelihood) continue;
        const isUp = this.reaches(a, b);
        if (isUp === a.up.has(b.name)) continue;
        if (isUp) this.meet(a, b);
        else {
          a.up.delete(b.name);
          a.catalog.memberChanged(b.name, 'failed', this.now(a));
        }
      }
    }
  }

  deliver(from: SimNode, to: SimNode, payload: Uint8Array): void {
    from.sentBytes += payload.length;
    from.sentMessages++;
    if (!this.onSend(from, to, payload)) return;
    const delayMs = 1 + this.random() * this.links.delayMaxMs;
    this.time.after(delayMs, () => {
      if (!this.reaches(from, to)) return;
      to.catalog!.receive(payload, undefined, this.now(to));
      this.act(to);
    });
  }

  act(node: SimNode): void {
    for (const effect of node.catalog?.ready() ?? []) this.perform(node, effect);
  }

  private meet(a: SimNode, b: SimNode): void {
    const isFirst = a.up.size === 0;
    a.up.add(b.name);
    a.catalog!.memberChanged(b.name, 'up', this.now(a));
    if (!isFirst) return;
    // A push-pull: both know each other before they compare.
    b.up.add(a.name);
    b.catalog!.memberChanged(a.name, 'up', this.now(b));
    this.deliver(a, b, a.catalog!.pushPullState());
    this.deliver(b, a, b.catalog!.pushPullState());
  }

  private tick(node: SimNode): void {
    node.catalog?.tick(this.now(node));
    this.act(node);
  }

  private perform(node: SimNode, effect: CatalogEffect): void {
    switch (effect.kind) {
      case 'broadcast':
        node.gossip.put(effect.name, effect.payload);
        break;
      case 'send': {
        const to = this.byName.get(effect.to)!;
        if (effect.reliable) this.deliver(node, to, effect.payload);
        else this.datagram(node, to, effect.payload);
        break;
      }
      case 'changes':
        for (const change of effect.changes) this.onChange(node, change);
        if (!node.appliesRows) break;
        for (const mark of effect.complete) node.catalog!.applied(mark, this.now(node));
        break;
      case 'epoch':
        node.savedEpoch = effect.epoch;
        break;
    }
  }

  private gossip(node: SimNode): void {
    if (node.catalog === undefined || node.gossip.size === 0) return;
    const transmits = 4 * Math.ceil(Math.log10(this.nodes.length + 1));
    const peers = [...node.up];
    for (let index = 0; index < gossipFanout && peers.length > 0; index++) {
      const [name] = peers.splice(Math.floor(this.random() * peers.length), 1);
      const to = this.byName.get(name!)!;
      for (const payload of node.gossip.fill(transmits)) this.datagram(node, to, payload);
    }
  }

  private datagram(from: SimNode, to: SimNode, payload: Uint8Array): void {
    if (this.random() < this.links.loss) {
      from.sentBytes += payload.length;
      from.sentMessages++;
      return;
    }
    this.deliver(from, to, payload);
    if (this.random() < this.links.duplication) this.deliver(from, to, payload);
  }
}

/** What a node shows, a line per row. */
export function shown(catalog: Catalog): string[] {
  return [...catalog.view()]
    .filter(({ inService }) => inService)
    .map(
      ({ row }) => `${row.owner} ${row.network} ${row.key}=${Buffer.from(row.value!).toString()}`,
    )
    .sort();
}

/** What a node should show: what the live ones want known in the networks that it takes. */
export function expected(sim: Sim, node: SimNode): string[] {
  const networks = new Set(['', ...node.interest, ...node.ownNetworks]);
  return sim.nodes
    .filter((owner) => owner === node || sim.reaches(node, owner))
    .flatMap((owner) =>
      [...owner.wanted.values()]
        .filter(({ network }) => owner === node || networks.has(network))
        .map(({ network, key, value }) => `${owner.name} ${network} ${key}=${value}`),
    )
    .sort();
}
