import { describe, expect, it } from 'vitest';
import type { ServiceSpec } from '../../../src/model/index.js';
import { recordsOf, replay, ServiceTable, snapshotOf, VipPool } from '../../../src/store/index.js';
import { silentLog } from '../../../src/base/index.js';
import { restoreTable } from '../../../src/host/index.js';
import { networkedService, publishedPort } from '../../support/networked.js';

/** Services on network `front`, which becomes known when it is told. */
class Bench {
  pool: VipPool | undefined;
  readonly table = new ServiceTable(new VipPool([]), (network) =>
    network === 'front' ? this.pool : undefined,
  );

  set(...set: readonly ServiceSpec[]): void {
    this.table.commit(this.table.prepare({ source: 'api', set, remove: [] }));
  }

  know(...prefixes: readonly string[]): ReturnType<typeof recordsOf> {
    this.pool = new VipPool(prefixes);
    const prepared = this.table.prepareNetwork('front');
    this.table.commit(prepared);
    return recordsOf(prepared);
  }

  vips(name: string): readonly string[] {
    return this.table.get(name)!.service.vips;
  }
}

const named = (name: string, change: Partial<ServiceSpec> = {}): ServiceSpec =>
  networkedService({ name, vips: [], ...change });

describe('services on networks', () => {
  it('get their VIPs when the network is known, one for each family, and keep them', () => {
    const bench = new Bench();
    bench.set(named('web'));
    expect(bench.vips('web')).toEqual([]);
    const records = bench.know('10.64.0.192/26', 'fd00:64::c000/114');
    const vips = bench.vips('web');
    expect(vips.map((vip) => vip.includes(':'))).toEqual([false, true]);
    expect(records).toEqual([{ type: 'vips', name: 'web', vips }]);
    expect(bench.know('10.64.0.192/26', 'fd00:64::c000/114')).toEqual([]);
    bench.set(named('web', { scheduler: 'lc' }));
    expect(bench.vips('web')).toEqual(vips);
  });

  it('remember them while the network is not known', () => {
    const bench = new Bench();
    bench.table.rememberVips('web', ['10.64.0.201']);
    bench.set(named('web'));
    expect(bench.vips('web')).toEqual(['10.64.0.201']);
  });

  it('move when the network is another', () => {
    const bench = new Bench();
    bench.set(named('web'));
    bench.know('10.64.0.192/26');
    bench.know('10.65.0.192/26');
    expect(bench.vips('web')[0]).toMatch(/^10\.65\.0\./);
  });

  it('have none with endpoint mode dnsrr', () => {
    const bench = new Bench();
    bench.know('10.64.0.192/26');
    bench.set(named('web', { endpointMode: 'dnsrr' }));
    expect(bench.vips('web')).toEqual([]);
  });

  it('are refused when there is no VIP left', () => {
    const bench = new Bench();
    bench.know('10.64.0.252/30');
    bench.set(named('a'), named('b'));
    expect(() => bench.set(named('c'))).toThrow(
      'service c: every address of the IPv4 pools is taken (10.64.0.252/30)',
    );
  });

  it('have a published port for one alone', () => {
    const bench = new Bench();
    const publish = [publishedPort({ port: 8_000, targetPort: 8_000, count: 100 })];
    bench.set(named('web', { publish }));
    expect(() => bench.set(named('api', { publish: [publishedPort({ port: 8_050 })] }))).toThrow(
      'service api: published 8050/tcp belongs to service web',
    );
    bench.set(named('api', { publish: [publishedPort({ port: 8_050, protocol: 'udp' })] }));
  });
});

describe('published ports that are left to us', () => {
  const auto = publishedPort({ port: 0, targetPort: 8_080 });
  const dnsrr = (name: string, change: Partial<ServiceSpec> = {}): ServiceSpec =>
    named(name, { endpointMode: 'dnsrr', publish: [auto], ...change });
  const portsOf = ({ table }: { table: ServiceTable }, name: string): number[] =>
    table.get(name)!.service.publish.map(({ port }) => port);

  it('are in the range of Swarm, the same on every host, and stay', () => {
    const [one, other] = [new Bench(), new Bench()];
    one.set(dnsrr('web'));
    other.set(dnsrr('web'));
    const [port] = portsOf(one, 'web');
    expect(port).toBeGreaterThanOrEqual(30_000);
    expect(port).toBeLessThanOrEqual(32_767);
    expect(portsOf(other, 'web')).toEqual([port]);
    one.set(dnsrr('web', { scheduler: 'lc' }));
    expect(portsOf(one, 'web')).toEqual([port]);
    one.table.commit(one.table.prepareDrain('web', new Set()));
    expect(portsOf(one, 'web')).toEqual([port]);
  });

  it('are each service its own, and never one that somebody names', () => {
    const bench = new Bench();
    bench.set(dnsrr('web'));
    const [wanted] = portsOf(bench, 'web');
    const given = dnsrr('given', { publish: [publishedPort({ port: wanted! })] });
    const fresh = new Bench();
    fresh.set(dnsrr('web', { publish: [auto, auto] }), given);
    const all = [...portsOf(fresh, 'web'), wanted];
    expect(new Set(all).size).toBe(3);
  });

  it('come back after a restart, whoever is restored first', () => {
    const bench = new Bench();
    const range = { protocol: 'tcp', count: 2_767 } as const;
    const names = ['a', 'b'];
    const full = dnsrr('full', { publish: [publishedPort({ ...range, port: 30_000 })] });
    bench.set(full, dnsrr('a'));
    expect(() => bench.set(dnsrr('b'))).toThrow(
      'service b: every tcp port from 30000 to 32767 is published',
    );
    bench.table.commit(bench.table.prepare({ source: 'api', set: [], remove: ['full'] }));
    bench.set(dnsrr('b'));
    const before = names.map((name) => portsOf(bench, name));
    const records = snapshotOf(bench.table).toReversed();
    const again = new Bench();
    restoreTable(again.table, [], replay(records), silentLog);
    expect(names.map((name) => portsOf(again, name))).toEqual(before);
  });

  it('are no other for a host with the same file', () => {
    const bench = new Bench();
    const service = dnsrr('web', { publish: [{ ...auto, port: 30_123 }] });
    const request = { set: [{ service, owner: 'a' }], remove: [], yield: [], restore: [] };
    bench.table.commit(bench.table.prepareMesh(request));
    bench.table.commit(bench.table.prepare({ source: 'file', set: [dnsrr('web')], remove: [] }));
    expect(portsOf(bench, 'web')).toEqual([30_123]);
  });
});
