import { profiles } from '../../src/gossip/index.js';
import { fair, Network } from '../sim/network.js';
import { between, oneOf, seededRandom } from '../sim/random.js';
import { settledNodes, valueOf } from '../sim/settled-nodes.js';
import type { SimNode } from '../sim/sim-node.js';
import { progress } from './bench.js';
import { emit } from './figure.js';
import { percentile } from './stats.js';

const valueBytes = 300;
/** Between two exchanges of everything that differs; gossip is not sure to reach everybody. */
const antiEntropyMs = 5_000;

const small = { nodes: 100, rows: 10, changes: 200, goalMs: 700 };
/** Empty but for what changes: a thousand tables of a thousand owners fill gigabytes as it is. */
const large = { nodes: 1_000, rows: 0, changes: 20, goalMs: 1_200 };

/** A row as it was changed, and who does not have it yet. */
interface Change {
  readonly atMs: number;
  readonly waiting: Set<SimNode>;
  lastMs: number;
}

/** A cluster in which single rows change. */
class Changing {
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  private readonly changes = new Map<string, Change>();
  private count = 0;

  constructor(seed: number, nodes: number, rows: number) {
    this.network = new Network(seededRandom(seed));
    this.nodes = settledNodes({ nodes, rows, bytes: valueBytes }, this.network, {
      choices: { profile: profiles.lan },
      onChanges: (node, changes) => {
        for (const { row } of changes) this.heard(node, row.key);
      },
    });
    this.network.runUntil(this.network.nowMs + 5_000);
  }

  /** One node's new row, of a key that there was not before. */
  change(): Change {
    const owner = oneOf(this.network.random, this.nodes);
    const key = `change-${++this.count}`;
    const atMs = this.network.nowMs;
    const change = { atMs, lastMs: atMs, waiting: new Set(this.nodes.filter((n) => n !== owner)) };
    this.changes.set(key, change);
    owner.put(key, valueOf(this.count, valueBytes));
    return change;
  }

  private heard(node: SimNode, key: string): void {
    const change = this.changes.get(key);
    if (change?.waiting.delete(node) === true) change.lastMs = this.network.nowMs;
  }
}

/** From the change of one node's row to the moment in which the last node has it. */
export function measureUpdate(): void {
  measureRun(small);
  measureLoss();
}

export function measureLargeUpdate(): void {
  measureRun(large);
}

function measureRun({ nodes, rows, changes, goalMs }: typeof small): void {
  const cluster = new Changing(1, nodes, rows);
  progress(`update: ${nodes} nodes are there`);
  const { network } = cluster;
  const times: number[] = [];
  while (times.length < changes) {
    network.runUntil(network.nowMs + between(network.random, 0, 1_000));
    const change = cluster.change();
    while (change.waiting.size > 0) network.runUntil(network.nowMs + 10);
    times.push(change.lastMs - change.atMs);
  }
  const common = { bench: 'gossip', unit: 'ms', rounds: changes, profile: 'lan' } as const;
  for (const [figure, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    emit({
      ...common,
      case: nodes === small.nodes ? 'update' : 'update-1000',
      figure: `${nodes} nodes ${figure}`,
      value: percentile(times, share),
      ...(share < 0.9 ? {} : { goal: { value: goalMs }, max: Math.round(Math.max(...times)) }),
      time: 'virtual',
    });
  }
}

function measureLoss(): void {
  const changes = 200;
  const cluster = new Changing(2, 100, 10);
  const { network } = cluster;
  network.weather = { ...fair, loss: 0.1 };
  const made: Change[] = [];
  const missing: number[] = [];
  while (made.length < changes) {
    network.runUntil(network.nowMs + between(network.random, 0, 500));
    const change = cluster.change();
    made.push(change);
    network.after(antiEntropyMs, () => missing.push(change.waiting.size));
  }
  network.runUntil(network.nowMs + antiEntropyMs + 1);
  const pairs = changes * (cluster.nodes.length - 1);
  const times = made.map(({ lastMs, atMs }) => lastMs - atMs);
  emit({
    bench: 'gossip',
    case: 'update',
    figure: `100 nodes, 10 % loss: missing after ${antiEntropyMs / 1_000} s`,
    value: (100 * missing.reduce((sum, count) => sum + count, 0)) / pairs,
    unit: '%',
    goal: { value: 0 },
    rounds: changes,
    pairs,
    p50Ms: Math.round(percentile(times, 0.5)),
    p99Ms: Math.round(percentile(times, 0.99)),
    maxMs: Math.round(Math.max(...times)),
    profile: 'lan',
    time: 'virtual',
  });
}
