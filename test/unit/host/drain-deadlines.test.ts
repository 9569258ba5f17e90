import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/index.js';
import { HostController, type HealthView } from '../../../src/host/index.js';
import { FakeKernel } from '../../../src/kernel/index.js';
import { ServiceTable, VipPool } from '../../../src/store/index.js';
import { parseService } from '../../support/service-text.js';
import { SimClock } from '../../support/sim-clock.js';

/** Everything is healthy. */
const health: HealthView = {
  put: () => undefined,
  remove: () => undefined,
  isUsable: () => true,
  report: () => ({ health: 'unchecked' }),
  onChange: () => undefined,
  stop: () => undefined,
};

const retireePollMs = 1000;

class Host {
  readonly clock = new SimClock();
  readonly kernel = new FakeKernel();
  readonly table = new ServiceTable(new VipPool([]));
  readonly controller = new HostController({
    kernel: this.kernel,
    table: this.table,
    health,
    clock: this.clock,
    log: silentLog,
    reconcile: {
      repairIntervalMs: 600_000,
      repairShareMax: 0.1,
      networkIntervalMs: 200,
      retryMinMs: 100,
      retryMaxMs: 1000,
      retireePollMs,
      drainDeadlineMs: 60_000,
    },
    persist: () => Promise.resolve(),
  });

  /** `web` with two destinations that hold a connection each, in the kernel. */
  async start(): Promise<this> {
    const match = { protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
    for (const server of ['10.0.0.11:80', '10.0.0.12:80']) {
      this.kernel.setDestinationCounters(match, server, { active: 1 });
    }
    await this.controller.start();
    const line = 'service web vip=10.96.0.1 port=80/tcp';
    const web = parseService(line, ['10.0.0.11', '10.0.0.12']);
    await this.run(this.controller.submit({ source: 'api', set: [web], remove: [] }));
    return this;
  }

  async drain(addresses: readonly string[], named: readonly string[], ms: number): Promise<void> {
    const change = { drained: new Set(addresses), deadline: { ms, addresses: new Set(named) } };
    await this.run(this.controller.setDrained('web', () => change));
  }

  async run(change: Promise<unknown>): Promise<void> {
    await this.clock.advance(0);
    await change;
    await this.clock.advance(0);
  }

  waiting(): string[] {
    return [...this.controller.retirement.retirees()].map(
      ({ destination, deadlineAt }) => `${destination.address} until ${deadlineAt}`,
    );
  }
}

describe('the deadline of a drain', () => {
  it('is the one asked for', async () => {
    const host = await new Host().start();
    await host.drain(['10.0.0.12'], ['10.0.0.12'], 5000);
    expect(host.waiting()).toEqual(['10.0.0.12 until 5000']);
  });

  it('moves with a second drain of the same, and no other', async () => {
    const host = await new Host().start();
    await host.drain(['10.0.0.12'], ['10.0.0.12'], 5000);
    await host.clock.advance(1000);
    await host.drain(['10.0.0.11', '10.0.0.12'], ['10.0.0.11'], 7000);
    expect(host.waiting()).toEqual(['10.0.0.11 until 8000', '10.0.0.12 until 5000']);
    await host.drain(['10.0.0.11', '10.0.0.12'], ['10.0.0.12'], 30_000);
    expect(host.waiting()).toEqual(['10.0.0.11 until 8000', '10.0.0.12 until 31000']);
  });

  it('is now for everything when the service is removed at once', async () => {
    const host = await new Host().start();
    await host.drain(['10.0.0.12'], ['10.0.0.12'], 50_000);
    await host.run(host.controller.submit({ source: 'api', set: [], remove: ['web'], now: true }));
    expect(host.waiting()).toEqual([]);
    expect([...host.kernel.rules.keys()].filter((key) => key.includes('10.96.0.1'))).toEqual([]);
  });
});
