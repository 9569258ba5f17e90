import { rowSize } from './codec.js';
import { isLater, type SignedHead, type SignedRow } from './model.js';
import { Stream } from './stream.js';

/** An owner of whom this node has proof. */
export class Owner {
  /** Highest of which there is proof. */
  epoch = 0;
  /** The proof: the latest head of all, which its next life must outdo. */
  proof: SignedHead | undefined;
  /** When `epoch` was first seen. */
  epochAtMs = 0;
  /** When it was told last that it is out of date. */
  correctedAtMs = Number.NEGATIVE_INFINITY;
  readonly streams = new Map<string, Stream>();
  /** Rows, tombstones included. */
  rows = 0;
  bytes = 0;

  constructor(
    readonly name: string,
    readonly publicKey: Uint8Array,
    /** When it was first heard of. */
    readonly sinceMs: number,
  ) {}
}

/** What is kept of an owner whose rows were dropped. */
export interface Grave {
  readonly publicKey: Uint8Array;
  readonly head: SignedHead;
  /** When it was told last that it is out of date. */
  correctedAtMs: number;
}

/** All owners and their rows. Keeps the counts that the limits are held against. */
export class Owners {
  private readonly byName = new Map<string, Owner>();
  private readonly graves = new Map<string, Grave>();
  /** Of all rows. */
  bytes = 0;
  /** Changes with everything that a digest shows. */
  revision = 0;

  /** `changed` is called with the place of every row that came, changed or went. */
  constructor(
    private readonly gravesMax: number,
    private readonly changed: (owner: string, network: string, key: string) => void,
  ) {}

  get size(): number {
    return this.byName.size;
  }

  get(name: string): Owner | undefined {
    return this.byName.get(name);
  }

  stream(owner: string, network: string): Stream | undefined {
    return this.byName.get(owner)?.streams.get(network);
  }

  all(): IterableIterator<Owner> {
    return this.byName.values();
  }

  add(name: string, publicKey: Uint8Array, now: number): Owner {
    const owner = new Owner(name, Uint8Array.from(publicKey), now);
    this.byName.set(name, owner);
    return owner;
  }

  addStream(owner: Owner, network: string): Stream {
    const stream = new Stream(owner.name, network);
    owner.streams.set(network, stream);
    return stream;
  }

  grave(name: string): Grave | undefined {
    return this.graves.get(name);
  }

  /** The latest epoch of which there is proof; 0 = none. */
  epochOf(name: string): number {
    return this.byName.get(name)?.epoch ?? this.graves.get(name)?.head.epoch ?? 0;
  }

  /** There is proof of `epoch`: what was before is over. */
  enterEpoch(owner: Owner, stream: Stream, epoch: number, now: number): void {
    if (epoch > owner.epoch) {
      owner.epoch = epoch;
      owner.epochAtMs = now;
      this.graves.delete(owner.name);
    }
    if (epoch > stream.epoch) stream.begin(epoch);
    this.revision++;
  }

  /** `head` was checked and is the stream's latest. */
  setNewest(owner: Owner, stream: Stream, head: SignedHead): void {
    if (stream.newest === undefined || isLater(head, stream.newest)) stream.newest = head;
    if (owner.proof === undefined || isLater(head, owner.proof)) owner.proof = head;
  }

  setRow(owner: Owner, stream: Stream, row: SignedRow): void {
    const before = stream.rows.get(row.key);
    stream.rows.delete(row.key); // The map stays in the order of the changes.
    stream.rows.set(row.key, row);
    this.count(owner, before === undefined ? 1 : 0, rowSize(row) - sizeOf(before));
    this.changed(owner.name, stream.network, row.key);
  }

  removeRow(owner: Owner, stream: Stream, key: string): void {
    const before = stream.rows.get(key);
    if (before === undefined) return;
    stream.rows.delete(key);
    this.count(owner, -1, -rowSize(before));
    this.changed(owner.name, stream.network, key);
  }

  /** Takes `head` as what the stream is complete up to, if it is; returns whether it did. */
  settle(owner: Owner, stream: Stream, head: SignedHead): boolean {
    if (head.epoch !== stream.epoch || head.version <= stream.version) return false;
    const excess = stream.excessUnder(head);
    if (excess === undefined) return false;
    for (const key of excess) this.removeRow(owner, stream, key);
    stream.version = head.version;
    stream.head = head;
    if (!stream.behind) stream.arrived = undefined;
    this.revision++;
    return true;
  }

  dropStream(owner: Owner, stream: Stream): void {
    for (const key of [...stream.rows.keys()]) this.removeRow(owner, stream, key);
    owner.streams.delete(stream.network);
    this.revision++;
  }

  /** As if it had never been there. */
  forget(name: string): void {
    const owner = this.byName.get(name);
    if (owner !== undefined) this.bury(owner);
    this.graves.delete(name);
  }

  /** Drops all its rows and remembers its epoch. */
  bury(owner: Owner): void {
    const { proof: head, publicKey, correctedAtMs } = owner;
    for (const stream of [...owner.streams.values()]) this.dropStream(owner, stream);
    this.byName.delete(owner.name);
    if (head === undefined) return;
    this.graves.delete(owner.name);
    this.graves.set(owner.name, { publicKey, head, correctedAtMs });
    if (this.graves.size <= this.gravesMax) return;
    for (const oldest of this.graves.keys()) {
      this.graves.delete(oldest);
      break;
    }
  }

  private count(owner: Owner, rows: number, bytes: number): void {
    owner.rows += rows;
    owner.bytes += bytes;
    this.bytes += bytes;
  }
}

function sizeOf(row: SignedRow | undefined): number {
  return row === undefined ? 0 : rowSize(row);
}
