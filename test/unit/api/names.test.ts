import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createApiClient,
  methods,
  serveMesh,
  type ApiClient,
  type MeshServer,
  type NameRecord,
} from '../../../src/api/index.js';
import { MeshError, silentLog } from '../../../src/base/index.js';
import { realClock } from '../../../src/io/index.js';
import { FakeBackend } from '../../support/fake-backend.js';
import { FakeNames } from '../../support/fake-names.js';

let directory: string;
let names: FakeNames;
let server: MeshServer;
let client: ApiClient;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'meshd-names-'));
  const path = join(directory, 's');
  const backend = new FakeBackend();
  backend.names = names = new FakeNames();
  const group = String(process.getgid!());
  server = await serveMesh({ backend, socketPath: path, group, clock: realClock, log: silentLog });
  client = createApiClient({ path, deadlineMs: 5_000, clock: realClock });
});

afterEach(async () => {
  client.close();
  await server.stop();
  rmSync(directory, { recursive: true });
});

test('a question arrives as it was asked', async () => {
  const question = { name: 'web', type: 'A', networks: ['blue', 'away'], sandbox: '/run/netns/x' };
  const { networks: _, ...bare } = question;
  await client.call(methods.queryName, question);
  await client.call(methods.queryName, { ...bare, networks: [] });
  expect(names.asked).toEqual([question, { ...bare, networks: [] }]);
});

test.each([0, 99, 100, 101, 5_432])('a list of %i names comes in parts, whole', async (size) => {
  names.size = size;
  const parts: number[] = [];
  const records: NameRecord[] = [];
  for await (const part of client.stream(methods.listNames, { networks: [] })) {
    parts.push(part.records.length);
    records.push(...part.records);
  }
  expect(records).toEqual([...names.list([])]);
  expect(parts.length).toBe(Math.ceil(size / 100));
});

test('nobody is looked up for who does not read on', async () => {
  names.size = Infinity;
  const asked = { taken: 0 };
  const list = names.list([]);
  names.list = function* () {
    for (const record of list) {
      asked.taken++;
      yield record;
    }
  };
  for await (const { records } of client.stream(methods.listNames, { networks: [] })) {
    expect(records.length).toBe(100);
    break;
  }
  await client.call(methods.getNameStats, {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { taken } = asked;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked.taken).toBe(taken);
});

test('what fails on the way ends the list', async () => {
  names.list = function* () {
    yield* new FakeNames().list([]);
    throw new MeshError('unavailable', 'gone');
  };
  const read = async (): Promise<void> => {
    for await (const _ of client.stream(methods.listNames, { networks: [] }));
  };
  await expect(read()).rejects.toThrow('gone');
});

test('the log is switched, or asked for', async () => {
  const log = (on?: boolean) => client.call(methods.logNames, on === undefined ? {} : { on });
  expect(await log()).toEqual({ isLogging: false });
  expect(await log(true)).toEqual({ isLogging: true });
  expect(await log()).toEqual({ isLogging: true });
  expect(names.isLogging).toBe(true);
  expect(await log(false)).toEqual({ isLogging: false });
});
