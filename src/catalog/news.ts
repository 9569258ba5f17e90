import { encodeMessage, rowSize, sectionBytes } from './codec.js';
import type { Core } from './core.js';
import type { HeadFields, RowFields, Section } from './messages.js';
import type { SignedHead, SignedRow } from './model.js';
import type { Owner } from './owners.js';
import type { Stream } from './stream.js';

interface Pending {
  readonly owner: Owner;
  readonly stream: Stream;
  readonly keys: Set<string>;
}

/** Streams that may wait for gossip; more are left to the exchanges. */
const pendingMax = 256;

/** Gathers what is new during a tick and gossips it in few payloads: our own, and what we relay. */
export class News {
  private readonly pending = new Map<Stream, Pending>();
  private slot = 0;

  constructor(private readonly core: Core) {}

  /** No `key`: the stream's head alone. */
  add(owner: Owner, stream: Stream, key?: string): void {
    const known = this.pending.get(stream);
    if (known === undefined && this.pending.size >= pendingMax) return;
    const pending = known ?? { owner, stream, keys: new Set<string>() };
    this.pending.set(stream, pending);
    // One more than are sent: it shows that there are too many.
    if (key !== undefined && pending.keys.size <= this.core.tunables.newsRows)
      pending.keys.add(key);
  }

  /** Emits up to `newsPerTick` payloads, or a few more that finish a stream. */
  flush(): void {
    const batch = new Batch(this.core.tunables.newsBytes, (sections) => this.emit(sections));
    for (const [stream, { owner, keys }] of this.pending) {
      if (batch.payloads >= this.core.tunables.newsPerTick) break;
      this.pending.delete(stream);
      const isBulk = keys.size > this.core.tunables.newsRows;
      const rows = isBulk ? [] : [...keys].flatMap((key) => stream.rows.get(key) ?? []);
      batch.add(owner, stream, rows);
    }
    batch.end();
  }

  private emit(sections: readonly Section[]): void {
    const name = `catalog/${this.slot}`;
    this.slot = (this.slot + 1) % this.core.tunables.newsSlots;
    const payload = encodeMessage({ type: 'news', sections });
    this.core.emit({ kind: 'broadcast', name, payload });
  }
}

/** Fills payloads one after the other. */
class Batch {
  payloads = 0;
  private sections: Section[] = [];
  private bytes = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly emit: (sections: readonly Section[]) => void,
  ) {}

  /** A row that fits into no payload is left out; the head tells that it exists. */
  add(owner: Owner, stream: Stream, rows: readonly SignedRow[]): void {
    const current = rows.filter(({ epoch }) => epoch === stream.epoch);
    const overhead = sectionBytes({ owner: owner.name, network: stream.network });
    let part: SignedRow[] = [];
    let partBytes = overhead;
    this.reserve(overhead);
    for (const row of current) {
      const size = rowSize(row);
      if (overhead + size > this.bytesMax) continue;
      if (this.bytes + partBytes + size > this.bytesMax) {
        this.push(sectionOf(owner, stream, part), partBytes);
        this.end();
        part = [];
        partBytes = overhead;
      }
      part.push(row);
      partBytes += size;
    }
    if (part.length > 0 || stream.newest !== undefined) {
      this.push(sectionOf(owner, stream, part), partBytes);
    }
  }

  end(): void {
    if (this.sections.length > 0) {
      this.payloads++;
      this.emit(this.sections);
    }
    this.sections = [];
    this.bytes = 0;
  }

  private reserve(size: number): void {
    if (this.bytes + size > this.bytesMax) this.end();
  }

  private push(section: Section, size: number): void {
    if (section.rows.length === 0 && section.head === undefined) return;
    this.sections.push(section);
    this.bytes += size;
  }
}

function sectionOf(owner: Owner, stream: Stream, rows: readonly SignedRow[]): Section {
  const { newest } = stream;
  return {
    owner: owner.name,
    publicKey: owner.publicKey,
    network: stream.network,
    epoch: stream.epoch,
    base: 0,
    last: false,
    ...(newest === undefined ? {} : { head: headFields(newest) }),
    rows: rows.map(rowFields),
  };
}

export function headFields(head: SignedHead): HeadFields {
  const { version, floor, count, versions, signature } = head;
  return { version, floor, count, versions, signature };
}

export function rowFields(row: SignedRow): RowFields {
  const { version, key, value, signature } = row;
  return { version, key, ...(value === undefined ? {} : { value }), signature };
}
