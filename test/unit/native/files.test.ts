import { readFileSync, statSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isNativeError, loadNative } from '../../../src/kernel/linux/native.js';

const native = loadNative();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshd-native-'));
});

afterAll(() => rm(folder, { recursive: true }));

test('reads files that say they are empty', async () => {
  expect(statSync('/proc/self/status').size).toBe(0);
  expect((await native.readFile('/proc/self/status')).toString()).toContain(
    `Pid:\t${process.pid}\n`,
  );
  const modules = await native.readFile('/proc/thread-self/net/protocols');
  expect(modules.toString()).toBe(readFileSync('/proc/self/net/protocols', 'utf8'));
});

test('reads tens of megabytes, and stops at the limit', async () => {
  const path = join(folder, 'large');
  const content = Buffer.alloc(32 * 1024 * 1024, 'abcdefg');
  await writeFile(path, content);
  const read = await native.readFile(path, { maxBytes: content.length });
  expect(read.equals(content)).toBe(true);
  await expect(native.readFile(path, { maxBytes: content.length - 1 })).rejects.toMatchObject({
    errno: 27,
    code: 'EFBIG',
    syscall: 'read',
    path,
  });
});

test('an empty file is an empty buffer', async () => {
  const path = join(folder, 'empty');
  await writeFile(path, '');
  expect(await native.readFile(path, { maxBytes: 0 })).toHaveLength(0);
});

test('writes to what exists and creates nothing', async () => {
  const path = join(folder, 'value');
  await expect(native.writeFile(path, Buffer.from('1'))).rejects.toMatchObject({
    errno: 2,
    code: 'ENOENT',
    syscall: 'open',
    path,
  });
  await writeFile(path, 'old');
  await native.writeFile(path, Buffer.from('new'));
  expect(readFileSync(path, 'utf8')).toBe('new');
});

test('a refusal of the file carries its errno', async () => {
  // Sysctls are the files whose mode binds root too.
  const path = '/proc/sys/kernel/ostype';
  await expect(native.writeFile(path, Buffer.from('1'))).rejects.toMatchObject({
    errno: 13,
    code: 'EACCES',
    syscall: 'open',
    path,
  });
});

test('a failed call is told from other errors', async () => {
  const error: unknown = await native.readFile('/absent').catch((e: unknown) => e);
  expect(isNativeError(error)).toBe(true);
  expect(isNativeError(new TypeError('x'))).toBe(false);
});

test('a directory cannot be read', async () => {
  await expect(native.readFile('/')).rejects.toMatchObject({ code: 'EISDIR', syscall: 'read' });
});

test.each([
  ['a number for path', [1], TypeError],
  ['an empty path', [''], RangeError],
  ['a NUL in path', ['/proc/self/maps\0x'], RangeError],
  ['a negative limit', ['/proc/self/maps', { maxBytes: -1 }], RangeError],
  ['a string for options', ['/proc/self/maps', 'utf8'], TypeError],
  ['a number for netns', ['/proc/self/maps', { netns: 1 }], TypeError],
])('readFile rejects %s', async (_, args, kind) => {
  await expect(native.readFile(...(args as [string]))).rejects.toThrow(kind);
});

test('writeFile rejects data that is no bytes', async () => {
  await expect(native.writeFile('/absent', 'text' as never)).rejects.toThrow(TypeError);
});

test('identifies the own namespace, and only network namespaces', () => {
  const { dev, ino } = statSync('/proc/self/ns/net');
  expect(native.netnsId()).toEqual({ dev, ino });
  expect(native.netnsId('/proc/self/ns/net')).toEqual({ dev, ino });
  const failure = (path: string): unknown => {
    try {
      return native.netnsId(path);
    } catch (error) {
      return error;
    }
  };
  expect(failure('/proc/self/ns/uts')).toMatchObject({ errno: 22, code: 'EINVAL' });
  expect(failure('/etc/passwd')).toMatchObject({ errno: 22, code: 'EINVAL', path: '/etc/passwd' });
  expect(failure('/absent')).toMatchObject({ errno: 2, code: 'ENOENT', syscall: 'open' });
  expect(failure(1 as never)).toBeInstanceOf(TypeError);
});

test('a file that is no namespace cannot be entered', async () => {
  const path = join(folder, 'plain');
  await writeFile(path, '');
  await chmod(path, 0o600);
  await expect(native.readFile('/proc/self/maps', { netns: path })).rejects.toMatchObject({
    errno: 22,
    syscall: 'setns',
    path,
  });
});
