import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/index.js';
import { TaskSandboxes } from '../../../src/host/task-sandboxes.js';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import type { OpFailure } from '../../../src/kernel/index.js';
import { formatRule, type Op } from '../../../src/model/index.js';
import { parseRules } from '../../support/rule-text.js';
import { SimClock } from '../../support/sim-clock.js';

const path = '/run/netns/web';
const device = parseRules(['link mesh0 type dummy up']);
const route = parseRules(['link mesh0 type dummy up', 'addr 10.64.0.2/24 dev mesh0']);

/** Works on nothing while `busy` lasts. */
class BusyKernel extends FakeKernel {
  busy = Promise.resolve();

  override async apply(ops: readonly Op[]): Promise<readonly OpFailure[]> {
    await this.busy;
    return super.apply(ops);
  }
}

class Bench {
  readonly clock = new SimClock();
  readonly kernel = new BusyKernel();
  identity = '4:1';
  readonly vanished: string[] = [];
  readonly sandboxes = new TaskSandboxes({
    clock: this.clock,
    log: silentLog,
    reconcile: {
      repairIntervalMs: 60_000,
      networkIntervalMs: 200,
      retryMinMs: 100,
      retryMaxMs: 10_000,
      repairShareMax: 0.1,
      retireePollMs: 1_000,
      drainDeadlineMs: 0,
    },
    openSandbox: () => Promise.resolve(this.kernel),
    namespaceIdentity: () => Promise.resolve(this.identity),
    vanished: (gone) => void this.vanished.push(gone),
    passed: () => undefined,
  });

  held(): string[] {
    return [...this.kernel.rules.values()].map(formatRule).filter((line) => line.includes('mesh0'));
  }
}

describe('TaskSandboxes', () => {
  it('bring the loopback device up again, and leave it up', async () => {
    const bench = new Bench();
    const isUp = (): boolean => bench.kernel.rules.has('link lo');
    void bench.sandboxes.put(path, 'network blue', parseRules(['link lo up']));
    await bench.clock.advance(0);
    expect(isUp()).toBe(true);
    bench.kernel.unplant('link lo');
    bench.kernel.announce();
    await bench.clock.advance(200);
    expect(isUp()).toBe(true);
    void bench.sandboxes.put(path, 'network blue', []);
    await bench.clock.advance(200);
    expect(isUp()).toBe(true);
  });

  it('are gone when another namespace has their path', async () => {
    const bench = new Bench();
    void bench.sandboxes.put(path, 'network blue', route);
    await bench.clock.advance(0);
    await bench.sandboxes.forgetVanished();
    expect(bench.vanished).toEqual([]);
    bench.identity = '4:2';
    await bench.sandboxes.forgetVanished();
    expect(bench.vanished).toEqual([path]);
    // Whoever hears of it takes back what was wanted there; what begins anew is the new one's.
    const left = bench.sandboxes.put(path, 'network blue', []);
    await bench.clock.advance(200);
    await left;
    void bench.sandboxes.put(path, 'network blue', route);
    await bench.clock.advance(200);
    await bench.sandboxes.forgetVanished();
    expect(bench.vanished).toEqual([path]);
    expect(bench.held()).toHaveLength(2);
  });

  it('leaves nothing behind, also when a pass for something else is running', async () => {
    const bench = new Bench();
    void bench.sandboxes.put(path, 'network blue', route);
    await bench.clock.advance(0);
    expect(bench.held()).toHaveLength(2);
    let goOn = (): void => undefined;
    bench.kernel.busy = new Promise((resolve) => (goOn = resolve));
    void bench.sandboxes.put(path, 'network blue', device);
    await bench.clock.advance(0);
    const left = bench.sandboxes.put(path, 'network blue', []);
    await bench.clock.advance(0);
    goOn();
    await bench.clock.advance(1_000);
    await left;
    expect(bench.held()).toEqual([]);
    expect(bench.sandboxes.isProgrammed).toBe(true);
  });

  it('begins anew only when all of before is gone', async () => {
    const bench = new Bench();
    void bench.sandboxes.put(path, 'network blue', route);
    await bench.clock.advance(0);
    const left = bench.sandboxes.put(path, 'network blue', []);
    await Promise.resolve();
    await Promise.resolve();
    void bench.sandboxes.put(path, 'network red', device);
    await bench.clock.advance(1_000);
    await left;
    expect(bench.held()).toHaveLength(1);
  });

  it('gives up on a namespace that refuses', async () => {
    const bench = new Bench();
    void bench.sandboxes.put(path, 'network blue', route);
    await bench.clock.advance(0);
    bench.kernel.addFault({ errno: 16, hits: () => true });
    const left = bench.sandboxes.put(path, 'network blue', []);
    await bench.clock.advance(1_000);
    await left;
    expect(bench.held()).toHaveLength(2);
  });
});
