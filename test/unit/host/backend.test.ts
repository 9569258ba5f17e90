import { describe, expect, it, vi } from 'vitest';
import type { ApplyRequest } from '../../../src/api/index.js';
import { errno } from '../../../src/kernel/index.js';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import type { ServiceSpec, VirtualServiceRule } from '../../../src/model/index.js';
import { parseRules } from '../../support/rule-text.js';
import { HostBench, repairIntervalMs, spec } from './bench.js';

const web = spec('web vip=10.96.0.1', '10.0.0.11', '10.0.0.12');
const mail = spec('mail vip=10.96.0.2', '10.0.0.13');
const foreign = parseRules(['ipvs 10.96.0.1:80/tcp rr', '  192.0.2.1:80 masq weight=1']);

function request(rest: Partial<ApplyRequest>): ApplyRequest {
  const none = { services: [], replaceAll: false, dryRun: false, expectedRevisions: new Map() };
  return { ...none, ...rest };
}

async function started(...services: readonly ServiceSpec[]): Promise<HostBench> {
  const bench = await new HostBench().start();
  if (services.length > 0) await bench.apply(...services);
  bench.takeOps();
  bench.watch();
  return bench;
}

describe('HostBackend.apply', () => {
  it('says what it did to each service', async () => {
    const bench = await started(mail);
    const all = request({ services: [web], replaceAll: true });
    expect(await bench.run(bench.backend.apply(all))).toEqual({
      revision: 2,
      changes: [
        { name: 'web', change: 'created', vips: ['10.96.0.1'] },
        { name: 'mail', change: 'removed', vips: ['10.96.0.2'] },
      ],
    });
  });

  it('with dryRun tells the Ops and the connections they cut, and changes nothing', async () => {
    const bench = await started(web, mail);
    bench.setOpen('10.96.0.1', '10.0.0.12', 4);
    bench.setOpen('10.96.0.2', '10.0.0.13', 2);
    const less = spec('web vip=10.96.0.1', '10.0.0.11 weight=3');
    const dry = request({ services: [less], replaceAll: true, dryRun: true });
    const { revision, plan } = await bench.run(bench.backend.apply(dry));
    expect(revision).toBe(1);
    expect(plan).toEqual({
      foreign: [],
      ops: [
        {
          text: 'set destination 10.0.0.11:80 masq weight=3 of 10.96.0.1:80/tcp',
          service: 'web',
          cutsConnections: 0,
        },
        {
          text: 'delete destination 10.0.0.12:80 masq weight=1 of 10.96.0.1:80/tcp',
          service: 'web',
          cutsConnections: 4,
        },
        { text: 'delete addr 10.96.0.2/32 dev mesh0', service: 'mail', cutsConnections: 0 },
        { text: 'delete ipvs 10.96.0.2:80/tcp', service: 'mail', cutsConnections: 2 },
      ],
    });
    expect([bench.takeOps(), bench.takeEvents(), bench.records.length]).toEqual([[], [], 2]);
    expect(bench.table.revision).toBe(1);
  });

  it('with dryRun knows what two services share, and what is withheld', async () => {
    const https = spec('https vip=10.96.0.1 port=443/tcp', '10.0.0.11');
    const bench = await started(web, https);
    const texts = async (rest: Partial<ApplyRequest>): Promise<string[]> => {
      const { plan } = await bench.run(bench.backend.apply(request({ dryRun: true, ...rest })));
      return plan!.ops.map(({ text }) => text);
    };
    expect(await texts({ services: [web], replaceAll: true })).toEqual([
      'delete ipvs 10.96.0.1:443/tcp',
    ]);
    expect(await texts({ replaceAll: true })).toContain('delete addr 10.96.0.1/32 dev mesh0');
    bench.kernel.hostAddresses = [
      { device: 'eth0', address: '10.96.0.7', prefixLength: 24, scope: 'global' },
    ];
    bench.kernel.announce();
    await bench.clock.advance(2000);
    expect(await texts({ services: [spec('own vip=10.96.0.7', '10.0.0.1')] })).toEqual([]);
  });

  it('refuses when the table or the service is not at the expected revision', async () => {
    const bench = await started(web);
    const stale = request({ services: [mail], expectedRevision: 0 });
    const conflict = { code: 'conflict', message: 'expected revision 0, the table is at 1' };
    await expect(bench.run(bench.backend.apply(stale))).rejects.toMatchObject(conflict);
    const dry = { ...stale, dryRun: true };
    await expect(bench.run(bench.backend.apply(dry))).rejects.toMatchObject(conflict);
    const exists = request({ services: [web], expectedRevisions: new Map([['web', 0]]) });
    await expect(bench.run(bench.backend.apply(exists))).rejects.toMatchObject({
      code: 'conflict',
    });
    const remove = bench.backend.remove({ name: 'web', now: true, expectedRevision: 9 });
    await expect(bench.run(remove)).rejects.toMatchObject({ code: 'conflict' });
    expect(bench.table.revision).toBe(1);
  });

  it('lets one of two win that have seen the same revision', async () => {
    const bench = await started();
    const both = [web, mail].map((one) =>
      bench.backend.apply(request({ services: [one], expectedRevision: 0 })),
    );
    const ends = await bench.run(Promise.allSettled(both));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});

describe('a service that is withheld', () => {
  it('because its VIP is an address of the host, until it is no more', async () => {
    const bench = await started(mail);
    const eth0 = { device: 'eth0', prefixLength: 24, scope: 'global' } as const;
    bench.kernel.hostAddresses = [{ ...eth0, address: '10.96.0.1' }];
    bench.kernel.announce();
    await bench.clock.advance(2000);
    await bench.apply(web);
    expect(await bench.backend.service('web')).toMatchObject({
      programmed: false,
      withheld: '10.96.0.1 is an address of eth0',
    });
    expect(bench.takeOps().filter((op) => /(ipvs|addr) 10.96.0.1\b/.test(op))).toEqual([]);
    expect(bench.log).toEqual(['warn web: service withheld: 10.96.0.1 is an address of eth0']);
    expect((await bench.backend.status()).withheld).toBe(1);
    bench.takeEvents();
    bench.kernel.hostAddresses = [];
    bench.kernel.announce();
    await bench.clock.advance(2000);
    expect(bench.takeOps().some((op) => op.startsWith('add ipvs 10.96.0.1:80/tcp'))).toBe(true);
    expect(bench.takeEvents()).toEqual(['set web programmed 10.0.0.11=1 10.0.0.12=1']);
    expect((await bench.backend.status()).withheld).toBe(0);
  });

  it('because somebody else has its virtual service, until that is gone', async () => {
    const kernel = new FakeKernel();
    kernel.plantForeign(...(foreign as VirtualServiceRule[]));
    const bench = await new HostBench({ kernel }).start();
    bench.watch();
    await bench.apply(web, mail);
    expect(bench.takeEvents()).toEqual([
      'set web pending 10.0.0.11=1 10.0.0.12=1',
      'set mail pending 10.0.0.13=1',
      'set web pending withheld 10.0.0.11=1 10.0.0.12=1',
      'set mail programmed 10.0.0.13=1',
    ]);
    const reason = '10.96.0.1:80/tcp: a virtual service that is not of meshd has this address';
    expect((await bench.backend.service('web')).withheld).toBe(reason);
    expect((await bench.backend.traffic('web')).services).toEqual([]);
    kernel.unplant('ipvs 10.96.0.1:80/tcp');
    await bench.clock.advance(repairIntervalMs);
    expect(bench.takeEvents()).toEqual(['set web programmed 10.0.0.11=1 10.0.0.12=1']);
    expect(bench.destinations()).toContain('10.0.0.11 weight=1');
  });
});

describe('the feed', () => {
  it('tells of a change when it is decided, and when the kernel holds it', async () => {
    const bench = await started(mail);
    await bench.apply(web);
    expect(bench.takeEvents()).toEqual([
      'set web pending 10.0.0.11=1 10.0.0.12=1',
      'set web programmed 10.0.0.11=1 10.0.0.12=1',
    ]);
    await bench.remove('web');
    expect(bench.takeEvents()).toEqual(['removed web']);
  });

  it('tells of a service that the kernel refused, and of its repair', async () => {
    const bench = await started(mail);
    const hits = ({ target }: { target: { kind: string } }): boolean =>
      target.kind === 'virtual-service';
    bench.kernel.addFault({ errno: errno.EBUSY, hits, times: 1 });
    await bench.apply(web);
    expect(bench.takeEvents()).toEqual([
      'set web pending 10.0.0.11=1 10.0.0.12=1',
      'set web pending 10.0.0.11=1 10.0.0.12=1',
    ]);
    await bench.clock.advance(200);
    expect(bench.takeEvents()).toEqual(['set web programmed 10.0.0.11=1 10.0.0.12=1']);
  });

  it('calls nothing programmed after a pass that could not read the kernel', async () => {
    const bench = new HostBench({ file: [web] });
    const observe = vi.spyOn(bench.kernel, 'observe').mockRejectedValue(new Error('lost replies'));
    await bench.start();
    await bench.clock.advance(5000);
    expect((await bench.backend.service('web')).programmed).toBe(false);
    expect((await bench.backend.status()).reconcile?.error).toBe('lost replies');
    observe.mockRestore();
    await bench.clock.advance(1000);
    expect((await bench.backend.service('web')).programmed).toBe(true);
  });

  it('is silent about 1,000 others when one changes', async () => {
    const others = Array.from({ length: 1000 }, (_, i) =>
      spec(`s${i} vip=10.97.${i >> 8}.${i & 255}`, '10.0.0.20'),
    );
    const bench = await started(...others);
    await bench.apply(mail);
    expect(bench.takeEvents()).toHaveLength(2);
    await bench.clock.advance(2 * repairIntervalMs);
    expect(bench.takeEvents()).toEqual([]);
  });
});

describe('health', () => {
  it('takes the weight away and gives it back, each in one pass and for that service alone', async () => {
    const bench = await started(web, mail);
    bench.health.fail('web', '10.0.0.12', 'connection refused');
    await bench.clock.advance(0);
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.12:80 masq weight=0 of 10.96.0.1:80/tcp',
    ]);
    expect((await bench.backend.service('web')).destinations[1]).toEqual({
      name: '10.0.0.12',
      address: '10.0.0.12',
      weight: 1,
      effectiveWeight: 0,
      draining: false,
      health: 'unhealthy',
      healthCause: 'connection refused',
    });
    bench.health.recover('web', '10.0.0.12');
    await bench.clock.advance(0);
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.12:80 masq weight=1 of 10.96.0.1:80/tcp',
    ]);
    expect(bench.takeEvents()).toEqual([
      'set web programmed 10.0.0.11=1 10.0.0.12=0',
      'set web programmed 10.0.0.11=1 10.0.0.12=1',
    ]);
  });

  it('of a service that has gone is nobody’s', async () => {
    const bench = await started(web);
    await bench.remove('web', true);
    bench.takeOps();
    bench.health.fail('web', '10.0.0.12');
    await bench.clock.advance(0);
    expect(bench.takeOps()).toEqual([]);
  });
});

describe('drift and status', () => {
  it('count what was changed behind our back, and name the latest', async () => {
    const bench = await started(web);
    bench.kernel.unplant('addr 10.96.0.1/32 dev mesh0');
    await bench.clock.advance(repairIntervalMs);
    const [record] = await bench.backend.drift(10);
    expect(record).toEqual({
      atMs: bench.clock.wallMs(),
      rules: [{ difference: 'missing', rule: 'addr 10.96.0.1/32 dev mesh0' }],
      repaired: true,
    });
    const { drift, reconcile, ...status } = await bench.backend.status();
    expect(drift).toEqual({ detected: 1, repaired: 1, lastAtMs: record!.atMs });
    expect(reconcile).toEqual({ atMs: record!.atMs, durationMs: 0, ops: 1 });
    expect(status).toMatchObject({ services: 1, destinations: 2, withheld: 0, revision: 1 });
  });

  it('plan what a repair would do', async () => {
    const bench = await started(web);
    bench.kernel.unplant('addr 10.96.0.1/32 dev mesh0');
    const { ops } = await bench.backend.plan();
    expect(ops).toEqual([
      { text: 'add addr 10.96.0.1/32 dev mesh0', service: 'web', cutsConnections: 0 },
    ]);
    expect(bench.takeOps()).toEqual([]);
  });
});
