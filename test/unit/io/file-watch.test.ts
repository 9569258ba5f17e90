import { appendFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realClock, watchFile } from '../../../src/io/index.js';

let directory: string;
let file: string;
let stop: () => void = () => undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'watch-'));
  file = join(directory, 'meshd.yaml');
});
afterEach(async () => {
  stop();
  await rm(directory, { recursive: true, force: true });
});

/** Resolves at each change; `next` waits for one that has not been waited for. */
class Changes {
  count = 0;
  private waiter: (() => void) | undefined;
  private taken = 0;

  readonly changed = (): void => {
    this.count++;
    this.waiter?.();
  };

  async next(): Promise<void> {
    if (this.count === this.taken) await new Promise<void>((resolve) => (this.waiter = resolve));
    this.taken = this.count;
  }
}

async function start(pollMs = 1_000_000): Promise<Changes> {
  const changes = new Changes();
  const options = { clock: realClock, quietMs: 20, quietMaxMs: 200, pollMs };
  stop = await watchFile(file, changes.changed, options);
  return changes;
}

test('tells of a write in place, each in its turn', async () => {
  await writeFile(file, '1');
  const changes = await start();
  await writeFile(file, '2');
  await changes.next();
  await appendFile(file, '3');
  await changes.next();
  expect(changes.count).toBe(2);
});

test('several writes in a row are one change; other files are none', async () => {
  await writeFile(file, '1');
  const changes = await start();
  await writeFile(join(directory, 'other'), '1');
  for (const text of ['2', '3', '4']) await writeFile(file, text);
  await changes.next();
  expect(changes.count).toBe(1);
});

test('tells of a rename over the file, again and again', async () => {
  await writeFile(file, '1');
  const changes = await start();
  for (const text of ['2', '3']) {
    await writeFile(`${file}~`, text);
    await rename(`${file}~`, file);
    await changes.next();
  }
  expect(changes.count).toBe(2);
});

test('tells when a deleted file is there again, and of one that was missing', async () => {
  const changes = await start();
  await writeFile(file, '1');
  await changes.next();
  await rm(file);
  await writeFile(file, '2');
  await changes.next();
  expect(changes.count).toBe(2);
});

test('follows a swapped link as in a ConfigMap', async () => {
  const place = async (name: string): Promise<void> => {
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, 'meshd.yaml'), name);
    await symlink(name, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  };
  await place('..1');
  await symlink('..data/meshd.yaml', file);
  const changes = await start();
  for (const name of ['..2', '..3']) {
    await place(name);
    await changes.next();
  }
  expect(changes.count).toBe(2);
});

test('follows a link out of the directory', async () => {
  await mkdir(join(directory, 'elsewhere'));
  const target = join(directory, 'elsewhere', 'real.yaml');
  await writeFile(target, '1');
  await symlink('elsewhere/real.yaml', file);
  const changes = await start();
  await writeFile(target, '2');
  await changes.next();
  expect(changes.count).toBe(1);
});

test('finds the file again when its directory was replaced, by polling', async () => {
  file = join(directory, 'etc', 'meshd.yaml');
  const changes = await start(10);
  await mkdir(join(directory, 'etc'));
  await writeFile(file, '1');
  await changes.next();
  await rename(join(directory, 'etc'), join(directory, 'old'));
  await mkdir(join(directory, 'etc'));
  await writeFile(file, '2');
  await changes.next();
  expect(changes.count).toBeGreaterThanOrEqual(2);
});

test('tells nothing after stop', async () => {
  await writeFile(file, '1');
  const changes = await start(1);
  stop();
  await writeFile(file, '2');
  const others = await start();
  await writeFile(file, '3');
  await others.next();
  expect(changes.count).toBe(0);
});
