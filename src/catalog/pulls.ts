import { rowSize } from './codec.js';
import type { Core } from './core.js';
import type { Intake } from './intake.js';
import type { Pull, Rows, Section } from './messages.js';
import { isLater, type Watermark } from './model.js';
import type { OwnRows } from './own.js';
import { Budget } from './refusals.js';
import { answerTo } from './serve.js';

/** A difference that is known: somebody has more than we have. */
interface Want {
  readonly owner: string;
  readonly network: string;
  /** What is to be had. */
  goal: { epoch: number; version: number };
  /** Who says so; the first is asked. */
  sources: string[];
  attempts: number;
  /** Not before. */
  atMs: number;
  isAsked: boolean;
  /** Where the transfer under way is: of which epoch, upon what, and up to which version. */
  cursor: { epoch: number; base: number; after: number } | undefined;
}

interface Question {
  readonly peer: string;
  readonly wants: readonly Want[];
  readonly atMs: number;
  readonly untilMs: number;
}

const sourcesMax = 3;

/** A slow peer is given up to so many times the usual time. */
const patienceMax = 16;

/** How long a failed attempt is let alone, times the number of attempts. Unit: milliseconds. */
const retryMs = 200;

/** Bytes that an answer to a pull costs at least. */
const answerBytes = 256;

/** Asks for rows that others have and we lack, a few chunks at a time, and answers likewise. */
export class Pulls {
  private readonly wants = new Map<string, Want>();
  private readonly questions = new Map<number, Question>();
  /** Peers whose answers were false, and until when they are not asked. */
  private readonly deceivers = new Map<string, number>();
  /** How long answers of slow peers are waited for. Unit: milliseconds. */
  private readonly patience = new Map<string, number>();
  private readonly served: Budget;

  constructor(
    private readonly core: Core,
    private readonly intake: Intake,
    private readonly own: OwnRows,
  ) {
    this.served = new Budget(core.tunables.serveBytesPerSecond);
  }

  /** Differences not settled yet. */
  get size(): number {
    return this.wants.size;
  }

  /** Is this an answer that we wait for? */
  isAsked({ from, id }: { readonly from: string; readonly id: number }): boolean {
    return this.questions.get(id)?.peer === from;
  }

  mayServe(bytes: number, now: number): boolean {
    const mayServe = this.served.take(bytes, now);
    if (!mayServe) this.core.refusals.count('busy');
    return mayServe;
  }

  /** `peer` has, or is believed to have, an owner's rows up to `goal`. */
  want(goal: Watermark, peer: string, now: number, delayMs = 0): void {
    if (this.isBlocked(goal, now) || (this.deceivers.get(peer) ?? 0) > now) return;
    const name = this.nameOf(goal);
    const known = this.wants.get(name);
    if (known !== undefined) {
      if (isLater(goal, known.goal)) known.goal = { epoch: goal.epoch, version: goal.version };
      if (known.sources.length < sourcesMax && !known.sources.includes(peer)) {
        known.sources.push(peer);
      }
      return;
    }
    if (this.wants.size >= this.core.tunables.wantsMax) {
      this.core.refusals.count('busy');
      return;
    }
    this.wants.set(name, {
      owner: goal.owner,
      network: goal.network,
      goal: { epoch: goal.epoch, version: goal.version },
      sources: [peer],
      attempts: 0,
      atMs: now + delayMs,
      isAsked: false,
      cursor: undefined,
    });
  }

  tick(now: number): void {
    for (const [id, question] of this.questions) {
      if (now < question.untilMs) continue;
      this.questions.delete(id);
      this.expect(question.peer, 2 * (question.untilMs - question.atMs));
      for (const want of question.wants) this.fail(want, now);
    }
    for (const [peer, untilMs] of this.deceivers) if (untilMs <= now) this.deceivers.delete(peer);
    for (const want of this.wants.values())
      if (!want.isAsked && this.isSettled(want)) this.end(want);
    this.ask(now);
  }

  /** Answers a peer. */
  serve(pull: Pull, now: number): void {
    if (!this.mayServe(answerBytes, now)) return;
    this.own.seal();
    const sections = answerTo(this.core, pull);
    for (const { rows } of sections) {
      this.served.take(
        rows.reduce((sum, row) => sum + rowSize(row), 0),
        now,
      );
    }
    this.core.send(pull.from, { type: 'rows', from: this.core.self, id: pull.id, sections }, true);
  }

  /** Returns whether the answer made this node begin a new epoch. */
  receive(message: Rows, now: number): boolean {
    const question = this.questions.get(message.id);
    if (question?.peer !== message.from) {
      this.core.refusals.count('unasked');
      return false;
    }
    this.questions.delete(message.id);
    this.expect(question.peer, 2 * (now - question.atMs));
    const byName = new Map(message.sections.map((section) => [this.nameOf(section), section]));
    let isNewEpoch = false;
    for (const want of question.wants) {
      want.isAsked = false;
      const section = byName.get(this.nameOf(want));
      // The first stream always fits: an answer without any is none.
      if (section === undefined && byName.size === 0) this.fail(want, now);
      if (section === undefined) continue;
      if (want.owner === this.core.self) {
        isNewEpoch = this.own.hear(section, now) || isNewEpoch;
        this.end(want);
      } else this.take(want, section, message.from, now);
    }
    this.ask(now);
    return isNewEpoch;
  }

  private take(want: Want, section: Section, peer: string, now: number): void {
    if (section.rows.length === 0 && section.head === undefined) {
      this.lose(want, peer, now);
      return;
    }
    const { refused, stream } = this.takeRows(want, section, now);
    if (refused === 'signature') {
      this.deceivers.set(peer, now + this.core.tunables.penaltyMs);
      this.lose(want, peer, now);
      return;
    }
    if (refused !== undefined) {
      this.end(want);
      return;
    }
    if (this.isSettled(want)) {
      this.end(want);
      return;
    }
    if (section.last) {
      // Not all that its head speaks of: rows changed on the way, or some are held back.
      want.cursor = undefined;
      if (stream !== undefined) stream.arrived = undefined;
      this.fail(want, now);
      return;
    }
    want.attempts = 0;
    const after = section.rows.at(-1)?.version ?? 0;
    want.cursor = { epoch: section.epoch, base: section.base, after };
  }

  private takeRows(want: Want, section: Section, now: number): ReturnType<Intake['take']> {
    const { cursor } = want;
    const isNext = cursor?.epoch === section.epoch && cursor.base === section.base;
    const stream = this.core.owners.stream(want.owner, want.network);
    if (stream !== undefined && section.base === 0 && (cursor === undefined || !isNext)) {
      stream.arrived = new Set();
    }
    return this.intake.take(section, true, now);
  }

  /** The peer has not what it promised. */
  private lose(want: Want, peer: string, now: number): void {
    want.sources = want.sources.filter((source) => source !== peer);
    want.cursor = undefined;
    if (peer === want.owner) this.end(want);
    else this.fail(want, now);
  }

  private fail(want: Want, now: number): void {
    want.isAsked = false;
    want.attempts++;
    want.sources.push(...want.sources.splice(0, 1)); // Another one next time.
    if (!want.sources.includes(want.owner)) want.sources.push(want.owner);
    want.atMs = now + retryMs * want.attempts;
    if (want.attempts >= this.core.tunables.pullAttempts) this.end(want);
  }

  private end(want: Want): void {
    this.wants.delete(this.nameOf(want));
    const stream = this.core.owners.stream(want.owner, want.network);
    if (stream !== undefined) stream.arrived = undefined;
  }

  /** There is one question about ourselves: how far we were. */
  private nameOf({ owner, network }: { owner: string; network: string }): string {
    return owner === this.core.self ? owner : `${owner}\0${network}`;
  }

  private isBlocked({ owner, network }: Watermark, now: number): boolean {
    const { owners, interest, tunables, self } = this.core;
    if (owner === self) return false;
    if (!interest.has(network)) return true;
    const known = owners.get(owner);
    if (known === undefined) return owners.size >= tunables.ownersMax;
    return (known.streams.get(network)?.blockedUntilMs ?? 0) > now;
  }

  private isSettled({ owner, network, goal }: Want): boolean {
    if (owner === this.core.self) return false;
    const stream = this.core.owners.stream(owner, network);
    if (stream === undefined) return !this.core.members.isUp(owner);
    return !isLater(goal, stream);
  }

  /** Asks as long as answers may be outstanding; one question gathers what one peer has. */
  private ask(now: number): void {
    const { tunables, random, self } = this.core;
    for (let free = tunables.pullsOutstanding - this.questions.size; free > 0; free--) {
      const { peer, wants } = this.nextQuestion(now);
      if (peer === undefined) return;
      const id = Math.floor(random() * 2 ** 32);
      const patienceMs = this.patience.get(peer) ?? tunables.pullTimeoutMs;
      this.questions.set(id, { peer, wants, atMs: now, untilMs: now + patienceMs });
      for (const want of wants) want.isAsked = true;
      const streams = wants.map((want) => this.positionOf(want));
      this.core.send(peer, { type: 'pull', from: self, id, streams }, true);
    }
  }

  /**
   * The next answer of the peer is waited for so long: who has much to do would else be asked the
   * same again and again, and answer each time too late.
   */
  private expect(peer: string, ms: number): void {
    const { members, tunables } = this.core;
    const usual = tunables.pullTimeoutMs;
    if (ms <= usual) this.patience.delete(peer);
    else this.patience.set(peer, Math.min(ms, patienceMax * usual));
    for (const known of this.patience.keys()) {
      if (!members.isUp(known)) this.patience.delete(known);
    }
  }

  private nextQuestion(now: number): { peer: string | undefined; wants: Want[] } {
    let peer: string | undefined;
    const wants: Want[] = [];
    for (const want of this.wants.values()) {
      if (want.isAsked || want.atMs > now) continue;
      const source = this.sourceOf(want);
      peer ??= source;
      if (source === undefined || source !== peer) continue;
      wants.push(want);
      if (wants.length >= this.core.tunables.pullStreams) break;
    }
    return { peer, wants };
  }

  private sourceOf(want: Want): string | undefined {
    const { members } = this.core;
    return [...want.sources, want.owner].find((source) => members.isUp(source));
  }

  private positionOf({ owner, network, cursor }: Want): Pull['streams'][number] {
    const after = cursor?.after ?? 0;
    const stream = this.core.owners.stream(owner, network);
    const isOwn = owner === this.core.self || stream === undefined;
    if (isOwn) return { owner, network, epoch: 0, above: 0, after };
    return { owner, network, epoch: stream.epoch, above: stream.version, after };
  }
}
