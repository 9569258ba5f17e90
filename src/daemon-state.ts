import type { Journal } from './io/index.js';
import { snapshotOf, type ServiceTable, type TableRecord } from './store/index.js';

/** A state file beyond this, and beyond twice what it was when written anew, is written anew. */
const compactBytesMin = 4 * 1024 * 1024;

/** The table on disk: every change before it is in force. */
export class StateFile {
  private rewrittenBytes: number;

  constructor(
    private readonly journal: Journal,
    private readonly table: ServiceTable,
  ) {
    this.rewrittenBytes = journal.sizeBytes();
  }

  /** Errors: those of Journal.append; then nothing of `records` will be remembered. */
  async append(records: readonly TableRecord[]): Promise<void> {
    const size = this.journal.sizeBytes();
    if (this.journal.mustRewrite()) await this.rewrite();
    else if (size > compactBytesMin && size > 2 * this.rewrittenBytes) {
      // There may be room for a record where there is none for a second file.
      await this.rewrite().catch(() => (this.rewrittenBytes = size));
    }
    await this.journal.append(records);
  }

  /** What the records add up to is shorter than the records. */
  async rewrite(): Promise<void> {
    await this.journal.rewrite(snapshotOf(this.table));
    this.rewrittenBytes = this.journal.sizeBytes();
  }
}
