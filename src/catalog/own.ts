import { MeshError } from '../base/index.js';
import { rowSize } from './codec.js';
import type { Core } from './core.js';
import { nextEpoch } from './epoch.js';
import type { Owner } from './owners.js';
import type { Section } from './messages.js';
import { isLater, type Row, type SignedHead } from './model.js';
import { headBytes, rowBytes, versionsHash } from './proof.js';
import { Budget } from './refusals.js';
import type { Stream } from './stream.js';
import { textLimits } from './tunables.js';

/** Called with every change of our own that others must hear of; no key = a new head alone. */
type Announce = (owner: Owner, stream: Stream, key?: string) => void;

/** The rows that this node writes, in the same table as those of all others. */
export class OwnRows {
  readonly owner: Owner;
  /** Of the last change. */
  version = 0;
  /** Heads of ourselves that are checked: they cost others nothing. */
  private readonly checks: Budget;
  /** Streams whose head must be signed anew, with its version. */
  private readonly unsealed = new Map<Stream, number>();
  /** When a tombstone was made, by stream and key. */
  private readonly tombstones = new Map<Stream, Map<string, number>>();
  private compactAtMs = 0;

  /** `lastEpoch`: of the life before, 0 = unknown. */
  constructor(
    private readonly core: Core,
    lastEpoch: number,
    private readonly announce: Announce,
    now: number,
  ) {
    this.checks = new Budget(core.tunables.checksPerSecond);
    this.owner = core.owners.add(core.self, core.proofs.publicKey, now);
    core.owners.addStream(this.owner, '');
    this.enter(lastEpoch, now);
  }

  get epoch(): number {
    return this.owner.epoch;
  }

  /** Networks that this node has rows in, besides ''. */
  get networks(): string[] {
    return [...this.owner.streams.keys()].filter((network) => network !== '');
  }

  /** Of the last change in a stream, signed or not. */
  versionOf(stream: Stream): number {
    return this.unsealed.get(stream) ?? stream.version;
  }

  /** Writes a row; returns the version of the change, or of the row if it was like that. */
  put(key: string, value: Uint8Array, network: string): number {
    const stream = this.owner.streams.get(network);
    const before = stream?.rows.get(key);
    if (before?.value !== undefined && Buffer.compare(before.value, value) === 0) {
      return before.version;
    }
    this.check({ key, network, value }, before);
    const target = stream ?? this.addStream(network);
    return this.write(target, key, Uint8Array.from(value));
  }

  /** Deletes a row; undefined if there is none. */
  delete(key: string, network: string, now: number): number | undefined {
    const stream = this.owner.streams.get(network);
    if (stream?.rows.get(key)?.value === undefined) return undefined;
    const version = this.write(stream, key);
    const times = this.tombstones.get(stream) ?? new Map<string, number>();
    this.tombstones.set(stream, times.set(key, now));
    return version;
  }

  /** Signs what changed, so that others can be given it. */
  seal(): void {
    for (const [stream, version] of this.unsealed) {
      const versions = Float64Array.from(stream.rows.values(), (row) => row.version);
      const floor = stream.head?.floor ?? 0;
      this.setHead(stream, version, floor, versions);
    }
    this.unsealed.clear();
  }

  /**
   * How far this node was, as others have it. A life that this one knows nothing of is outdone by
   * a new epoch; only our own signature proves it. Returns whether an epoch has begun.
   */
  hear({ network, epoch, head }: Section, now: number): boolean {
    if (head === undefined || !isLater({ epoch, version: head.version }, this)) return false;
    const { self, proofs, refusals } = this.core;
    const bytes = headBytes({ ...head, owner: self, network, epoch });
    if (!this.checks.take(1, now)) refusals.count('busy');
    else if (!proofs.verify(proofs.publicKey, bytes, head.signature)) refusals.count('self');
    else {
      this.enter(epoch, now);
      return true;
    }
    return false;
  }

  /**
   * Ends tombstones that nobody needs: `acknowledged` gives the version that all live members
   * have in a network. Who is not live, or slow, gets everything from the floor on.
   */
  compact(acknowledged: (stream: Stream) => number, now: number): void {
    if (now < this.compactAtMs || this.tombstones.size === 0) return;
    this.compactAtMs = now + this.core.tunables.compactIntervalMs;
    for (const [stream, times] of this.tombstones) {
      const over = this.endOfNeed(stream, times, acknowledged(stream), now);
      if (over.length > 0) this.raiseFloor(stream, times, over);
    }
  }

  /** Tombstones up to the first that is still needed. */
  private endOfNeed(
    stream: Stream,
    times: ReadonlyMap<string, number>,
    acknowledged: number,
    now: number,
  ): Row[] {
    const { tombstoneMinMs, tombstoneMaxMs } = this.core.tunables;
    const tombstones = [...stream.rows.values()]
      .filter(({ value }) => value === undefined)
      .sort((a, b) => a.version - b.version);
    const needed = tombstones.findIndex(({ key, version }) => {
      const age = now - (times.get(key) ?? 0);
      return version <= acknowledged ? age < tombstoneMinMs : age < tombstoneMaxMs;
    });
    return needed === -1 ? tombstones : tombstones.slice(0, needed);
  }

  private raiseFloor(stream: Stream, times: Map<string, number>, over: readonly Row[]): void {
    this.seal();
    for (const { key } of over) {
      this.core.owners.removeRow(this.owner, stream, key);
      times.delete(key);
    }
    if (times.size === 0) this.tombstones.delete(stream);
    const versions = Float64Array.from(stream.rows.values(), (row) => row.version);
    this.setHead(stream, ++this.version, over.at(-1)!.version, versions);
    this.announce(this.owner, stream);
  }

  private setHead(stream: Stream, version: number, floor: number, versions: Float64Array): void {
    const head = {
      owner: this.core.self,
      network: stream.network,
      epoch: this.epoch,
      version,
      floor,
      count: versions.length,
      versions: versionsHash(versions),
    };
    const signed: SignedHead = { ...head, signature: this.core.proofs.sign(headBytes(head)) };
    stream.version = version;
    stream.head = signed;
    stream.newest = signed;
    this.core.owners.revision++;
  }

  private write(stream: Stream, key: string, value?: Uint8Array): number {
    const version = ++this.version;
    const { self, proofs, owners } = this.core;
    const { network } = stream;
    const row: Row = {
      owner: self,
      key,
      network,
      epoch: this.epoch,
      version,
      ...(value === undefined ? {} : { value }),
    };
    owners.setRow(this.owner, stream, { ...row, signature: proofs.sign(rowBytes(row)) });
    this.tombstones.get(stream)?.delete(key);
    this.unsealed.set(stream, version);
    this.announce(this.owner, stream, key);
    return version;
  }

  /** Begins the epoch after `last`: every row is written anew, what was deleted is gone. */
  private enter(last: number, now: number): void {
    const { owners, random } = this.core;
    const epoch = nextEpoch(Math.max(last, this.epoch), random);
    this.version = 0;
    this.tombstones.clear();
    this.unsealed.clear();
    for (const stream of this.owner.streams.values()) {
      owners.enterEpoch(this.owner, stream, epoch, now);
      for (const { key, value } of [...stream.rows.values()]) {
        if (value === undefined) owners.removeRow(this.owner, stream, key);
        else this.write(stream, key, value);
      }
      // Even an empty stream is announced: it ends the rows of the epoch before.
      if (!this.unsealed.has(stream)) this.unsealed.set(stream, ++this.version);
      this.announce(this.owner, stream);
    }
    this.core.emit({ kind: 'epoch', epoch });
  }

  private addStream(network: string): Stream {
    const stream = this.core.owners.addStream(this.owner, network);
    this.core.owners.enterEpoch(this.owner, stream, this.epoch, 0);
    return stream;
  }

  /** Throws `invalid_argument` or `resource_exhausted`: others would refuse the row. */
  private check(
    row: { readonly key: string; readonly network: string; readonly value: Uint8Array },
    before: Row | undefined,
  ): void {
    const { tunables } = this.core;
    const what = `row ${JSON.stringify(row.key)}`;
    const size = (text: string): number => Buffer.byteLength(text);
    const isLong = size(row.key) > textLimits.key || size(row.network) > textLimits.network;
    if (isLong || !isText(row.key) || !isText(row.network)) {
      throw new MeshError('invalid_argument', `${what}: its key or network is too long or no text`);
    }
    if (row.value.length > tunables.valueBytesMax) {
      throw new MeshError(
        'invalid_argument',
        `${what}: value above ${tunables.valueBytesMax} bytes`,
      );
    }
    const bytes = rowSize({ ...row, version: 1, signature: new Uint8Array(0) });
    const isNewNetwork = !this.owner.streams.has(row.network);
    if (
      (before === undefined && this.owner.rows >= tunables.rowsPerOwnerMax) ||
      this.owner.bytes + bytes > tunables.bytesPerOwnerMax ||
      (isNewNetwork && this.owner.streams.size >= tunables.networksPerOwnerMax)
    ) {
      throw new MeshError('resource_exhausted', `${what}: this node has too many rows`);
    }
  }
}

/** Without lone surrogates, which UTF-8 does not have. */
function isText(text: string): boolean {
  return Buffer.from(text).toString() === text;
}
