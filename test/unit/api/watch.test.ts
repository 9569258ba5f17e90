import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createApiClient,
  fromWireParts,
  methods,
  serveMesh,
  ServiceFeed,
  type ApiClient,
  type MeshServer,
  type WatchEvent,
  type WatchPosition,
} from '../../../src/api/index.js';
import { silentLog } from '../../../src/base/index.js';
import { realClock } from '../../../src/io/index.js';
import { ManualClock } from '../../support/clock.js';
import { FakeBackend } from '../../support/fake-backend.js';
import { sampleStates } from '../../support/fake-states.js';

const [dns, legacy, web] = sampleStates() as [never, never, never];

describe('ServiceFeed', () => {
  const position = (sequence: number, instance = 'run-1'): WatchPosition => ({
    instance,
    sequence,
  });

  /** Holds what happened last: events 3, 4 and 5 of five, or a few more. */
  function feedOfFive(): ServiceFeed {
    const feed = new ServiceFeed('run-1', () => [web], 2);
    feed.set(dns);
    feed.set(legacy);
    feed.set(web);
    feed.removed('legacy');
    feed.removed('dns');
    return feed;
  }

  function seen(feed: ServiceFeed, from?: WatchPosition): string[] {
    const events: string[] = [];
    feed.watch(from, ({ type, position }) => void events.push(`${type} ${position.sequence}`))();
    return events;
  }

  test.each([
    ['without a position: a snapshot', undefined, ['snapshot 5']],
    ['from the last event: nothing', position(5), []],
    ['from an event that is remembered: what came after', position(3), ['removed 4', 'removed 5']],
    ['from one that is forgotten: a snapshot', position(0), ['snapshot 5']],
    ['from another run: a snapshot', position(4, 'run-0'), ['snapshot 5']],
    ['from the future: a snapshot', position(6), ['snapshot 5']],
  ])('%s', (_, from, want) => {
    expect(seen(feedOfFive(), from)).toEqual(want);
  });

  test('a position never gives a gap, however much was forgotten', () => {
    const feed = new ServiceFeed('run-1', () => [], 3);
    for (let sequence = 1; sequence <= 40; sequence++) {
      feed.set(web);
      for (let from = 0; from <= sequence; from++) {
        const events = seen(feed, position(from));
        const missed = Array.from({ length: sequence - from }, (_, i) => `set ${from + i + 1}`);
        if (events[0]?.startsWith('snapshot') === true) expect(missed.length).toBeGreaterThan(3);
        else expect(events).toEqual(missed);
      }
    }
  });

  test('who has left hears nothing more', () => {
    const feed = feedOfFive();
    let calls = 0;
    const listener = (): void => {
      calls++;
    };
    const stop = feed.watch(position(5), listener);
    const stopOther = feed.watch(position(5), listener);
    feed.set(web);
    stop();
    feed.set(web);
    stopOther();
    expect(calls).toBe(3);
  });
});

describe('over the wire', () => {
  const directory = mkdtempSync(join(tmpdir(), 'meshd-watch-'));
  let backend: FakeBackend;
  let clock: ManualClock;
  let server: MeshServer;
  let client: ApiClient;

  beforeEach(async () => {
    backend = new FakeBackend();
    clock = new ManualClock();
    const socketPath = join(directory, 's');
    server = await serveMesh({ backend, socketPath, group: '0', clock, log: silentLog });
    client = createApiClient({ path: socketPath, deadlineMs: 20_000, clock: realClock });
  });
  afterEach(async () => {
    client.close();
    const stopped = server.stop();
    clock.advance(5_000);
    await stopped;
    rmSync(directory, { recursive: true, force: true });
  });

  const watch = (from?: WatchPosition, signal?: AbortSignal): AsyncGenerator<WatchEvent> =>
    fromWireParts(client.stream(methods.watchServices, from === undefined ? {} : { from }, signal));

  async function settled(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise(setImmediate);
  }

  test('a reader that is too slow is dismissed, and goes on without a gap', async () => {
    backend.set(web);
    const events = watch();
    let last = (await events.next()).value as WatchEvent;
    let published = 0;
    while (backend.watchers > 0) {
      for (let i = 0; i < 100; i++, published++) backend.set(web);
      await new Promise(setImmediate);
    }
    const failure = await (async () => {
      for await (const event of events) last = event;
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'resource_exhausted' });
    expect(last.position.sequence).toBeLessThan(published + 1);

    const again = watch(last.position);
    const next = (await again.next()).value as WatchEvent;
    expect([next.type, next.position.sequence]).toEqual(['set', last.position.sequence + 1]);
    await again.return(undefined);
  });

  test('who leaves is forgotten by the daemon', async () => {
    const leaving = new AbortController();
    const events = watch(undefined, leaving.signal);
    await events.next();
    expect(backend.watchers).toBe(1);
    leaving.abort();
    expect((await events.next()).done).toBe(true);
    await settled(() => backend.watchers === 0);
  });

  test('a daemon that stops ends the watches', async () => {
    const events = watch();
    await events.next();
    const stopped = server.stop();
    await expect(events.next()).rejects.toMatchObject({ code: 'unavailable' });
    await stopped;
    expect(backend.watchers).toBe(0);
  });

  test('who leaves a drain ends the reports, not the drain', async () => {
    backend.set(web);
    backend.onDrain = (report) =>
      report({ phase: 'draining', connections: 1, remainingMs: 9, destinations: [] });
    const leaving = new AbortController();
    const reports = client.stream(methods.drain, { service: 'web' }, leaving.signal);
    expect((await reports.next()).value).toMatchObject({ phase: 'draining', connections: 1 });
    leaving.abort();
    await settled(() => backend.drainLeft === 1);
  });

  test('a drain of a service that is not there fails', async () => {
    const reports = client.stream(methods.drain, { service: 'nobody' });
    await expect(reports.next()).rejects.toMatchObject({ code: 'not_found' });
  });

  test('counters come at once, then every interval, until the reader leaves', async () => {
    backend.set(web);
    const counters = client.stream(methods.watchCounters, { intervalMs: 500 });
    await counters.next();
    clock.advance(500);
    const second = await counters.next();
    expect(second).toMatchObject({ done: false, value: { services: [{}, {}] } });
    await counters.return(undefined);
  });

  test('an interval too short is refused', async () => {
    const counters = client.stream(methods.watchCounters, { intervalMs: 1 });
    const refusal = { code: 'invalid_argument', field: 'interval_ms' };
    await expect(counters.next()).rejects.toMatchObject(refusal);
  });
});
