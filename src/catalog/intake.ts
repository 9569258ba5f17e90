import type { Core } from './core.js';
import { rowSize } from './codec.js';
import type { HeadFields, RowFields, Section } from './messages.js';
import { isLater, type SignedHead, type SignedRow } from './model.js';
import type { Owner } from './owners.js';
import { headBytes, isSameKey, rowBytes } from './proof.js';
import { Budget, type Refusal } from './refusals.js';
import type { Stream } from './stream.js';

/** What became of a section. */
export interface Taken {
  readonly refused?: Refusal;
  /** Rows that this node did not have. */
  readonly rows: readonly SignedRow[];
  /** The head is news here. */
  readonly newHead: boolean;
  readonly stream?: Stream;
}

/** Takes rows and heads of others into the table, if their owner vouches for them. */
export class Intake {
  private readonly checks: Budget;

  constructor(private readonly core: Core) {
    this.checks = new Budget(core.tunables.checksPerSecond);
  }

  /** `asked`: an answer to a question of ours, which bounds what it may cost. */
  take(section: Section, asked: boolean, now: number): Taken {
    const refused = this.objection(section);
    if (refused === 'key') this.core.dispute(section.owner);
    if (refused !== undefined) return this.refuse(refused);
    return new SectionIntake(this.core, asked ? undefined : this.checks, section, now).run();
  }

  private refuse(refused: Refusal): Taken {
    this.core.refusals.count(refused);
    return { refused, rows: [], newHead: false };
  }

  /** What can be said against a section without looking at a signature. */
  private objection(section: Section): Refusal | undefined {
    const { owners, interest, tunables, trust } = this.core;
    if (!interest.has(section.network)) return 'interest';
    const owner = owners.get(section.owner);
    if (owner === undefined && owners.size >= tunables.ownersMax) return 'owners';
    const key = owner?.publicKey ?? trust.keyOf(section.owner);
    if (key !== undefined && !isSameKey(key, section.publicKey)) return 'key';
    if (section.epoch < owners.epochOf(section.owner)) return 'stale';
    const streams = owner?.streams;
    const isFull = (streams?.size ?? 0) >= tunables.networksPerOwnerMax;
    return isFull && streams?.has(section.network) === false ? 'networks' : undefined;
  }
}

/** A row that does not keep the payload alive that it came in. */
function ownBytes(row: SignedRow): SignedRow {
  const value = row.value === undefined ? {} : { value: Uint8Array.from(row.value) };
  return { ...row, ...value, signature: Uint8Array.from(row.signature) };
}

/** The work on one section; its owner and stream come into being with the first proof. */
class SectionIntake {
  private owner: Owner | undefined;
  private stream: Stream | undefined;
  private readonly rows: SignedRow[] = [];
  private refused: Refusal | undefined;

  constructor(
    private readonly core: Core,
    private readonly checks: Budget | undefined,
    private readonly section: Section,
    private readonly now: number,
  ) {
    this.owner = core.owners.get(section.owner);
    this.stream = this.owner?.streams.get(section.network);
  }

  run(): Taken {
    const before = this.stream?.newest;
    const { head: fields, epoch, rows } = this.section;
    const head = fields === undefined ? undefined : this.checkedHead(fields);
    // An epoch begins with a head, which can be shown to the owner if it forgot the epoch.
    if (this.stream?.newest?.epoch === epoch) for (const row of rows) this.takeRow(row);
    const newHead = head !== undefined && (before === undefined || isLater(head, before));
    this.settle(head);
    return {
      rows: this.rows,
      newHead,
      ...(this.refused === undefined ? {} : { refused: this.refused }),
      ...(this.stream === undefined ? {} : { stream: this.stream }),
    };
  }

  private refuse(reason: Refusal): void {
    this.core.refusals.count(reason);
    this.refused = reason;
  }

  private takeRow(fields: RowFields): void {
    const { owner: name, network, epoch } = this.section;
    const { key, version } = fields;
    const held = this.stream?.rows.get(key);
    // What is complete up to a version has no use for anything before: the row has ended since.
    const isOver = this.stream?.epoch === epoch && version <= this.stream.version;
    if (isOver || (held !== undefined && !isLater({ epoch, version }, held))) {
      if (held?.epoch === epoch && held.version >= version) this.stream?.arrived?.add(key);
      return;
    }
    const row: SignedRow = { owner: name, network, epoch, ...fields };
    if (!this.isProved(rowBytes(row), row.signature)) return;
    // Only now: nobody but the owner shall be able to make it too large.
    const excess = this.excess(fields, held);
    if (excess !== undefined) {
      if (this.stream !== undefined) {
        this.stream.blockedUntilMs = this.now + this.core.tunables.penaltyMs;
      }
      this.refuse(excess);
      return;
    }
    const { owner, stream } = this;
    if (owner === undefined || stream === undefined) return;
    const kept = ownBytes(row);
    this.core.owners.setRow(owner, stream, kept);
    stream.arrived?.add(key);
    this.rows.push(kept);
  }

  /** The limit that the row would break. */
  private excess(row: RowFields, held: SignedRow | undefined): Refusal | undefined {
    const { tunables, owners } = this.core;
    if ((row.value?.length ?? 0) > tunables.valueBytesMax) return 'value-size';
    const count = (this.owner?.rows ?? 0) + (held === undefined ? 1 : 0);
    if (count > tunables.rowsPerOwnerMax) return 'rows';
    const growth = rowSize(row) - (held === undefined ? 0 : rowSize(held));
    const isTooMuch = (this.owner?.bytes ?? 0) + growth > tunables.bytesPerOwnerMax;
    return isTooMuch || owners.bytes + growth > tunables.bytesMax ? 'bytes' : undefined;
  }

  /** The section's head, if it is of use and its owner's. */
  private checkedHead(fields: HeadFields): SignedHead | undefined {
    const { owner: name, network, epoch } = this.section;
    const known = this.stream?.epoch === epoch ? this.stream : undefined;
    if (known !== undefined && fields.version <= known.version) return undefined;
    if (known?.newest?.version === fields.version) return known.newest;
    const head: SignedHead = {
      owner: name,
      network,
      epoch,
      version: fields.version,
      floor: fields.floor,
      count: fields.count,
      versions: Uint8Array.from(fields.versions),
      signature: Uint8Array.from(fields.signature),
    };
    if (!this.isProved(headBytes(head), head.signature)) return undefined;
    const { owner, stream } = this.place();
    if (owner === undefined || stream === undefined) return undefined;
    this.core.owners.setNewest(owner, stream, head);
    return head;
  }

  private isProved(bytes: Uint8Array, signature: Uint8Array): boolean {
    if (this.checks?.take(1, this.now) === false) {
      this.refuse('busy');
      return false;
    }
    const isProved = this.core.proofs.verify(this.section.publicKey, bytes, signature);
    if (!isProved) this.refuse('signature');
    return isProved;
  }

  /** Owner and stream of the section, in its epoch. */
  private place(): { owner: Owner | undefined; stream: Stream | undefined } {
    const { owners, trust } = this.core;
    const { section } = this;
    if (this.owner === undefined) {
      const isBound = trust.keyOf(section.owner) !== undefined;
      if (!isBound && !trust.bind(section.owner, section.publicKey)) {
        this.refuse('key');
        return { owner: undefined, stream: undefined };
      }
      this.owner = owners.add(section.owner, section.publicKey, this.now);
    }
    this.stream ??= owners.addStream(this.owner, section.network);
    if (this.stream.epoch < section.epoch) {
      owners.enterEpoch(this.owner, this.stream, section.epoch, this.now);
    }
    return { owner: this.owner, stream: this.stream };
  }

  /** Rows may complete what the latest head says, or what the one of this section says. */
  private settle(head: SignedHead | undefined): void {
    const { owner, stream } = this;
    if (owner === undefined || stream?.epoch !== this.section.epoch) return;
    if (head === undefined && this.rows.length === 0) return;
    const isSettled = [stream.newest, head].some(
      (candidate) => candidate !== undefined && this.core.owners.settle(owner, stream, candidate),
    );
    if (!isSettled) return;
    const { network, epoch, version } = stream;
    this.core.feed.complete({ owner: owner.name, network, epoch, version });
  }
}
