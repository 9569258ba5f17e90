import { MsgpackReader, MsgpackWriter } from '../gossip/index.js';

/*
 * What serf says in the user messages of memberlist: a type byte, then one map in msgpack. Fields
 * that are not needed here are passed over, and so does serf; what follows the map it does not
 * even look at. Times are counts of Lamport clocks.
 */

/** `node` says that it came or goes, or somebody says that it shall be taken for gone. */
export interface SerfIntent {
  readonly type: 'join' | 'leave';
  readonly time: number;
  readonly node: string;
}

/** What `serf event` sends. */
export interface SerfEvent {
  readonly type: 'event';
  readonly time: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Handlers may leave out all but the last of one name. */
  readonly coalesce: boolean;
}

/** What `serf query` and `serf keys` send; we do not answer. */
export interface SerfQuery {
  readonly type: 'query';
  readonly time: number;
  readonly id: number;
  readonly name: string;
  /** Bit 1: not to be passed on. */
  readonly flags: number;
}

export type SerfMessage = SerfIntent | SerfEvent | SerfQuery;

/** What serf puts into a push-pull. */
export interface SerfState {
  readonly time: number;
  readonly eventTime: number;
  readonly queryTime: number;
  /** Of the last intent of each member. */
  readonly statusTimes: ReadonlyMap<string, number>;
  readonly left: readonly string[];
  /** Recent ones. */
  readonly events: readonly SerfEvent[];
}

/** What was read, and what followed it: nothing that serf itself sends. */
export interface Followed<T> {
  readonly value: T;
  readonly rest: Uint8Array;
}

const types = { leave: 0, join: 1, state: 2, event: 3, query: 4 } as const;
/** Those that serf answers queries with, or passes on for others: 5 to 9. */
const typeMax = 9;

/** serf's clocks have 64 bits; nobody counts that far. */
export const timeMax = 2 ** 32 - 1;
const textBytesMax = 1_024;

/** `foreign`: serf's, but of no use here. */
export function decodeSerf(bytes: Uint8Array): Followed<SerfMessage> | 'foreign' | 'malformed' {
  const [type] = bytes;
  if (type === types.join) return followed(bytes, (reader) => intent(reader, 'join'));
  if (type === types.leave) return followed(bytes, (reader) => intent(reader, 'leave'));
  if (type === types.event) return followed(bytes, event);
  if (type === types.query) return followed(bytes, query);
  return type === undefined || type === types.state || type > typeMax ? 'malformed' : 'foreign';
}

export function decodeSerfState(bytes: Uint8Array): Followed<SerfState> | 'malformed' {
  return bytes[0] === types.state ? followed(bytes, state) : 'malformed';
}

export function encodeIntent({ type, time, node }: SerfIntent): Buffer {
  const writer = new MsgpackWriter(32 + node.length);
  writer.byte(types[type]);
  writer.map(type === 'leave' ? 3 : 2);
  writer.text('LTime');
  writer.uint(time);
  writer.text('Node');
  writer.text(node);
  if (type === 'leave') {
    writer.text('Prune');
    writer.bool(false);
  }
  return writer.finish();
}

/** Of this node alone: serf learns of the others from themselves. */
export function encodeSerfState(
  state: Pick<SerfState, 'time' | 'eventTime' | 'queryTime'>,
  self: { readonly node: string; readonly statusTime: number; readonly left: boolean },
): Buffer {
  const writer = new MsgpackWriter(128 + 2 * self.node.length);
  writer.byte(types.state);
  writer.map(6);
  writer.text('EventLTime');
  writer.uint(state.eventTime);
  writer.text('Events');
  writer.list(0);
  writer.text('LTime');
  writer.uint(state.time);
  writer.text('LeftMembers');
  writer.list(self.left ? 1 : 0);
  if (self.left) writer.text(self.node);
  writer.text('QueryLTime');
  writer.uint(state.queryTime);
  writer.text('StatusLTimes');
  writer.map(1);
  writer.text(self.node);
  writer.uint(self.statusTime);
  return writer.finish();
}

function followed<T>(
  message: Uint8Array,
  read: (reader: MsgpackReader) => T,
): Followed<T> | 'malformed' {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  const reader = new MsgpackReader(bytes, 1, bytes.length);
  const value = read(reader);
  if (reader.problem !== undefined) return 'malformed';
  return { value, rest: bytes.subarray(reader.offset) };
}

/** Reads the fields that `take` names, and passes over the others. */
function fields(reader: MsgpackReader, take: Readonly<Record<string, () => void>>): void {
  for (let left = reader.map(); left > 0 && reader.problem === undefined; left--) {
    const key = reader.text(textBytesMax);
    if (Object.hasOwn(take, key)) take[key]!();
    else reader.skip();
  }
}

function intent(reader: MsgpackReader, type: SerfIntent['type']): SerfIntent {
  let [time, node] = [0, ''];
  fields(reader, {
    LTime: () => (time = reader.uint(timeMax)),
    Node: () => (node = reader.text(textBytesMax)),
  });
  return { type, time, node };
}

function event(reader: MsgpackReader): SerfEvent {
  let [time, name, coalesce] = [0, '', false];
  let payload: Uint8Array = Buffer.alloc(0);
  fields(reader, {
    LTime: () => (time = reader.uint(timeMax)),
    Name: () => (name = reader.text(textBytesMax)),
    Payload: () => (payload = reader.raw(Infinity)),
    CC: () => (coalesce = reader.bool()),
  });
  return { type: 'event', time, name, payload, coalesce };
}

function query(reader: MsgpackReader): SerfQuery {
  let [time, id, name, flags] = [0, 0, '', 0];
  fields(reader, {
    LTime: () => (time = reader.uint(timeMax)),
    ID: () => (id = reader.uint(2 ** 32 - 1)),
    Name: () => (name = reader.text(textBytesMax)),
    Flags: () => (flags = reader.uint(2 ** 32 - 1)),
  });
  return { type: 'query', time, id, name, flags };
}

function state(reader: MsgpackReader): SerfState {
  const statusTimes = new Map<string, number>();
  const left: string[] = [];
  const events: SerfEvent[] = [];
  let [time, eventTime, queryTime] = [0, 0, 0];
  fields(reader, {
    LTime: () => (time = reader.uint(timeMax)),
    EventLTime: () => (eventTime = reader.uint(timeMax)),
    QueryLTime: () => (queryTime = reader.uint(timeMax)),
    LeftMembers: () => each(reader, () => left.push(reader.text(textBytesMax))),
    StatusLTimes: () => {
      for (let more = reader.map(); more > 0 && reader.problem === undefined; more--) {
        const node = reader.text(textBytesMax);
        statusTimes.set(node, reader.uint(timeMax));
      }
    },
    Events: () => each(reader, () => eventsOfOneTime(reader, events)),
  });
  return { time, eventTime, queryTime, statusTimes, left, events };
}

/** Most places of serf's list are nil, which reads as an empty map. */
function eventsOfOneTime(reader: MsgpackReader, into: SerfEvent[]): void {
  let time = 0;
  const found: SerfEvent[] = [];
  fields(reader, {
    LTime: () => (time = reader.uint(timeMax)),
    Events: () => each(reader, () => found.push(event(reader))),
  });
  into.push(...found.map((one) => ({ ...one, time })));
}

function each(reader: MsgpackReader, read: () => unknown): void {
  for (let left = reader.list(); left > 0 && reader.problem === undefined; left--) read();
}
