import {
  decodeMessage,
  type CatalogChange,
  type Message,
  type Row,
} from '../../../src/catalog/index.js';
import { Hostile } from './hostile.js';
import { seededRandom } from '../../sim/random.js';
import { Sim, expected, shown, type SimNode } from './sim.js';

const chaosMs = 30_000;
/** Until then the liar goes on: it can make a life of an owner known that all others forgot. */
const lieMs = 40_000;
const calmMs = 25_000;
const keys = ['a', 'b', 'c', 'd', 'e'];
const networks = ['', '', 'blue', 'green'];

/** Small limits and short times, so that a run meets them. */
const tunables = {
  tombstoneMinMs: 2_000,
  tombstoneMaxMs: 8_000,
  compactIntervalMs: 1_000,
  chunkBytes: 700,
  epochGraceMs: 5_000,
  newsRows: 4,
  penaltyMs: 5_000,
  wantsMax: 64,
  rowsPerOwnerMax: 64,
};

/** What a node showed last of a row, and when it ended. */
interface Shown {
  readonly epoch: number;
  readonly version: number;
  readonly gone: boolean;
}

/** One run of seeded disasters; its properties are in `problems`. */
export class Chaos {
  readonly problems: string[] = [];
  private readonly sim: Sim;
  private readonly random: () => number;
  private readonly honest: SimNode[];
  /** Every row that its owner ever signed, as text. */
  private readonly written = new Set<string>();
  private readonly seen = new Map<SimNode, Map<string, Shown>>();

  constructor(seed: number) {
    this.random = seededRandom(seed + 1_000_000);
    const nodes = 4 + Math.floor(this.random() * 4);
    this.sim = new Sim({
      seed,
      nodes,
      loss: this.random() * 0.3,
      duplication: this.random() * 0.3,
      delayMaxMs: 10 + this.random() * 400,
      tunables,
      interestOf: (index) => [[], ['blue'], ['blue', 'green']][index % 3]!,
    });
    const mallory = this.sim.nodes.at(-1)!;
    this.honest = this.sim.nodes.slice(0, -1);
    this.sim.onChange = (node, change) => this.watch(node, change);
    this.mute(mallory);
  }

  run(): readonly string[] {
    for (const node of this.sim.nodes) this.start(node, false);
    this.sim.time.every(
      () => 150 + this.random() * 300,
      () => {
        if (this.sim.time.nowMs < chaosMs) this.disturb();
        this.look();
      },
    );
    this.sim.time.runUntil(chaosMs);
    this.heal();
    this.sim.time.runUntil(chaosMs + calmMs);
    for (const node of this.honest) this.compare(node);
    return this.problems;
  }

  /** The last node is a member that lies; its own catalog is never heard. */
  private mute(mallory: SimNode): void {
    const hostile = new Hostile(this.sim, mallory);
    let isActing = false;
    const act = (what: () => void): void => {
      if (this.sim.time.nowMs > lieMs) return;
      isActing = true;
      what();
      isActing = false;
    };
    this.sim.onSend = (from, to, payload) => {
      if (from === mallory) return isActing;
      const message = decodeMessage(payload);
      if (typeof message === 'string') throw new Error(`an honest node sends what is ${message}`);
      this.note(message);
      hostile.hear(payload, message);
      if (to === mallory) act(() => hostile.answer(from, message));
      return true;
    };
    this.sim.time.every(
      () => 300,
      () => act(() => hostile.act()),
    );
  }

  private start(node: SimNode, keepsState: boolean): void {
    this.seen.set(node, new Map());
    this.sim.start(node, keepsState);
  }

  private disturb(): void {
    const { random, sim } = this;
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
    const node = pick(this.honest);
    const kind = random();
    if (kind < 0.45)
      sim.write(node, pick(keys), `${node.name} ${Math.round(sim.time.nowMs)}`, pick(networks));
    else if (kind < 0.75) sim.erase(node, pick(keys), pick(networks));
    else if (kind < 0.85) this.restart(node);
    else if (kind < 0.9) sim.stop(node);
    else if (kind < 0.95) node.group = 1 - node.group;
    else for (const each of this.honest) each.group = 0;
  }

  /** Its configuration may be another one now, and its state file may be lost. */
  private restart(node: SimNode): void {
    for (const [place] of [...node.wanted]) if (this.random() < 0.3) node.wanted.delete(place);
    this.sim.stop(node);
    this.sim.time.after(this.random() * 4_000, () => {
      if (node.catalog === undefined) this.start(node, this.random() < 0.5);
    });
  }

  private heal(): void {
    for (const node of this.honest) {
      node.group = 0;
      if (node.catalog === undefined) this.start(node, this.random() < 0.5);
    }
  }

  /** Remembers which rows are real. */
  private note(message: Message): void {
    if (message.type !== 'news' && message.type !== 'rows') return;
    for (const section of message.sections) {
      for (const row of section.rows) this.written.add(textOf({ ...section, ...row }));
    }
  }

  private watch(node: SimNode, { row, gone, inService }: CatalogChange): void {
    const seen = this.seen.get(node)!;
    const place = `${row.owner} ${row.network} ${row.key}`;
    const before = seen.get(place);
    const { epoch, version } = row;
    if (row.owner !== node.name && !this.written.has(textOf(row))) {
      this.problems.push(`${node.name} shows a row that nobody wrote: ${textOf(row)}`);
    }
    if (before !== undefined && !gone) {
      const order = epoch - before.epoch || version - before.version;
      if (order < 0 || (order === 0 && before.gone)) {
        this.problems.push(`${node.name} goes back to ${textOf(row)} (in service: ${inService})`);
      }
    }
    seen.set(place, { epoch, version, gone });
  }

  /** What must hold at any time. */
  private look(): void {
    for (const node of this.honest) {
      const { catalog } = node;
      if (catalog === undefined) continue;
      const { wants } = catalog.size();
      if (wants > tunables.wantsMax || node.gossip.size > 64) {
        this.problems.push(`${node.name}: ${wants} wants, ${node.gossip.size} gossip payloads`);
      }
      const taken = new Set(['', ...node.interest, ...node.ownNetworks]);
      for (const { row } of catalog.view()) {
        if (!taken.has(row.network)) {
          this.problems.push(`${node.name} holds ${textOf(row)} of a network it does not take`);
        }
      }
    }
  }

  private compare(node: SimNode): void {
    const mallory = this.sim.nodes.at(-1)!;
    const isHonest = (line: string): boolean => !line.startsWith(`${mallory.name} `);
    const is = shown(node.catalog!).filter(isHonest);
    const should = expected(this.sim, node).filter(isHonest);
    const missing = should.filter((line) => !is.includes(line));
    const wrong = is.filter((line) => !should.includes(line));
    const { lack } = node.catalog!.acknowledged(node.catalog!.version);
    const silent = lack.filter((name) => name !== mallory.name);
    if (silent.length > 0) this.problems.push(`${node.name} waits for [${silent.join(', ')}]`);
    if (missing.length + wrong.length === 0) return;
    this.problems.push(`${node.name} lacks [${missing.join(', ')}] and has [${wrong.join(', ')}]`);
  }
}

function textOf(row: Omit<Row, 'signature'>): string {
  const value = row.value === undefined ? 'deleted' : Buffer.from(row.value).toString();
  return `${row.owner} ${row.epoch} ${row.version} ${row.network} ${row.key} ${value}`;
}
