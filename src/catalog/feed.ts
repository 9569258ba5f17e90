import type { CatalogChange, CatalogEntry, Row, Watermark } from './model.js';
import type { Members } from './members.js';
import type { Owners } from './owners.js';

/** Where a row is. */
interface Place {
  readonly owner: string;
  readonly network: string;
  readonly key: string;
}

/** What the host was told of every row, and what it must be told next. */
export class Feed {
  private readonly told = new Map<string, CatalogEntry>();
  private readonly touched = new Map<string, Place>();
  private readonly completed = new Map<string, Watermark>();

  touch(owner: string, network: string, key: string): void {
    this.touched.set(placeName(owner, network, key), { owner, network, key });
  }

  complete(watermark: Watermark): void {
    this.completed.set(placeName(watermark.owner, watermark.network), watermark);
  }

  /** Everything that differs from what was told, and counts as told now. */
  take(entryAt: (place: Place) => CatalogEntry | undefined): {
    readonly changes: CatalogChange[];
    readonly complete: Watermark[];
  } {
    const changes = [...this.touched].flatMap(([name, place]) => {
      const change = changeOf(this.told.get(name), entryAt(place));
      if (change === undefined) return [];
      if (change.gone) this.told.delete(name);
      else this.told.set(name, { row: change.row, inService: change.inService });
      return [change];
    });
    const complete = [...this.completed.values()];
    this.touched.clear();
    this.completed.clear();
    return { changes, complete };
  }
}

function changeOf(
  before: CatalogEntry | undefined,
  entry: CatalogEntry | undefined,
): CatalogChange | undefined {
  if (entry === undefined) {
    return before === undefined ? undefined : { row: before.row, inService: false, gone: true };
  }
  const isSame = before?.row === entry.row && before.inService === entry.inService;
  return isSame ? undefined : { ...entry, gone: false };
}

function placeName(...parts: readonly string[]): string {
  return parts.join('\0');
}

/** Reads the table as its users see it: no tombstones, and whether the owner is there. */
export class View {
  constructor(
    private readonly self: string,
    private readonly owners: Owners,
    private readonly members: Members,
  ) {}

  inService(owner: string): boolean {
    return owner === this.self || this.members.isUp(owner);
  }

  at({ owner, network, key }: Place): CatalogEntry | undefined {
    const row = this.owners.stream(owner, network)?.rows.get(key);
    return row?.value === undefined ? undefined : { row, inService: this.inService(owner) };
  }

  *entries(): Generator<CatalogEntry> {
    for (const owner of this.owners.all()) {
      const inService = this.inService(owner.name);
      for (const row of rowsOf(owner)) if (row.value !== undefined) yield { row, inService };
    }
  }
}

export function* rowsOf(owner: {
  readonly streams: ReadonlyMap<string, { readonly rows: ReadonlyMap<string, Row> }>;
}): Generator<Row> {
  for (const { rows } of owner.streams.values()) yield* rows.values();
}
