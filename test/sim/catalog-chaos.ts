import { catalogTunables, type CatalogChange } from '../../src/catalog/index.js';
import { profiles } from '../../src/gossip/index.js';
import { fair, Network } from './network.js';
import { between, oneOf, seededRandom, wholeBetween } from './random.js';
import { shouldShow, SimNode } from './sim-node.js';

const chaosMs = 40_000;
/** After a long partition each side looks for the other now and then only. */
const calmMaxMs = 240_000;
/** What is right must stay right for so long. */
const stayMs = 5_000;
const keys = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Short times, so that a run meets the ends of tombstones and epochs. */
const tunables = {
  tombstoneMinMs: 2_000,
  tombstoneMaxMs: 20_000,
  compactIntervalMs: 1_000,
  epochGraceMs: 5_000,
  newsRows: 4,
  chunkBytes: 2_000,
  wantsMax: 64,
};

/** What a node showed last of a row. */
interface Shown {
  readonly epoch: number;
  readonly version: number;
  readonly gone: boolean;
}

/** Members and catalogs under seeded disasters, then calm; what must hold and does not is told. */
export class CatalogChaos {
  readonly problems: string[] = [];
  private readonly random: () => number;
  private readonly network: Network;
  private readonly nodes: SimNode[];
  private readonly seen = new Map<SimNode, Map<string, Shown>>();
  /** Every value that an owner ever gave to a row. */
  private readonly written = new Set<string>();
  private values = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.network = new Network(seededRandom(seed + 1_000_000));
    const profile = profiles[oneOf(this.random, ['lan', 'local', 'fast'] as const)];
    const options = {
      choices: { profile },
      tunables,
      onChanges: (node: SimNode, changes: readonly CatalogChange[]) =>
        changes.forEach((change) => this.watch(node, change)),
    };
    this.nodes = Array.from(
      { length: wholeBetween(this.random, 3, 7) },
      (_, index) => new SimNode(`node-${index}`, index, this.network, options),
    );
  }

  /** Returns the problems. */
  run(): readonly string[] {
    const { network, random } = this;
    for (const node of this.nodes) this.start(node, true);
    network.weather = {
      loss: between(random, 0, 0.3),
      duplicate: between(random, 0, 0.2),
      delayMinMs: 0.2,
      delayMaxMs: oneOf(random, [2, 20, 150]),
    };
    while (network.nowMs < chaosMs) {
      network.runUntil(network.nowMs + between(random, 20, 500));
      this.disturb();
      this.look();
    }
    this.calm();
    return this.problems;
  }

  private start(node: SimNode, keepsState: boolean): void {
    this.seen.set(node, new Map());
    const others = this.nodes.filter((other) => other !== node);
    node.start({ keepsState, join: others.map(({ member }) => member.at) });
  }

  private disturb(): void {
    const { random } = this;
    const node = oneOf(random, this.nodes);
    const kind = random();
    if (kind < 0.5) this.write(node);
    else if (kind < 0.75) node.delete(oneOf(random, keys));
    else if (kind < 0.87) this.restart(node);
    else if (kind < 0.9) node.member.jumpClock(oneOf(random, [50, 700, 5_000, 60_000]));
    else if (kind < 0.95) this.part();
    else this.network.healAll();
  }

  private write(node: SimNode): void {
    const [key, value] = [oneOf(this.random, keys), `${++this.values}`];
    this.written.add(`${node.name} ${key}=${value}`);
    node.put(key, value);
  }

  /** Its configuration may be another one afterwards, and its state file lost. */
  private restart(node: SimNode): void {
    node.crash();
    for (const key of [...node.wanted.keys()]) if (this.random() < 0.3) node.wanted.delete(key);
    const keepsState = this.random() < 0.5;
    this.network.after(between(this.random, 0, 8_000), () => {
      if (node.catalog === undefined) this.start(node, keepsState);
    });
  }

  /** Cuts the cluster in two, or one way between two nodes. */
  private part(): void {
    const addresses = this.nodes.map(({ member }) => member.at.address);
    if (this.random() < 0.3) {
      this.network.cutOff(oneOf(this.random, addresses), oneOf(this.random, addresses));
      return;
    }
    const side = new Set(addresses.filter(() => this.random() < 0.5));
    for (const a of addresses) {
      for (const b of addresses) if (side.has(a) !== side.has(b)) this.network.cutOff(a, b);
    }
  }

  private calm(): void {
    const { network } = this;
    network.healAll();
    network.weather = fair;
    for (const node of this.nodes) if (node.catalog === undefined) this.start(node, true);
    const should = shouldShow(this.nodes).join('\n');
    const isRight = (): boolean => this.nodes.every((node) => node.shown().join('\n') === should);
    const untilMs = network.nowMs + calmMaxMs;
    for (let rightMs = 0; rightMs < stayMs && network.nowMs < untilMs;) {
      network.runUntil(network.nowMs + 500);
      rightMs = isRight() ? rightMs + 500 : 0;
      this.look();
    }
    if (isRight()) return;
    for (const node of this.nodes) {
      this.problems.push(`${node.name} shows\n${node.shown().join('\n')}\ninstead of\n${should}`);
    }
  }

  private watch(node: SimNode, { row, gone }: CatalogChange): void {
    const seen = this.seen.get(node)!;
    const place = `${row.owner} ${row.key}`;
    const { epoch, version } = row;
    const text = `${place}=${Buffer.from(row.value ?? []).toString()}`;
    if (!this.written.has(text)) this.problems.push(`${node.name} shows ${text}: never written`);
    const before = seen.get(place);
    if (before !== undefined && !gone) {
      const order = epoch - before.epoch || version - before.version;
      if (order < 0 || (order === 0 && before.gone)) {
        this.problems.push(`${node.name} goes back to ${text} (${epoch} ${version})`);
      }
    }
    seen.set(place, { epoch, version, gone });
  }

  /** What must hold at any time. */
  private look(): void {
    for (const { name, catalog, member } of this.nodes) {
      if (catalog === undefined || member.swim === undefined) continue;
      const { wants, rows } = catalog.size();
      const { userBroadcasts, waiting } = member.swim.queueSizes;
      const isBounded =
        wants <= tunables.wantsMax &&
        rows <= this.nodes.length * keys.length &&
        userBroadcasts <= catalogTunables.newsSlots &&
        waiting <= 64;
      if (isBounded) continue;
      this.problems.push(
        `${name}: ${rows} rows, ${wants} wants, ${userBroadcasts} broadcasts, ${waiting} pings`,
      );
    }
  }
}
