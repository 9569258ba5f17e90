import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createApiClient,
  methods,
  serveMesh,
  toWireApply,
  type ApiClient,
  type MeshServer,
} from '../../../src/api/index.js';
import { FieldError, MeshError, silentLog, type Log } from '../../../src/base/index.js';
import { realClock } from '../../../src/io/index.js';
import { ManualClock } from '../../support/clock.js';
import { FakeBackend } from '../../support/fake-backend.js';
import { sampleStates } from '../../support/fake-states.js';

let directory: string;
let path: string;
let backend: FakeBackend;
let clock: ManualClock;
let server: MeshServer | undefined;
let client: ApiClient;
let warnings: string[];

const log: Log = { ...silentLog, warn: (_, message) => void warnings.push(message) };

function start(group = String(process.getgid!())): Promise<MeshServer> {
  return serveMesh({ backend, socketPath: path, group, clock, log });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'meshd-api-'));
  path = join(directory, 'meshd.sock');
  backend = new FakeBackend();
  for (const state of sampleStates()) backend.set(state);
  clock = new ManualClock();
  warnings = [];
  server = await start();
  client = createApiClient({ path, deadlineMs: 20_000, clock: realClock });
});

afterEach(async () => {
  client.close();
  const stopped = server?.stop();
  clock.advance(5_000);
  await stopped;
  rmSync(directory, { recursive: true });
});

async function failureOf(attempt: Promise<unknown>): Promise<MeshError> {
  const error = await attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(MeshError);
  return error as MeshError;
}

const apply = { replaceAll: false, dryRun: false, expectedRevisions: new Map<string, number>() };

describe('calls', () => {
  test('answers carry the model unchanged', async () => {
    const { services } = await client.call(methods.listServices, {});
    expect(services).toEqual(await backend.services());
    expect(await client.call(methods.getStatus, {})).toEqual(await backend.status());
    expect(await client.call(methods.getCounters, {})).toEqual(await backend.traffic());
    expect(await client.call(methods.getVersion, {})).toEqual(await backend.version());
  });

  test('endpoints sum the counters of all ports of a service', async () => {
    const { endpoints } = await client.call(methods.listEndpoints, { service: 'web' });
    expect(endpoints.map(({ name, active, inBytes }) => ({ name, active, inBytes }))).toEqual([
      { name: 'web-1', active: 24, inBytes: 300_000 },
      { name: 'web-2', active: 48, inBytes: 300_000 },
    ]);
  });

  test('documents and expected revisions reach the daemon as they were given', async () => {
    const document = { name: 'api', ports: [80], destinations: [{ address: '10.0.0.9' }] };
    const request = {
      services: [document],
      replaceAll: true,
      dryRun: false,
      expectedRevision: 0,
      expectedRevisions: new Map([['api', 0]]),
    };
    const result = await client.call(methods.applyServices, toWireApply(request));
    expect(backend.asked).toEqual([request]);
    expect(result.changes).toEqual([{ name: 'api', change: 'created', vips: ['10.96.0.1'] }]);
  });
});

describe('errors', () => {
  test('a mistake in a document names its field', async () => {
    const services = [
      { name: 'api', ports: [80], destinations: [] },
      { name: 'b', ports: [0] },
    ];
    const request = toWireApply({ ...apply, services });
    const error = await failureOf(client.call(methods.applyServices, request));
    expect(error).toBeInstanceOf(FieldError);
    expect(error).toMatchObject({ field: expect.stringMatching(/^services\[\d\]\./) as string });
  });

  test('a document that is no JSON is the caller’s mistake', async () => {
    const request = { ...toWireApply({ ...apply, services: [] }), documents: ['{', '{}'] };
    const error = await failureOf(client.call(methods.applyServices, request));
    expect(error).toMatchObject({ code: 'invalid_argument', field: 'services[0]' });
  });

  test('codes survive, also those that share a gRPC status', async () => {
    for (const code of ['conflict', 'aborted', 'not_found', 'data_loss', 'unavailable'] as const) {
      backend.failure = new MeshError(code, `it is ${code}: “why”`);
      const error = await failureOf(client.call(methods.getStatus, {}));
      expect(error).toMatchObject({ code, message: `it is ${code}: “why”` });
    }
  });

  test('an error of ours is internal', async () => {
    backend.failure = new TypeError('x is undefined');
    const error = await failureOf(client.call(methods.getStatus, {}));
    expect(error).toMatchObject({ code: 'internal', message: 'x is undefined' });
  });

  test('a very long message is cut, not lost', async () => {
    backend.failure = new MeshError('conflict', 'x'.repeat(100_000));
    const error = await failureOf(client.call(methods.getStatus, {}));
    expect(error.code).toBe('conflict');
    expect(error.message.length).toBeLessThan(5_000);
  });

  test('a call that hangs ends', async () => {
    backend.status = () => new Promise(() => undefined);
    const attempt = failureOf(client.call(methods.getStatus, {}));
    await client.call(methods.getVersion, {});
    clock.advance(120_000);
    expect((await attempt).code).toBe('deadline_exceeded');
  });

  test.each([
    ['limit', methods.listConnections, { limit: 0 }],
    ['client', methods.listConnections, { limit: 1, client: '10.0.0/8' }],
    ['limit', methods.getDrift, { limit: 1_001 }],
    ['source', methods.explain, { source: 'x', destination: '::1', port: 1, protocol: 'tcp' }],
    [
      'destination',
      methods.explain,
      { source: '::1', destination: '1.1.1.1', port: 1, protocol: 'tcp' },
    ],
    ['port', methods.explain, { source: '::1', destination: '::1', port: 0, protocol: 'tcp' }],
    ['protocol', methods.explain, { source: '::1', destination: '::1', port: 1, protocol: 'x' }],
  ])('a wrong %s is refused', async (field, method, request) => {
    const error = await failureOf(client.call(method as never, request as never));
    expect(error).toMatchObject({ code: 'invalid_argument', field });
  });
});

describe('socket file', () => {
  test('only its owner and the group may connect', () => {
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(path).gid).toBe(process.getgid!());
  });

  test('without the group only the owner may connect', async () => {
    await server!.stop();
    server = await start('no-such-group');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual(['no such group: only root can use the socket']);
  });

  test('goes when the daemon stops', async () => {
    await server!.stop();
    server = undefined;
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('of a live daemon is left alone', async () => {
    const error = await failureOf(start());
    expect(error).toMatchObject({
      code: 'already_exists',
      message: `listen on ${path}: another process listens there`,
    });
    await client.call(methods.getVersion, {});
  });

  test('of a dead daemon is replaced', async () => {
    await server!.stop();
    const script =
      'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    spawnSync(process.execPath, ['-e', script, path]);
    expect(statSync(path).isSocket()).toBe(true);
    server = await start();
    await client.call(methods.getVersion, {});
  });

  test('that is another kind of file is left alone', async () => {
    await server!.stop();
    server = undefined;
    writeFileSync(path, 'mine');
    expect((await failureOf(start())).code).toBe('failed_precondition');
    expect(statSync(path).size).toBe(4);
  });
});

test('a client without a daemon learns that it is unavailable', async () => {
  await server!.stop();
  server = undefined;
  expect((await failureOf(client.call(methods.getVersion, {}))).code).toBe('unavailable');
});
