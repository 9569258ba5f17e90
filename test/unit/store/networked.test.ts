import { describe, expect, it } from 'vitest';
import type { ServiceSpec } from '../../../src/model/index.js';
import { recordsOf, ServiceTable, VipPool } from '../../../src/store/index.js';
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
