import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MeshError } from '../../../src/base/index.js';
import { openJournal, realDisk, type Disk, type DiskFile } from '../../../src/io/index.js';
import { parseJournal } from '../../../src/io/journal-format.js';

const header = '{"format":"meshd-state","version":1}\n';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'journal-'));
  path = join(directory, 'state', 'meshd.jsonl');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function contents(): Promise<string> {
  return readFile(path, 'utf8');
}

/** The disk of this machine, but for failures on demand and a count of syncs. */
class FaultyDisk implements Disk {
  syncs = 0;
  writes = 0;
  /** The next write stops after so many bytes. */
  failWrite: { errno: string; afterBytes: number } | undefined;
  failTruncate: string | undefined;
  failSync: string | undefined;
  failRename: string | undefined;

  read = (name: string) => realDisk.read(name);
  makeDirectory = (name: string) => realDisk.makeDirectory(name);
  remove = (name: string) => realDisk.remove(name);
  syncDirectory = (name: string) => realDisk.syncDirectory(name);

  async rename(from: string, to: string): Promise<void> {
    if (this.failRename !== undefined) throw systemError(this.failRename);
    await realDisk.rename(from, to);
  }

  async open(name: string, create: boolean): Promise<DiskFile> {
    const file = await realDisk.open(name, create);
    return {
      ...file,
      write: async (bytes, position) => {
        this.writes++;
        const fault = this.failWrite;
        if (fault === undefined) return file.write(bytes, position);
        await file.write(bytes.subarray(0, fault.afterBytes), position);
        throw systemError(fault.errno);
      },
      truncate: async (length) => {
        if (this.failTruncate !== undefined) throw systemError(this.failTruncate);
        await file.truncate(length);
      },
      datasync: async () => {
        this.syncs++;
        if (this.failSync !== undefined) throw systemError(this.failSync);
        await file.datasync();
      },
    };
  }
}

const errnos: Record<string, number> = { ENOSPC: -28, EROFS: -30, EACCES: -13, EIO: -5 };

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code, errno: errnos[code] });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof MeshError ? `${error.code}: ${error.message}` : String(error);
}

describe('a journal', () => {
  test('is made with its directory, private, and read back', async () => {
    const journal = await openJournal(path);
    expect(journal.records).toEqual([]);
    await journal.append([{ a: 1 }]);
    await journal.append([{ a: 2 }, { a: 3 }]);
    await journal.append([]);
    await journal.close();
    expect(await contents()).toBe(`${header}{"a":1}\n[{"a":2},{"a":3}]\n`);
    expect(journal.sizeBytes()).toBe((await stat(path)).size);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const again = await openJournal(path);
    expect(again.records).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
    expect(again.sizeBytes()).toBe(journal.sizeBytes());
    await again.close();
  });

  test('an empty file is a new one', async () => {
    await (await openJournal(path)).close();
    await writeFile(path, '');
    const journal = await openJournal(path);
    await journal.append([{ a: 1 }]);
    await journal.close();
    expect(await contents()).toBe(`${header}{"a":1}\n`);
  });

  test('appends at one time share a sync', async () => {
    const disk = new FaultyDisk();
    const journal = await openJournal(path, { disk });
    disk.syncs = 0;
    const ids = Array.from({ length: 100 }, (_, id) => ({ id }));
    const first = journal.append([{ id: -1 }]);
    await first;
    await Promise.all(ids.map((record) => journal.append([record])));
    expect(disk.syncs).toBe(2);
    await journal.close();
    const again = await openJournal(path);
    expect(again.records).toEqual([{ id: -1 }, ...ids]);
    await again.close();
  });

  test('rewrite takes its turn among the appends', async () => {
    const journal = await openJournal(path);
    await Promise.all([
      journal.append([{ a: 1 }]),
      journal.append([{ a: 2 }]),
      journal.rewrite([{ both: true }]),
      journal.append([{ a: 3 }]),
    ]);
    await journal.close();
    expect(await contents()).toBe(`${header}{"both":true}\n{"a":3}\n`);
    expect(journal.sizeBytes()).toBe((await stat(path)).size);
    expect(await readdir(join(directory, 'state'))).toEqual(['meshd.jsonl']);
  });

  test('rewrites more than one chunk', async () => {
    const journal = await openJournal(path);
    const records = Array.from({ length: 3_000 }, (_, i) => ({ i, text: 'ü'.repeat(500) }));
    await journal.rewrite(records);
    await journal.append([{ last: true }]);
    await journal.close();
    const again = await openJournal(path);
    expect(again.records).toEqual([...records, { last: true }]);
    await again.close();
  });

  test('refuses what comes after close, and too many that wait', async () => {
    const journal = await openJournal(path, { pendingMax: 2 });
    const waiting = [journal.append([{ a: 1 }]), journal.append([{ a: 2 }])];
    expect(await codeOf(journal.append([{ a: 3 }]))).toBe(
      `resource_exhausted: append to ${path}: 2 appends are waiting for the disk`,
    );
    await Promise.all(waiting);
    await journal.append([{ a: 4 }]);
    await journal.close();
    await journal.close();
    expect(await codeOf(journal.append([{ a: 5 }]))).toContain('failed_precondition');
    expect(await codeOf(journal.rewrite([]))).toContain('is closed');
  });
});

describe('after a crash', () => {
  test('at any byte, what was whole is there, what was torn is cut off', async () => {
    const lines = ['{"a":1}', '[{"a":2},{"b":"é"}]', '{"c":{"d":[1,2]}}'];
    const bytes = Buffer.from(header + lines.map((line) => `${line}\n`).join(''));
    await (await openJournal(path)).close();
    for (let length = header.length; length <= bytes.length; length++) {
      await writeFile(path, bytes.subarray(0, length));
      const text = bytes.subarray(header.length, length).toString('latin1');
      const whole = lines.filter((_, i) => {
        const end = lines
          .slice(0, i + 1)
          .reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
        return text.length >= end - 1;
      });
      const journal = await openJournal(path);
      expect(journal.records).toEqual(whole.flatMap((line) => JSON.parse(line) as object));
      await journal.append([{ z: 1 }]);
      await journal.close();
      const want = header + [...whole, '{"z":1}'].map((line) => `${line}\n`).join('');
      expect(await contents()).toBe(want);
      const kept = header.length + Buffer.byteLength(whole.join('\n')) + (whole.length > 0 ? 1 : 0);
      expect(journal.tornBytes).toBe(Math.max(0, length - kept));
    }
  });

  test('a tail of zeros is cut off', async () => {
    await (await openJournal(path)).close();
    await writeFile(path, `${header}{"a":1}\n\0\0\0\0`);
    const journal = await openJournal(path);
    expect([journal.records, journal.tornBytes]).toEqual([[{ a: 1 }], 4]);
    await journal.close();
  });
});

describe('a damaged file', () => {
  const cases: [name: string, text: string | Buffer, want: string][] = [
    [
      'in the middle',
      `${header}{"a":1}\n{"a"\n{"a":2}\n`,
      'data_loss: read PATH: line 3: not a record',
    ],
    ['in its last whole line', `${header}{"a":\n`, 'data_loss: read PATH: line 2: not a record'],
    ['no object', `${header}7\n{}\n`, 'data_loss: read PATH: line 2: not a record'],
    ['an empty line', `${header}\n{}\n`, 'data_loss: read PATH: line 2: not a record'],
    [
      'not UTF-8',
      Buffer.concat([Buffer.from(`${header}{"a":"`), Buffer.from([0xff]), Buffer.from('"}\n{}\n')]),
      'data_loss: read PATH: line 2: not a record',
    ],
    [
      'another file',
      'hello\n',
      'data_loss: read PATH: line 1: not the header of a meshd state file',
    ],
    ['a torn header', header.slice(0, 9), 'data_loss: read PATH: line 1: not the header'],
    [
      'of a later version',
      '{"format":"meshd-state","version":2}\n',
      'failed_precondition: read PATH: format version 2, this meshd reads 1',
    ],
  ];
  test.each(cases)('%s', async (_name, text, want) => {
    await (await openJournal(path)).close();
    await writeFile(path, text);
    expect(await codeOf(openJournal(path))).toContain(want.replace('PATH', path));
    expect(await readFile(path)).toEqual(Buffer.from(text));
  });

  test('random bytes give records or a MeshError', () => {
    const tail = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(tail), (withHeader, tails) => {
        const start = withHeader ? Buffer.from(header) : Buffer.alloc(0);
        const bytes = Buffer.concat([start, ...tails.flatMap((part) => [part, Buffer.from('\n')])]);
        try {
          const { validBytes } = parseJournal(bytes, 'state');
          expect(validBytes).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          if (!(error instanceof MeshError)) throw error;
        }
      }),
      { numRuns: 1_000, seed: 1 },
    );
  });
});

describe('a disk that fails', () => {
  const disk = new FaultyDisk();
  beforeEach(() => {
    disk.failWrite = disk.failTruncate = disk.failSync = disk.failRename = undefined;
  });

  test('full: the append is refused, the file stays valid, later ones succeed', async () => {
    const journal = await openJournal(path, { disk });
    await journal.append([{ a: 1 }]);
    disk.failWrite = { errno: 'ENOSPC', afterBytes: 5 };
    expect(await codeOf(journal.append([{ a: 2 }]))).toBe(
      `resource_exhausted: append to ${path}: no space left on device (ENOSPC)`,
    );
    expect(await contents()).toBe(`${header}{"a":1}\n`);
    disk.failWrite = undefined;
    await journal.append([{ a: 3 }]);
    expect(await contents()).toBe(`${header}{"a":1}\n{"a":3}\n`);
    await journal.close();
  });

  test('full, and the rest cannot be cut off: it is before the next write', async () => {
    const journal = await openJournal(path, { disk });
    disk.failWrite = { errno: 'ENOSPC', afterBytes: 5 };
    disk.failTruncate = 'EIO';
    expect(await codeOf(journal.append([{ a: 'longer' }]))).toContain('ENOSPC');
    disk.failWrite = undefined;
    expect(await codeOf(journal.append([{ b: 1 }]))).toContain('data_loss: append to');
    disk.failTruncate = undefined;
    await journal.append([{ c: 1 }]);
    expect(await contents()).toBe(`${header}{"c":1}\n`);
    await journal.close();
  });

  test.each([
    ['EROFS', 'permission_denied', 'read-only file system'],
    ['EACCES', 'permission_denied', 'permission denied'],
    ['EIO', 'data_loss', 'i/o error'],
  ])('%s', async (errno, code, text) => {
    const journal = await openJournal(path, { disk });
    disk.failWrite = { errno, afterBytes: 0 };
    expect(await codeOf(journal.append([{ a: 1 }]))).toBe(
      `${code}: append to ${path}: ${text} (${errno})`,
    );
    await journal.close();
  });

  test('a failed sync puts the file in doubt until it is rewritten', async () => {
    const journal = await openJournal(path, { disk });
    disk.failSync = 'EIO';
    expect(await codeOf(journal.append([{ a: 1 }]))).toContain(`data_loss: sync ${path}`);
    disk.failSync = undefined;
    expect(journal.mustRewrite()).toBe(true);
    expect(await codeOf(journal.append([{ a: 2 }]))).toContain('it must be rewritten');
    await journal.rewrite([{ a: 3 }]);
    expect(journal.mustRewrite()).toBe(false);
    await journal.append([{ a: 4 }]);
    expect(await contents()).toBe(`${header}{"a":3}\n{"a":4}\n`);
    await journal.close();
  });

  test('a failed rewrite leaves the old file and no other', async () => {
    const journal = await openJournal(path, { disk });
    await journal.append([{ a: 1 }]);
    disk.failWrite = { errno: 'ENOSPC', afterBytes: 9 };
    expect(await codeOf(journal.rewrite([{ a: 2 }]))).toContain('resource_exhausted: rewrite');
    disk.failWrite = undefined;
    disk.failRename = 'EROFS';
    expect(await codeOf(journal.rewrite([{ a: 2 }]))).toContain('permission_denied: rewrite');
    await journal.append([{ a: 3 }]);
    expect(await contents()).toBe(`${header}{"a":1}\n{"a":3}\n`);
    expect(await readdir(join(directory, 'state'))).toEqual(['meshd.jsonl']);
    await journal.close();
  });

  test('cannot be opened', async () => {
    await writeFile(join(directory, 'file'), '');
    const code = await codeOf(openJournal(join(directory, 'file', 'state')));
    expect(code).toMatch(/^failed_precondition: .*\/file\/state: not a directory \(ENOTDIR\)$/);
  });
});
