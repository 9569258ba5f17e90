import {
  ourVersions,
  profiles,
  Swim,
  type Effect,
  type GossipEvent,
  type Input,
  type MemberState,
  type PacketMessage,
  type PeerAddress,
  type StreamMessage,
  type SwimOptions,
} from '../../../src/gossip/index.js';
import { pack, unpack } from '../../sim/parcel.js';
import { seededRandom } from '../../sim/random.js';

/** Where the member of this name listens: `a` at 10.0.0.97. */
export function at(name: string): PeerAddress {
  return { address: `10.0.0.${name.charCodeAt(0)}`, port: 7946 };
}

/** `alive 2`, of `a`: what is known of a member. */
export function memberOf(node: string, text: string): MemberState {
  const [state, incarnation, meta = ''] = text.split(' ');
  return {
    node,
    at: at(node),
    meta: Buffer.from(meta),
    incarnation: Number(incarnation),
    state: state as MemberState['state'],
    versions: ourVersions,
  };
}

/** `alive a 2 META`, `suspect a 2 by b`, `dead a 2 by b`, `alive a 2 at z`. */
export function messageOf(text: string): PacketMessage {
  const [type, node = '', number, ...rest] = text.split(' ');
  const incarnation = Number(number);
  const from = rest[0] === 'by' ? rest[1]! : '';
  if (type === 'suspect' || type === 'dead') return { type, node, incarnation, from };
  if (type !== 'alive') throw new Error(`no message: ${text}`);
  const elsewhere = rest[0] === 'at';
  const meta = Buffer.from(elsewhere ? '' : (rest[0] ?? ''));
  const place = at(elsewhere ? rest[1]! : node);
  return { type, node, incarnation, at: place, meta, versions: ourVersions };
}

/** The other way round; addresses are left out. */
export function textOf(message: PacketMessage): string {
  switch (message.type) {
    case 'alive': {
      const meta = Buffer.from(message.meta).toString();
      return `alive ${message.node} ${message.incarnation}${meta === '' ? '' : ` ${meta}`}`;
    }
    case 'suspect':
    case 'dead':
      return `${message.type} ${message.node} ${message.incarnation} by ${message.from}`;
    case 'ping':
      return `ping ${message.node}`;
    case 'indirect-ping':
      return `indirect-ping ${message.node}${message.nack ? ' nack' : ''}`;
    case 'user':
      return `user ${Buffer.from(message.payload).toString()}`;
    case 'ack':
    case 'nack':
      return message.type;
  }
}

function eventText(event: GossipEvent): string {
  if (event.kind === 'member') return `${event.change} ${event.member.node}`;
  if (event.kind === 'join') return `join ${event.problem ?? 'worked'}`;
  if (event.kind === 'refuted') return `refuted ${event.incarnation}`;
  return event.kind;
}

type Packet = Extract<Effect, { kind: 'packet' }>;
type Opened = Extract<Effect, { kind: 'open' }>;

/** One member `m`, alone with what a test tells it; time is the test's. */
export class Lone {
  readonly swim: Swim;
  nowMs = 0;
  events: string[] = [];
  packets: Packet[] = [];
  opened: Opened[] = [];
  /** Answers to what came over streams. */
  replies: StreamMessage[] = [];

  constructor(options: Partial<SwimOptions> & { readonly others?: Record<string, string> } = {}) {
    const { others = {}, ...rest } = options;
    const known = Object.entries(others).map(([node, text]) => memberOf(node, text));
    this.swim = new Swim(
      {
        name: 'm',
        at: at('m'),
        profile: profiles.lan,
        random: seededRandom(1),
        encode: pack,
        packetBytes: 1400,
        known,
        ...rest,
      },
      0,
    );
    this.take();
  }

  /** What is known of a member: `alive 2`; or `unknown`. */
  stateOf(node: string): string {
    const member = this.swim.member(node);
    return member === undefined ? 'unknown' : `${member.state} ${member.incarnation}`;
  }

  /** One packet from `from`. */
  hear(message: string | PacketMessage, from = 'b'): void {
    const decoded = typeof message === 'string' ? messageOf(message) : message;
    this.step({ kind: 'packet', from: at(from), message: decoded });
  }

  step(input: Input): void {
    this.swim.step(input, this.nowMs);
    this.take();
  }

  /** Lets so much time pass, timer by timer. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.swim.nextTickMs() <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.swim.nextTickMs());
      this.swim.tick(this.nowMs);
      this.take();
    }
    this.nowMs = untilMs;
  }

  /** Lets time pass until the next packet that holds a message of this type; that message. */
  nextSent<T extends PacketMessage['type']>(type: T): PacketMessage & { type: T } {
    for (let waited = 0; waited < 60_000; waited++) {
      this.pass(1);
      for (const message of this.takeSent().flatMap(({ messages }) => messages))
        if (message.type === type) return message as PacketMessage & { type: T };
    }
    throw new Error(`no ${type} within a minute`);
  }

  /** What was sent since the last look. */
  takeSent(): { readonly to: string; readonly messages: readonly PacketMessage[] }[] {
    return this.packets.splice(0).map(({ to, parts }) => ({
      to: String.fromCharCode(Number(to.address.split('.')[3])),
      messages: parts.map(unpack),
    }));
  }

  takeEvents(): string[] {
    return this.events.splice(0);
  }

  /** All that was told of members within so much time, each once. */
  told(withinMs: number): string[] {
    this.pass(withinMs);
    const texts = this.takeSent().flatMap(({ messages }) => messages.map(textOf));
    return [...new Set(texts)].filter((text) => /^(alive|suspect|dead) /.test(text));
  }

  use(what: (swim: Swim, nowMs: number) => void): void {
    what(this.swim, this.nowMs);
    this.take();
  }

  private take(): void {
    for (const effect of this.swim.ready()) {
      if (effect.kind === 'packet') this.packets.push(effect);
      else if (effect.kind === 'open') this.opened.push(effect);
      else if (effect.kind === 'reply') this.replies.push(effect.message);
      else if (effect.kind === 'event') this.events.push(eventText(effect.event));
    }
  }
}
