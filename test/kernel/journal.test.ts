import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openJournal } from '../../src/io/index.js';

let directory: string;
let path: string;
let fill: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory]);
  path = join(directory, 'state');
  fill = join(directory, 'fill');
});
afterAll(() => {
  execFileSync('umount', [directory]);
  rmdirSync(directory);
});

test('a full disk refuses an append, keeps the file valid, and is survived', async () => {
  const journal = await openJournal(path);
  await journal.append([{ first: true }]);
  writeFileSync(fill, Buffer.alloc(200 * 1024));
  const large = { text: 'x'.repeat(100 * 1024) };
  await expect(journal.append([large])).rejects.toMatchObject({ code: 'resource_exhausted' });
  await expect(journal.rewrite([large])).rejects.toThrow(/no space left on device \(ENOSPC\)/);
  expect(readFileSync(path, 'utf8').split('\n').slice(1)).toEqual(['{"first":true}', '']);
  rmSync(fill);
  await journal.append([large]);
  await journal.close();
  const again = await openJournal(path);
  expect(again.records).toEqual([{ first: true }, large]);
  await again.close();
});

test('a read-only file system is named', async () => {
  execFileSync('mount', ['-o', 'remount,ro', directory]);
  await expect(openJournal(path)).rejects.toThrow(`open ${path}: read-only file system (EROFS)`);
  execFileSync('mount', ['-o', 'remount,rw', directory]);
});
