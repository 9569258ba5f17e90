import type { Head, SignedHead, SignedRow } from './model.js';
import { versionsHash } from './proof.js';

/** One owner's rows in one network, as far as this node has them. */
export class Stream {
  /** Of `version`, `head` and `newest`; rows of earlier epochs wait for their successors. */
  epoch = 0;
  /** Everything up to this version is here; 0 = nothing is known to be complete. */
  version = 0;
  /** Of `version`. */
  head: SignedHead | undefined;
  /** The latest that was seen and checked; later than `head` where something is missing. */
  newest: SignedHead | undefined;
  readonly rows = new Map<string, SignedRow>();
  /** Keys that came with the full transfer under way. */
  arrived: Set<string> | undefined;
  /** Hash of its epoch and version, as they were when somebody asked for it. */
  mark: { readonly epoch: number; readonly version: number; readonly hash: bigint } | undefined;
  /** It does not fit here: not asked for until then. */
  blockedUntilMs = 0;

  constructor(
    readonly owner: string,
    readonly network: string,
  ) {}

  /** Forgets how complete it is, because a later epoch has begun. */
  begin(epoch: number): void {
    this.epoch = epoch;
    this.version = 0;
    this.head = undefined;
    this.newest = undefined;
    this.arrived = undefined;
  }

  /** Is something known to be missing? */
  get behind(): boolean {
    return this.newest !== undefined && this.newest.version > this.version;
  }

  /**
   * Keys that `head` leaves without a row here, if what is here is all that it speaks of; undefined
   * if it is not. A full transfer may leave behind what ended unnoticed, a plain one may not.
   */
  excessUnder(head: Head): string[] | undefined {
    const held = [...this.rows.values()].filter((row) => isUnder(row, head));
    if (isAll(held, head)) return this.others(new Set(held), head);
    const { arrived } = this;
    if (arrived === undefined) return undefined;
    const came = held.filter(({ key }) => arrived.has(key));
    return isAll(came, head) ? this.others(new Set(came), head) : undefined;
  }

  private others(kept: ReadonlySet<SignedRow>, head: Head): string[] {
    const isOver = (row: SignedRow): boolean =>
      !kept.has(row) && (row.epoch < head.epoch || row.version <= head.version);
    return [...this.rows.values()].filter(isOver).map(({ key }) => key);
  }
}

/** Would the owner still have this row at the version of its head? */
function isUnder(row: SignedRow, head: Head): boolean {
  const isCompacted = row.value === undefined && row.version <= head.floor;
  return row.epoch === head.epoch && row.version <= head.version && !isCompacted;
}

function isAll(rows: readonly SignedRow[], head: Head): boolean {
  if (rows.length !== head.count) return false;
  const versions = versionsHash(Float64Array.from(rows, ({ version }) => version));
  return versions.every((byte, index) => byte === head.versions[index]);
}
