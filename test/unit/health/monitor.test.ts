import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  HealthChecks,
  HealthMonitor,
  type HealthTarget,
  type ProbeResult,
} from '../../../src/health/index.js';
import type { HealthCheck, Service } from '../../../src/model/index.js';
import { checkProperty } from '../../support/property.js';
import { SimClock } from '../../support/sim-clock.js';

const check: HealthCheck = { type: 'tcp', intervalMs: 1_000, timeoutMs: 500, rise: 2, fall: 3 };

/** Probes that answer as the test says, after `latencyMs`. */
class World {
  readonly clock = new SimClock();
  /** Addresses that fail. */
  readonly down = new Set<string>();
  readonly log: string[] = [];
  latencyMs = 10;
  inFlight = 0;
  inFlightMax = 0;
  aborted = 0;

  readonly probe = (
    _check: HealthCheck,
    address: string,
    _port: number,
    signal: AbortSignal,
  ): Promise<ProbeResult> => {
    this.log.push(`${Math.round(this.clock.now())} ${address}`);
    this.inFlight++;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    return new Promise((resolve) => {
      const end = (): void => {
        this.inFlight--;
        const ok = !this.down.has(address);
        resolve({ ok, reason: ok ? 'connected' : 'connect: refused', latencyMs: this.latencyMs });
      };
      const cancel = this.clock.after(this.latencyMs, end);
      signal.addEventListener('abort', () => {
        this.aborted++;
        cancel();
        end();
      });
    });
  };

  monitor(options: { random?: () => number; probesMax?: number; jitter?: number } = {}) {
    const monitor = new HealthMonitor({
      clock: this.clock,
      probe: this.probe,
      random: () => 0,
      jitter: 0,
      ...options,
    });
    monitor.onChange((key, state, reason) => {
      this.log.push(`${this.clock.now()} ${key} ${state}: ${reason}`);
    });
    return monitor;
  }

  probes(): string[] {
    return this.log.filter((line) => !line.includes('healthy'));
  }

  changes(): string[] {
    return this.log.filter((line) => /healthy/.test(line));
  }
}

function target(key: string, change: Partial<HealthCheck> = {}): HealthTarget {
  return { key, address: key, port: 80, check: { ...check, ...change } as HealthCheck };
}

describe('the monitor', () => {
  test('probes at the interval and tells of a fall and a rise', async () => {
    const world = new World();
    const monitor = world.monitor();
    monitor.set([target('a')]);
    await world.clock.advance(1_500);
    world.down.add('a');
    await world.clock.advance(3_000);
    world.down.delete('a');
    await world.clock.advance(2_000);
    expect(world.log).toEqual([
      ...['0 a', '1000 a', '1010 a healthy: connected'],
      ...['2000 a', '3000 a', '4000 a', '4010 a unhealthy: connect: refused'],
      ...['5000 a', '6000 a', '6010 a healthy: connected'],
    ]);
  });

  test('an interval runs from start to start, and never two probes of one at a time', async () => {
    const world = new World();
    world.latencyMs = 400;
    world.monitor().set([target('a')]);
    await world.clock.advance(2_100);
    expect(world.probes()).toEqual(['0 a', '1000 a', '2000 a']);
    const slow = new World();
    slow.latencyMs = 1_700;
    slow.monitor().set([target('a')]);
    await slow.clock.advance(4_000);
    expect(slow.probes()).toEqual(['0 a', '1700 a', '3400 a']);
  });

  test('spreads first probes over a second at most, and later ones by the jitter', async () => {
    const world = new World();
    const values = [0.5, 0.75, 0];
    const random = (): number => values.shift() ?? 0.5;
    world.monitor({ random, jitter: 0.1 }).set([target('a', { intervalMs: 4_000 })]);
    await world.clock.advance(9_000);
    // 0.5 of 1 s; then 4 s times 1.05; then 4 s times 0.9.
    expect(world.probes()).toEqual(['500 a', '4700 a', '8300 a']);
  });

  test('runs no more probes at once than it may, in order', async () => {
    const world = new World();
    world.latencyMs = 100;
    const keys = Array.from({ length: 20 }, (_, i) => `t${i}`);
    world.monitor({ probesMax: 4 }).set(keys.map((key) => target(key)));
    await world.clock.advance(490);
    expect(world.inFlightMax).toBe(4);
    expect(world.log.map((line) => line.split(' ')[1])).toEqual(keys);
    expect(world.log.slice(-1)).toEqual(['400 t19']);
  });

  test('set keeps what is the same, removes what is not given, adds what is new', async () => {
    const world = new World();
    const monitor = world.monitor();
    world.down.add('a').add('b');
    monitor.set([target('a'), target('b')]);
    await world.clock.advance(2_500);
    expect(world.changes()).toHaveLength(2);
    monitor.set([target('a'), target('c')]);
    expect(monitor.snapshot().map(({ key, state }) => `${key} ${state}`)).toEqual([
      'a unhealthy',
      'c unknown',
    ]);
    world.log.length = 0;
    await world.clock.advance(1_000);
    expect(world.log).toEqual(['2500 c', '3000 a', '3500 c']);
  });

  test('a changed check keeps the verdict until it says otherwise itself', async () => {
    const world = new World();
    const monitor = world.monitor();
    world.down.add('a');
    monitor.put(target('a'));
    await world.clock.advance(2_500);
    monitor.put(target('a', { intervalMs: 100 }));
    expect(monitor.get('a')).toMatchObject({ state: 'unhealthy', failures: 0, changedAtMs: 2_010 });
    world.down.clear();
    await world.clock.advance(200);
    expect(monitor.get('a')).toMatchObject({ state: 'healthy', successes: 2 });
  });

  test('removal ends a probe under way; its result counts for nothing', async () => {
    const world = new World();
    const monitor = world.monitor({ probesMax: 1 });
    world.down.add('a');
    monitor.set([target('a', { fall: 1 }), target('b')]);
    await world.clock.advance(5);
    monitor.remove('a');
    await world.clock.advance(5);
    expect([world.aborted, world.changes()]).toEqual([1, []]);
    expect(world.log).toContain('5 b');
    monitor.stop();
    monitor.stop();
    expect([monitor.snapshot(), world.clock.pending]).toEqual([[], 0]);
  });

  test('tells what it knows of a target', async () => {
    const world = new World();
    const monitor = world.monitor();
    monitor.put(target('a'));
    expect(monitor.snapshot()).toEqual([
      { key: 'a', target: target('a'), state: 'unknown', successes: 0, failures: 0 },
    ]);
    await world.clock.advance(1_500);
    expect(monitor.get('a')).toEqual({
      key: 'a',
      target: target('a'),
      state: 'healthy',
      successes: 2,
      failures: 0,
      last: { ok: true, reason: 'connected', latencyMs: 10, atMs: 1_010 },
      changedAtMs: 1_010,
    });
  });

  test('a probe that rejects is a failure', async () => {
    const clock = new SimClock();
    const probe = () => Promise.reject(new Error('no sockets'));
    const monitor = new HealthMonitor({ clock, probe, random: () => 0 });
    monitor.put(target('a', { fall: 1 }));
    await clock.advance(0);
    expect(monitor.get('a')).toMatchObject({ state: 'unhealthy', last: { reason: 'no sockets' } });
  });

  test('whatever happens, verdicts follow the results and no timer or probe is lost', async () => {
    const action = fc.oneof(
      fc.record({
        do: fc.constant('put' as const),
        key: key(),
        interval: fc.integer({ min: 100, max: 900 }),
      }),
      fc.record({ do: fc.constant('remove' as const), key: key() }),
      fc.record({ do: fc.constantFrom('break' as const, 'mend' as const), key: key() }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
    );
    const property = fc.asyncProperty(
      fc.array(action, { maxLength: 40 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (actions, randoms) => {
        const world = new World();
        const monitor = world.monitor({
          random: () => randoms.next().value as number,
          probesMax: 2,
          jitter: 0.1,
        });
        const keys = new Set<string>();
        for (const item of actions) {
          if (item.do === 'put') monitor.put(target(item.key, { intervalMs: item.interval }));
          if (item.do === 'put') keys.add(item.key);
          if (item.do === 'remove') monitor.remove(item.key);
          if (item.do === 'remove') keys.delete(item.key);
          if (item.do === 'break') world.down.add(item.key);
          if (item.do === 'mend') world.down.delete(item.key);
          if (item.do === 'wait') await world.clock.advance(item.ms);
        }
        expect(world.inFlightMax).toBeLessThanOrEqual(2);
        // Long enough for every target to be probed `fall` times.
        await world.clock.advance(6_000);
        const states = monitor.snapshot().map(({ key, state }) => [key, state]);
        const want = Array.from(keys, (each) => [
          each,
          world.down.has(each) ? 'unhealthy' : 'healthy',
        ]);
        expect(new Map(states as [string, string][])).toEqual(new Map(want as [string, string][]));
        monitor.stop();
        await world.clock.advance(0);
        expect([world.inFlight, world.clock.pending]).toEqual([0, 0]);
      },
    );
    await checkProperty(property, { runs: 60 });
  });
});

function key() {
  return fc.constantFrom('a', 'b', 'c', 'd');
}

describe('the checks of services', () => {
  const service = (change: Partial<Service>): Service => ({
    name: 'web',
    aliases: [],
    endpointMode: 'vip',
    publish: [],
    vips: ['10.0.0.1'],
    ports: [
      { protocol: 'udp', port: 53, targetPort: 53, count: 1 },
      { protocol: 'tcp', port: 80, targetPort: 8_080, count: 1 },
    ],
    scheduler: 'rr',
    schedulerFlags: [],
    onePacket: false,
    affinity: { timeoutS: 0, prefix4: 32, prefix6: 128 },
    forwarding: 'masq',
    snat: 'auto',
    limits: { maxConnections: 0, resumeConnections: 0 },
    drainDeadlineMs: 0,
    healthCheck: check,
    destinations: ['10.1.0.1', '10.1.0.2'].map((address) => ({
      name: address,
      address,
      weight: 1,
      draining: false,
    })),
    ...change,
  });

  test('report by service and address', async () => {
    const world = new World();
    const checks = new HealthChecks({ clock: world.clock, probe: world.probe, random: () => 0 });
    const changed: string[] = [];
    checks.onChange((name) => changed.push(name));
    world.down.add('10.1.0.2');
    checks.put(service({}));
    expect(checks.report('web', '10.1.0.2')).toEqual({ health: 'unknown' });
    expect(checks.snapshot().map(({ target: { port } }) => port)).toEqual([8_080, 8_080]);
    await world.clock.advance(3_000);
    // One became healthy, the other unhealthy.
    expect(changed).toEqual(['web', 'web']);
    expect(checks.report('web', '10.1.0.1')).toEqual({ health: 'healthy' });
    expect(checks.report('web', '10.1.0.2')).toEqual({
      health: 'unhealthy',
      cause: 'connect: refused',
    });
    expect(checks.isUsable('web', '10.1.0.1')).toBe(true);
    expect(checks.isUsable('web', '10.1.0.2')).toBe(false);
    const [first, second] = service({}).destinations;
    checks.put(service({ destinations: [second!] }));
    expect(checks.report('web', first!.address)).toEqual({ health: 'unchecked' });
    expect(checks.isUsable('web', second!.address)).toBe(false);
    const { healthCheck: _none, ...unchecked } = service({});
    checks.put(unchecked);
    expect(checks.isUsable('web', second!.address)).toBe(true);
    checks.put(service({ name: 'other' }));
    checks.remove('other');
    checks.stop();
    expect(world.clock.pending).toBe(0);
  });
});
