import { MeshError } from '../base/index.js';
import { Acks, type Acknowledgement } from './acks.js';
import { answerHead, decodeMessage, encodeMessage } from './codec.js';
import { Core } from './core.js';
import { Exchange } from './exchange.js';
import { Intake } from './intake.js';
import type { Applied, Message, News as NewsMessage, Section } from './messages.js';
import type {
  CatalogEffect,
  CatalogEntry,
  MemberState,
  Proofs,
  Trust,
  Watermark,
} from './model.js';
import { News } from './news.js';
import type { Owner } from './owners.js';
import { OwnRows } from './own.js';
import { Pulls } from './pulls.js';
import { Budget, type Refusal } from './refusals.js';
import { catalogTunables, type CatalogTunables } from './tunables.js';

export interface CatalogOptions {
  /** This node's name. */
  readonly name: string;
  readonly proofs: Proofs;
  readonly trust: Trust;
  /** Range of the result: 0 <= x < 1. */
  readonly random: () => number;
  /** Milliseconds since any start; never goes back. The same for all calls. */
  readonly now: number;
  /** The last `epoch` effect of the life before; absent or outdated is healed by the others. */
  readonly lastEpoch?: number;
  /** Networks to take besides ''. */
  readonly interest?: readonly string[];
  /** Defaults: catalogTunables. */
  readonly tunables?: Partial<CatalogTunables>;
}

/** How often members and epochs that are over are looked at. Unit: milliseconds. */
const sweepIntervalMs = 1_000;

/** Nothing that we ask for is longer: a chunk, or the digest of very many owners. */
const payloadMax = 2 * 1024 * 1024;

/** Read at once, whatever it is; a packet holds no more. Unit: bytes. */
const smallBytes = 2_048;

/**
 * The table of rows of all nodes, and this node's part in keeping it alike everywhere. The host
 * calls `receive` with what comes, `tick` every 100-200 ms, and does what `ready` returns after
 * either. Limits and times: CatalogTunables.
 */
export class Catalog {
  private readonly core: Core;
  private readonly own: OwnRows;
  private readonly news: News;
  private readonly intake: Intake;
  private readonly pulls: Pulls;
  private readonly exchange: Exchange;
  private readonly acks: Acks;
  private readonly unasked: Budget;
  private sweepAtMs: number;
  private wanted: readonly string[];

  constructor(options: CatalogOptions) {
    const { name, random, proofs, trust, now } = options;
    const tunables = { ...catalogTunables, ...options.tunables };
    this.core = new Core(name, tunables, random, proofs, trust);
    this.news = new News(this.core);
    this.intake = new Intake(this.core);
    const { news } = this;
    this.own = new OwnRows(this.core, options.lastEpoch ?? 0, news.add.bind(news), now);
    this.pulls = new Pulls(this.core, this.intake, this.own);
    this.acks = new Acks(this.core, this.own);
    this.exchange = new Exchange(this.core, this.pulls, this.own, this.acks, now);
    this.unasked = new Budget(tunables.unaskedBytesPerSecond);
    this.sweepAtMs = now;
    this.wanted = [];
    this.setInterest(options.interest ?? []);
  }

  /** This node's own epoch. */
  get epoch(): number {
    return this.own.epoch;
  }

  /** Of this node's last change. */
  get version(): number {
    return this.own.version;
  }

  /**
   * Writes a row of this node; others see it from the next tick on. Returns the version to wait
   * for with `acknowledged`; after an `epoch` effect versions begin anew. The node takes the
   * row's network from now on. Throws `invalid_argument`, `resource_exhausted`.
   */
  put(key: string, value: Uint8Array, network = ''): number {
    const version = this.own.put(key, value, network);
    this.updateInterest();
    return version;
  }

  /** Deletes a row of this node; returns the version of the change, undefined if there is none. */
  delete(key: string, now: number, network = ''): number | undefined {
    return this.own.delete(key, network, now);
  }

  /** Networks to take besides '' and those of own rows; rows of others are dropped. */
  setInterest(networks: readonly string[]): void {
    if (networks.length > this.core.tunables.interestMax) {
      throw new MeshError('resource_exhausted', `interest in ${networks.length} networks`);
    }
    this.wanted = networks;
    this.updateInterest();
  }

  /** What the membership says. `up` also for one that is back. */
  memberChanged(name: string, state: MemberState, now: number): void {
    const { members, owners, feed, self } = this.core;
    if (name === self || !members.set(name, state, now)) return;
    if (state === 'up') this.acks.wake(name, now);
    for (const { network, rows } of owners.get(name)?.streams.values() ?? []) {
      for (const key of rows.keys()) feed.touch(name, network, key);
    }
  }

  /** A payload of ours that came by gossip, directly or with a push-pull; `from` if it is known. */
  receive(payload: Uint8Array, from: string | undefined, now: number): void {
    const message = this.objection(payload, now) ?? decodeMessage(payload);
    if (typeof message === 'string') {
      this.core.refusals.count(message);
      return;
    }
    if (message.type === 'news') {
      this.takeNews(message, now);
      return;
    }
    if (from !== undefined && from !== message.from) {
      this.core.refusals.count('sender');
      return;
    }
    if (!this.core.members.isUp(message.from)) {
      this.core.refusals.count('stranger');
      return;
    }
    this.dispatch(message, now);
  }

  /** What to give the other side of a push-pull; it goes into `receive` there. */
  pushPullState(): Uint8Array {
    this.own.seal();
    return encodeMessage(this.exchange.digest());
  }

  tick(now: number): void {
    this.sweep(now);
    this.own.compact((stream) => this.acks.floorOf(stream), now);
    this.own.seal();
    this.news.flush();
    this.exchange.tick(now);
    this.pulls.tick(now);
    this.acks.tick(now);
    this.report();
  }

  /** What the host shall do; returned once. */
  ready(): CatalogEffect[] {
    return this.core.takeEffects();
  }

  /** All rows of nodes, this one included, that were not deleted. */
  view(): Generator<CatalogEntry> {
    return this.core.view.entries();
  }

  get(owner: string, key: string, network = ''): CatalogEntry | undefined {
    return this.core.view.at({ owner, network, key });
  }

  /** How far this node is with an owner's rows in a network; version 0 = not complete. */
  watermark(owner: string, network = ''): Watermark | undefined {
    const stream = this.core.owners.stream(owner, network);
    return stream && { owner, network, epoch: stream.epoch, version: stream.version };
  }

  /** The kernel of this node has what `complete` of a change said; the owner will know. */
  applied(watermark: Watermark, now: number): void {
    this.acks.applied(watermark, now);
  }

  /** Which live nodes have put to use our rows up to `version`, as far as they take them. */
  acknowledged(version: number): Acknowledgement {
    return this.acks.state(version);
  }

  /** Names whose rows come with another key than the one that they are bound to. */
  get disputed(): ReadonlySet<string> {
    return this.core.disputed;
  }

  /** Drops all that is known of an owner, so that it may begin anew with another key. */
  forgetOwner(name: string): void {
    const { owners, disputed, self } = this.core;
    if (name === self) return;
    owners.forget(name);
    this.acks.forget(name);
    disputed.delete(name);
  }

  /** What was refused, by reason. */
  refusals(): ReadonlyMap<Refusal, number> {
    return this.core.refusals.snapshot();
  }

  /** Unit: rows (tombstones included), bytes, differences not settled yet. */
  size(): { owners: number; rows: number; bytes: number; wants: number } {
    const { owners } = this.core;
    const rows = [...owners.all()].reduce((sum, owner) => sum + owner.rows, 0);
    return { owners: owners.size, rows, bytes: owners.bytes, wants: this.pulls.size };
  }

  /** Against a payload as such: what nobody asked for may not keep us busy with reading it. */
  private objection(payload: Uint8Array, now: number): 'too-large' | 'busy' | undefined {
    if (payload.length > payloadMax) return 'too-large';
    if (payload.length <= smallBytes) return undefined;
    const answer = answerHead(payload);
    if (answer !== undefined && this.pulls.isAsked(answer)) return undefined;
    return this.unasked.take(payload.length, now) ? undefined : 'busy';
  }

  private dispatch(message: Exclude<Message, NewsMessage>, now: number): void {
    switch (message.type) {
      case 'hello':
        this.own.seal();
        this.exchange.hello(message, now);
        break;
      case 'digest':
        this.own.seal();
        this.exchange.compare(message, now);
        break;
      case 'pull':
        this.pulls.serve(message, now);
        break;
      case 'rows':
        if (this.pulls.receive(message, now)) this.acks.begin();
        break;
      case 'applied':
        this.hearUse(message, now);
        break;
      case 'confirmed':
        this.acks.confirmed(message);
        break;
    }
  }

  private takeNews({ sections }: NewsMessage, now: number): void {
    for (const section of sections) {
      if (section.owner === this.core.self) this.hearOfSelf(section, now);
      else this.takeSection(section, now);
    }
  }

  private takeSection(section: Section, now: number): void {
    const { stream, rows, newHead, refused } = this.intake.take(section, false, now);
    if (refused === 'stale') this.exchange.correct(section.owner, now);
    const owner = this.core.owners.get(section.owner);
    if (stream === undefined || owner === undefined) return;
    for (const { key } of rows) this.news.add(owner, stream, key);
    if (newHead) this.news.add(owner, stream);
    if (stream.behind && newHead) this.catchUp(stream.newest!, now);
  }

  /** Gossip may be about to bring it; then there is nothing left to ask for. */
  private catchUp(goal: Watermark, now: number): void {
    const { random, members, tunables } = this.core;
    const peer = random() < 0.5 ? goal.owner : (members.pick(random) ?? goal.owner);
    const delayMs = tunables.pullDelayMs * (1 + random());
    this.pulls.want(goal, peer, now, delayMs);
  }

  /** Our own rows come back by gossip; those of a life that we know nothing of must be outdone. */
  private hearOfSelf(section: Section, now: number): void {
    if (this.own.hear(section, now)) this.acks.begin();
  }

  /**
   * What a node tells in a life that its rows do not prove yet is left to its repetition: if the
   * node forgets that life, nobody can show it, and the node would not be heard again.
   */
  private hearUse(message: Applied, now: number): void {
    const { from, life } = message;
    const proved = this.core.owners.epochOf(from);
    if (life < proved) this.exchange.correct(from, now);
    if (proved === 0 || life <= proved) this.acks.note(message, now);
    else this.pulls.want({ owner: from, network: '', epoch: life, version: 1 }, from, now);
  }

  /** What takes the network of an own row takes part in spreading it. */
  private updateInterest(): void {
    const { owners, self } = this.core;
    const interest = new Set(['', ...this.wanted, ...this.own.networks]);
    this.core.interest = interest;
    for (const owner of owners.all()) {
      if (owner.name === self) continue;
      const over = [...owner.streams.values()].filter(({ network }) => !interest.has(network));
      for (const stream of over) owners.dropStream(owner, stream);
    }
  }

  /** Ends what is over for long: rows of dead owners, and of epochs. */
  private sweep(now: number): void {
    if (now < this.sweepAtMs) return;
    this.sweepAtMs = now + sweepIntervalMs;
    const { owners, members, self, tunables } = this.core;
    for (const owner of owners.all()) {
      if (owner.name === self) continue;
      const downSince = members.downSince(owner.name) ?? owner.sinceMs;
      if (!members.isUp(owner.name) && now >= downSince + tunables.reapMs) this.bury(owner);
      if (now < owner.epochAtMs + tunables.epochGraceMs) continue;
      for (const stream of owner.streams.values())
        if (stream.epoch < owner.epoch) owners.dropStream(owner, stream);
    }
    for (const name of members.down()) {
      if (now < members.downSince(name)! + tunables.reapMs) continue;
      members.forget(name);
      this.acks.forget(name);
    }
  }

  private bury(owner: Owner): void {
    this.core.owners.bury(owner);
    this.acks.forget(owner.name);
  }

  private report(): void {
    const { core } = this;
    if (core.hasChangesWaiting()) return;
    const { changes, complete } = core.feed.take((place) => core.view.at(place));
    if (changes.length + complete.length === 0) return;
    core.emit({ kind: 'changes', changes, complete });
  }
}
