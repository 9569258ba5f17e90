import { createHash } from 'node:crypto';
import type { Clock, Log } from '../base/index.js';
import type { Versions } from '../gossip/index.js';
import {
  decodeSerf,
  decodeSerfState,
  encodeIntent,
  encodeSerfState,
  timeMax,
  type SerfEvent,
  type SerfIntent,
  type SerfMessage,
  type SerfQuery,
} from './serf-codec.js';

/** serf's own: it takes up no member whose versions do not overlap. */
export const serfVersions: Versions = {
  protocolMin: 1,
  protocolMax: 5,
  protocol: 2,
  delegateMin: 2,
  delegateMax: 5,
  delegate: 5,
};

export interface SerfOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly log: Log;
  /** To all members, under a key of its own; `done` once it was told as far as it will be. */
  broadcast(key: string, payload: Uint8Array, done?: () => void): void;
}

/** How far back serf looks for messages that come twice. Unit: counts of the Lamport clock. */
const windowTimes = 512;
/** Of one time; what is more is not passed on. */
const keysPerTimeMax = 64;
/** Members whose last intent is remembered. */
const intentsMax = 4_096;
/** Of an event's payload, in the log. */
const loggedBytesMax = 512;
const noBroadcast = 2;

/**
 * What makes us a member that serf's agents accept beside their own: we keep its Lamport clocks,
 * say so when we come and go (without that a leave shows as a failure), contradict whoever says
 * that we left, and pass on what is gossiped, each message once, as every serf does.
 *
 * Our own messages ride behind a message of serf that all of serf ignores without a word: that the
 * sender joined at time 0. Any other first byte is a warning in its log, for each message.
 */
export class SerfLayer {
  readonly counters = { events: 0, queries: 0, intents: 0, states: 0, foreign: 0, malformed: 0 };
  private readonly clock = new LamportClock();
  private readonly eventClock = new LamportClock();
  private readonly queryClock = new LamportClock();
  private readonly events = new Recent();
  private readonly queries = new Recent();
  /** Of the last intent of each member, the oldest first. */
  private readonly statusTimes = new Map<string, number>();
  /** Events from before we came are not ours to hear. */
  private eventTimeMin = 0;
  private isLeaving = false;
  private broadcasts = 0;
  private readonly carrier: Buffer;

  constructor(private readonly options: SerfOptions) {
    this.carrier = encodeIntent({ type: 'join', time: 0, node: options.self });
  }

  wrap(ours: Uint8Array): Buffer {
    return Buffer.concat([this.carrier, ours]);
  }

  /** Returns the message of ours that this carries; empty when it is serf's own. */
  receive(bytes: Uint8Array): Uint8Array {
    const message = decodeSerf(bytes);
    if (typeof message === 'string') {
      this.counters[message]++;
      return none;
    }
    if (message.rest.length === 0 && this.take(message.value)) this.broadcast(bytes);
    return message.rest;
  }

  /** What a push-pull of ours carries. */
  wrapState(ours: Uint8Array): Buffer {
    const { clock, eventClock, queryClock, options, isLeaving } = this;
    const times = { time: clock.time, eventTime: eventClock.time, queryTime: queryClock.time };
    const node = options.self;
    const statusTime = this.statusTimes.get(node) ?? 0;
    return Buffer.concat([encodeSerfState(times, { node, statusTime, left: isLeaving }), ours]);
  }

  /** As `receive`, for what a push-pull carried. `join`: that with which we or the peer came. */
  receiveState(bytes: Uint8Array, join: boolean): Uint8Array {
    const followed = decodeSerfState(bytes);
    if (followed === 'malformed') {
      this.counters.malformed++;
      return none;
    }
    const { time, eventTime, queryTime, statusTimes, left, events } = followed.value;
    this.counters.states++;
    // Nothing was sent yet at the times themselves.
    this.clock.witness(time - 1);
    this.eventClock.witness(eventTime - 1);
    this.queryClock.witness(queryTime - 1);
    for (const node of left) {
      // The time of its leave is not told; it was after that of its status.
      this.intent({ type: 'leave', node, time: (statusTimes.get(node) ?? 0) + 1 });
    }
    if (join) this.eventTimeMin = Math.max(this.eventTimeMin, eventTime);
    for (const event of events) this.event(event);
    return followed.rest;
  }

  /** We came into a cluster, or are there all the same. */
  joined(): void {
    if (this.isLeaving) return;
    const { self: node } = this.options;
    const { time } = this.clock;
    this.clock.witness(time);
    this.noteStatus(node, time);
    this.broadcast(encodeIntent({ type: 'join', time, node }));
  }

  /** `done` is called when that was told, or after `withinMs`: then membership may hear of it. */
  leave(withinMs: number, done: () => void): void {
    const { self: node, clock } = this.options;
    const { time } = this.clock;
    this.isLeaving = true;
    this.clock.witness(time);
    this.noteStatus(node, time);
    const cancel = clock.after(withinMs, done);
    this.broadcast(encodeIntent({ type: 'leave', time, node }), () => {
      cancel();
      clock.after(0, done);
    });
  }

  /** Whether it is to be passed on. */
  private take(message: SerfMessage): boolean {
    if (message.type === 'event') return this.event(message);
    if (message.type === 'query') return this.query(message);
    return this.intent(message);
  }

  private intent({ type, time, node }: SerfIntent): boolean {
    this.clock.witness(time);
    if (time <= (this.statusTimes.get(node) ?? 0)) return false;
    this.counters.intents++;
    if (node === this.options.self) {
      if (type === 'leave') this.joined();
      return false;
    }
    this.noteStatus(node, time);
    return true;
  }

  private event(event: SerfEvent): boolean {
    const { time, name, payload, coalesce } = event;
    this.eventClock.witness(time);
    if (time < this.eventTimeMin) return false;
    const key = createHash('sha256').update(`${name}\0`).update(payload).digest('base64');
    if (!this.events.isNew(time, key, this.eventClock.time)) return false;
    this.counters.events++;
    const text = Buffer.from(payload.subarray(0, loggedBytesMax)).toString();
    this.options.log.info({ name, payload: text, time, coalesce }, `serf event ${name}`);
    return true;
  }

  private query({ time, id, name, flags }: SerfQuery): boolean {
    this.queryClock.witness(time);
    if (!this.queries.isNew(time, String(id), this.queryClock.time)) return false;
    this.counters.queries++;
    this.options.log.info({ name, time }, `serf query ${name}: not answered`);
    return (flags & noBroadcast) === 0;
  }

  private broadcast(payload: Uint8Array, done?: () => void): void {
    this.options.broadcast(`serf ${this.broadcasts++}`, payload, done);
  }

  private noteStatus(node: string, time: number): void {
    this.statusTimes.delete(node);
    this.statusTimes.set(node, time);
    if (this.statusTimes.size <= intentsMax) return;
    for (const oldest of this.statusTimes.keys()) {
      if (oldest === this.options.self) continue;
      this.statusTimes.delete(oldest);
      break;
    }
  }
}

const none = new Uint8Array();

/** Says what comes after all that was heard of; a liar can only stop it at its end. */
class LamportClock {
  time = 1;

  witness(time: number): void {
    this.time = Math.min(timeMax, Math.max(this.time, time + 1));
  }
}

/** Tells messages apart that come again, as they do in gossip. */
class Recent {
  private readonly keys = new Map<number, Set<string>>();

  isNew(time: number, key: string, nowTime: number): boolean {
    if (time + windowTimes < nowTime) return false;
    const keys = this.keys.get(time) ?? new Set();
    if (keys.has(key) || keys.size >= keysPerTimeMax) return false;
    this.keys.set(time, keys.add(key));
    if (this.keys.size > windowTimes) this.forget(nowTime);
    return true;
  }

  private forget(nowTime: number): void {
    for (const time of this.keys.keys()) if (time + windowTimes < nowTime) this.keys.delete(time);
  }
}
