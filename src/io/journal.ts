import { dirname } from 'node:path';
import { MeshError } from '../base/index.js';
import { diskError, realDisk, type Disk, type DiskFile } from './disk.js';
import { formatLine, headerLine, parseJournal, type JournalRecord } from './journal-format.js';

/** An append-only file of records that lasts over crashes of the process and of the machine. */
export interface Journal {
  readonly path: string;
  /** What the file held when it was opened, oldest first. */
  readonly records: readonly JournalRecord[];
  /** Bytes of a torn last write that were cut off when it was opened; 0 = none. */
  readonly tornBytes: number;
  /** Bytes of the file now; the caller decides when it is worth a `rewrite`. */
  sizeBytes(): number;

  /**
   * Resolves when the records are on disk; after a crash all of one call are there or none.
   * Calls that come while the disk is busy share its next sync. When it rejects, what it wrote is
   * cut off again, or before the next write if that fails too. Errors: resource_exhausted (disk full, or more than `pendingMax` calls waiting),
   * permission_denied (read-only file system); failed_precondition when an earlier failure left
   * the file in doubt (`mustRewrite`) or it is closed.
   */
  append(records: readonly JournalRecord[]): Promise<void>;

  /**
   * Replaces the file by one with these records: written beside it, synced, renamed over it.
   * Takes its turn among the appends. When it rejects before the rename, the old file stands.
   */
  rewrite(records: readonly JournalRecord[]): Promise<void>;

  /**
   * A sync failed: what the disk holds of the file is unknown, and a second sync would not tell
   * (Linux reports a lost page once). Only `rewrite` helps.
   */
  mustRewrite(): boolean;

  /** After what was begun. Later calls reject. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly disk?: Disk;
  /** Appends that may wait. */
  readonly pendingMax?: number;
}

/**
 * Opens the state file, or makes it with its directory. Cuts off a torn last line.
 * Errors: data_loss (names the line), failed_precondition (another version), permission_denied,
 * resource_exhausted.
 */
export async function openJournal(path: string, options: JournalOptions = {}): Promise<Journal> {
  const disk = options.disk ?? realDisk;
  let bytes: Buffer | undefined;
  try {
    bytes = await disk.read(path);
  } catch (error) {
    throw diskError('read', path, error);
  }
  try {
    if (bytes === undefined || bytes.length === 0) {
      await disk.makeDirectory(dirname(path));
      const made = await replaceFile(disk, path, [headerLine]);
      await disk.syncDirectory(dirname(path));
      return new FileJournal(path, disk, made, { records: [], tornBytes: 0 }, options);
    }
    const { records, validBytes, lacksLineEnd } = parseJournal(bytes, path);
    const file = await disk.open(path, false);
    const tornBytes = bytes.length - validBytes;
    try {
      if (tornBytes > 0) await file.truncate(validBytes);
      if (lacksLineEnd) await file.write(Buffer.from('\n'), validBytes);
      if (tornBytes > 0 || lacksLineEnd) await file.datasync();
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    const sizeBytes = validBytes + (lacksLineEnd ? 1 : 0);
    return new FileJournal(path, disk, { file, sizeBytes }, { records, tornBytes }, options);
  } catch (error) {
    throw error instanceof MeshError ? error : diskError('open', path, error);
  }
}

/** What the state file holds, without changing it; nothing when there is none. Errors: data_loss. */
export async function readJournal(path: string): Promise<readonly JournalRecord[]> {
  const bytes = await realDisk.read(path);
  return bytes === undefined || bytes.length === 0 ? [] : parseJournal(bytes, path).records;
}

interface OpenFile {
  readonly file: DiskFile;
  readonly sizeBytes: number;
}

/** Appends that share a write and a sync. */
interface Batch {
  readonly lines: Buffer[];
  readonly written: Promise<void>;
}

class FileJournal implements Journal {
  readonly records: readonly JournalRecord[];
  readonly tornBytes: number;
  private file: DiskFile;
  private size: number;
  /** The batch that has not begun and may be joined. */
  private batch: Batch | undefined;
  private waiting = 0;
  /** The end of the chain of flushes and rewrites; never rejects. */
  private tail: Promise<void> = Promise.resolve();
  /** Bytes behind `size` that a failed write left and no truncation has removed yet. */
  private hasRemains = false;
  private inDoubt = false;
  private closed = false;
  private readonly pendingMax: number;

  constructor(
    readonly path: string,
    private readonly disk: Disk,
    opened: OpenFile,
    found: Pick<Journal, 'records' | 'tornBytes'>,
    options: JournalOptions,
  ) {
    this.file = opened.file;
    this.size = opened.sizeBytes;
    this.records = found.records;
    this.tornBytes = found.tornBytes;
    this.pendingMax = options.pendingMax ?? 10_000;
  }

  sizeBytes(): number {
    return this.size;
  }

  mustRewrite(): boolean {
    return this.inDoubt;
  }

  async append(records: readonly JournalRecord[]): Promise<void> {
    if (this.closed) throw this.closedError();
    if (records.length === 0) return;
    if (this.waiting >= this.pendingMax) {
      const text = `append to ${this.path}: ${this.pendingMax} appends are waiting for the disk`;
      throw new MeshError('resource_exhausted', text);
    }
    this.batch ??= this.newBatch();
    this.batch.lines.push(Buffer.from(formatLine(records)));
    this.waiting++;
    await this.batch.written.finally(() => this.waiting--);
  }

  async rewrite(records: readonly JournalRecord[]): Promise<void> {
    if (this.closed) throw this.closedError();
    // What is appended from now on is not in `records`, so it must come after them.
    this.batch = undefined;
    const lines = records.map((record) => formatLine([record]));
    await this.inTurn(() => this.replace([headerLine, ...lines]));
  }

  async close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      void this.inTurn(() => this.file.close().catch(() => undefined));
    }
    await this.tail;
  }

  private inTurn(action: () => Promise<void>): Promise<void> {
    const result = this.tail.then(action);
    this.tail = result.catch(() => undefined);
    return result;
  }

  private newBatch(): Batch {
    const lines: Buffer[] = [];
    const written = this.inTurn(async () => {
      if (this.batch?.lines === lines) this.batch = undefined;
      await this.write(Buffer.concat(lines));
    });
    return { lines, written };
  }

  private async write(bytes: Buffer): Promise<void> {
    if (this.inDoubt) {
      const text = `append to ${this.path}: an earlier sync failed; it must be rewritten`;
      throw new MeshError('failed_precondition', text);
    }
    try {
      if (this.hasRemains) await this.removeRemains();
      await this.file.write(bytes, this.size);
    } catch (error) {
      this.hasRemains = true;
      await this.removeRemains().catch(() => undefined);
      throw diskError('append to', this.path, error);
    }
    try {
      await this.file.datasync();
    } catch (error) {
      this.inDoubt = true;
      throw diskError('sync', this.path, error);
    }
    this.size += bytes.length;
  }

  private async removeRemains(): Promise<void> {
    await this.file.truncate(this.size);
    this.hasRemains = false;
  }

  private async replace(lines: readonly string[]): Promise<void> {
    try {
      const made = await replaceFile(this.disk, this.path, lines);
      const old = this.file;
      this.file = made.file;
      this.size = made.sizeBytes;
      this.hasRemains = false;
      this.inDoubt = false;
      await old.close().catch(() => undefined);
      await this.disk.syncDirectory(dirname(this.path));
    } catch (error) {
      throw diskError('rewrite', this.path, error);
    }
  }

  private closedError(): MeshError {
    return new MeshError('failed_precondition', `${this.path} is closed`);
  }
}

/** Bytes that one write of a new file takes. */
const chunkBytes = 1024 * 1024;

/** Writes a file beside `path`, syncs it and renames it over `path`; it stays open. */
async function replaceFile(disk: Disk, path: string, lines: readonly string[]): Promise<OpenFile> {
  const newPath = `${path}.new`;
  const file = await disk.open(newPath, true);
  try {
    let sizeBytes = 0;
    let chunk: string[] = [];
    let chunkLength = 0;
    for (const [i, line] of lines.entries()) {
      chunk.push(line);
      chunkLength += line.length;
      if (chunkLength < chunkBytes && i < lines.length - 1) continue;
      const bytes = Buffer.from(chunk.join(''));
      await file.write(bytes, sizeBytes);
      sizeBytes += bytes.length;
      chunk = [];
      chunkLength = 0;
    }
    await file.datasync();
    await disk.rename(newPath, path);
    return { file, sizeBytes };
  } catch (error) {
    await file.close().catch(() => undefined);
    await disk.remove(newPath).catch(() => undefined);
    throw error;
  }
}
