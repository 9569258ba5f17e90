import { profiles } from '../../src/gossip/index.js';
import { Network } from '../sim/network.js';
import { between, oneOf, seededRandom, wholeBetween } from '../sim/random.js';
import { settledNodes, valueOf } from '../sim/settled-nodes.js';
import type { SimNode } from '../sim/sim-node.js';
import { progress } from './bench.js';
import { emit } from './figure.js';
import { percentile } from './stats.js';

const count = 25;
const rowsEach = 10;
const valueBytes = 300;
const seeds = 3;
const runMs = 60_000;
/** Of the whole cluster: a row changes, and a node crashes. */
const changeEveryMs = 50;
const crashEveryMs = 4_000;
const downForMs = [500, 15_000] as const;
/** Docker's NetworkDB, its own test of convergence: 25 nodes. */
const networkDbP90Ms = 11_000;

interface Change {
  readonly owner: SimNode;
  readonly key: string;
  readonly atMs: number;
  readonly value: string;
  readonly waiting: Set<SimNode>;
}

/** Nodes that crash and come back all the time, while rows change. */
class Churn {
  readonly times: number[] = [];
  /** Changes of owners that crashed before all had heard. */
  cut = 0;
  private readonly network: Network;
  private readonly nodes: readonly SimNode[];
  private readonly open = new Map<string, Change>();
  private number = 0;

  constructor(seed: number) {
    this.network = new Network(seededRandom(seed));
    this.nodes = settledNodes({ nodes: count, rows: rowsEach, bytes: valueBytes }, this.network, {
      choices: { profile: profiles.lan },
      onChanges: (node, changes) => {
        for (const { row, gone } of changes)
          if (!gone) this.heard(node, row.owner, row.key, row.value!);
      },
    });
  }

  run(): void {
    const { network } = this;
    network.runUntil(network.nowMs + 3_000);
    const untilMs = network.nowMs + runMs;
    const every = (intervalMs: number, what: () => void): void =>
      network.after(between(network.random, 0, 2 * intervalMs), () => {
        if (network.nowMs > untilMs) return;
        what();
        every(intervalMs, what);
      });
    every(changeEveryMs, () => this.change());
    every(crashEveryMs, () => this.crash());
    network.runUntil(untilMs + 20_000);
  }

  /** Changes that somebody who was there all the time still lacks long after the end. */
  get unheard(): number {
    return this.open.size;
  }

  private get live(): SimNode[] {
    return this.nodes.filter(({ catalog }) => catalog !== undefined);
  }

  /** A newer change of a row ends an older one that some lack: nobody will hear of that. */
  private change(): void {
    const owner = oneOf(this.network.random, this.live);
    const key = `row-${wholeBetween(this.network.random, 0, rowsEach - 1)}`;
    const value = valueOf(++this.number, valueBytes);
    const waiting = new Set(this.live.filter((node) => node !== owner));
    const place = `${owner.name} ${key} ${value}`;
    this.open.set(place, { owner, key, value, waiting, atMs: this.network.nowMs });
    owner.put(key, value);
  }

  private crash(): void {
    const node = oneOf(this.network.random, this.live);
    node.crash();
    for (const [place, change] of this.open) {
      if (change.owner === node) {
        this.open.delete(place);
        this.cut++;
      } else this.note(place, change, node);
    }
    const keepsState = this.network.random() < 0.5;
    this.network.after(between(this.network.random, ...downForMs), () => {
      const join = this.live.slice(0, 3).map(({ member }) => member.at);
      node.start({ keepsState, join });
    });
  }

  /** Values tell the order of an owner's changes; a later one stands for all before it. */
  private heard(node: SimNode, owner: string, key: string, value: Uint8Array): void {
    const number = parseInt(Buffer.from(value).toString(), 10);
    for (const [place, change] of this.open) {
      if (change.owner.name !== owner || change.key !== key) continue;
      if (parseInt(change.value, 10) <= number) this.note(place, change, node);
    }
  }

  private note(place: string, { waiting, atMs }: Change, node: SimNode): void {
    if (!waiting.delete(node) || waiting.size > 0) return;
    this.open.delete(place);
    this.times.push(this.network.nowMs - atMs);
  }
}

/** From a change to the moment in which all have it that were there and stayed. */
export function measureChurn(): void {
  const times: number[] = [];
  let cut = 0;
  let unheard = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const churn = new Churn(seed);
    churn.run();
    times.push(...churn.times);
    cut += churn.cut;
    unheard += churn.unheard;
    progress(`churn: ${seed} of ${seeds} clusters done`);
  }
  const common = { bench: 'gossip', case: 'churn', unit: 'ms', rounds: times.length } as const;
  emit({ ...common, figure: 'p50', value: percentile(times, 0.5), time: 'virtual' });
  emit({
    ...common,
    figure: 'p90',
    value: percentile(times, 0.9),
    peer: 'NetworkDB (published)',
    peerValue: networkDbP90Ms,
    goal: { value: 2_000 },
    p99: Math.round(percentile(times, 0.99)),
    max: Math.round(Math.max(...times)),
    unheard,
    cut,
    nodes: count,
    profile: 'lan',
    time: 'virtual',
  });
}
