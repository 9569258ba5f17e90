import { catalogTunables, type CatalogChange } from '../../src/catalog/index.js';
import { profiles } from '../../src/gossip/index.js';
import { fair, Network } from './network.js';
import { between, oneOf, seededRandom, wholeBetween } from './random.js';
import { shouldShow, SimNode } from './sim-node.js';
import type { Outcome } from './simulate.js';

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

/** Members and catalogs under what the seed stands for, then calm; `tell` gets a line for each event. */
export function simulateCatalog(seed: number, tell: (line: string) => void = ignore): Outcome {
  return new CatalogChaos(seed, tell).run();
}

function ignore(): void {
  // Nobody looks.
}

class CatalogChaos {
  private readonly problems: string[] = [];
  private readonly random: () => number;
  private readonly network: Network;
  private readonly nodes: SimNode[];
  private readonly seen = new Map<SimNode, Map<string, Shown>>();
  /** Every value that an owner ever gave to a row. */
  private readonly written = new Set<string>();
  private values = 0;

  constructor(
    private readonly seed: number,
    private readonly tell: (line: string) => void,
  ) {
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

  run(): Outcome {
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
    const convergedMs = this.calm();
    const { seed, problems } = this;
    return { seed, problems, convergedMs, packets: network.packets };
  }

  private start(node: SimNode, keepsState: boolean): void {
    this.note(`${node.name} starts${keepsState ? '' : ', its epoch lost'}`);
    this.seen.set(node, new Map());
    const others = this.nodes.filter((other) => other !== node);
    node.start({ keepsState, join: others.map(({ member }) => member.at) });
  }

  private disturb(): void {
    const { random } = this;
    const node = oneOf(random, this.nodes);
    const kind = random();
    if (kind < 0.5) this.write(node);
    else if (kind < 0.75) this.erase(node);
    else if (kind < 0.87) this.restart(node);
    else if (kind < 0.9) this.jump(node);
    else if (kind < 0.95) this.part();
    else this.heal();
  }

  private note(what: string): void {
    this.tell(`${(this.network.nowMs / 1_000).toFixed(3)} ${what}`);
  }

  private erase(node: SimNode): void {
    const key = oneOf(this.random, keys);
    this.note(`${node.name} deletes ${key}`);
    node.delete(key);
  }

  private jump(node: SimNode): void {
    const ms = oneOf(this.random, [50, 700, 5_000, 60_000]);
    this.note(`the clock of ${node.name} jumps by ${ms} ms`);
    node.member.jumpClock(ms);
  }

  private heal(): void {
    this.note('all ways are open');
    this.network.healAll();
  }

  private write(node: SimNode): void {
    const [key, value] = [oneOf(this.random, keys), `${++this.values}`];
    this.written.add(`${node.name} ${key}=${value}`);
    this.note(`${node.name} writes ${key}=${value}`);
    node.put(key, value);
  }

  /** Its configuration may be another one afterwards, and its state file lost. */
  private restart(node: SimNode): void {
    this.note(`${node.name} crashes`);
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
      const [from, to] = [oneOf(this.random, addresses), oneOf(this.random, addresses)];
      this.note(`nothing goes from ${from} to ${to}`);
      this.network.cutOff(from, to);
      return;
    }
    const side = new Set(addresses.filter(() => this.random() < 0.5));
    this.note(`cut off: ${[...side].join(' ')}`);
    for (const a of addresses) {
      for (const b of addresses) if (side.has(a) !== side.has(b)) this.network.cutOff(a, b);
    }
  }

  /** Returns how long it took until all showed what they should. */
  private calm(): number {
    const { network } = this;
    this.heal();
    network.weather = fair;
    const calmAtMs = network.nowMs;
    for (const node of this.nodes) if (node.catalog === undefined) this.start(node, true);
    const should = shouldShow(this.nodes).join('\n');
    const isRight = (): boolean => this.nodes.every((node) => node.shown().join('\n') === should);
    const untilMs = network.nowMs + calmMaxMs;
    for (let rightMs = 0; rightMs < stayMs && network.nowMs < untilMs;) {
      network.runUntil(network.nowMs + 500);
      rightMs = isRight() ? rightMs + 500 : 0;
      this.look();
    }
    if (isRight()) return network.nowMs - stayMs - calmAtMs;
    for (const node of this.nodes) {
      this.problems.push(`${node.name} shows\n${node.shown().join('\n')}\ninstead of\n${should}`);
    }
    return calmMaxMs;
  }

  private watch(node: SimNode, { row, gone }: CatalogChange): void {
    const seen = this.seen.get(node)!;
    const place = `${row.owner} ${row.key}`;
    const { epoch, version } = row;
    const text = `${place}=${Buffer.from(row.value ?? []).toString()}`;
    if (!this.written.has(text)) this.problems.push(`${node.name} shows ${text}: never written`);
    this.note(`${node.name} shows ${text}${gone ? ' no more' : ''}`);
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
