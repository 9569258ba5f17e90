import { describe, expect, it } from 'vitest';
import { familyOf, type Family } from '../../../src/model/index.js';
import { VipPool } from '../../../src/store/index.js';
import { spec, TableBench } from './table-bench.js';

const none = (): boolean => false;

describe('VipPool', () => {
  it('gives the same name the same address on every host', () => {
    const pool = new VipPool(['10.96.0.0/16', 'fd00::/64']);
    expect(pool.choose('web', 4, none)).toBe(new VipPool(['10.96.0.0/16']).choose('web', 4, none));
    expect(pool.choose('web', 4, none)).not.toBe(pool.choose('mail', 4, none));
    expect(familyOf(pool.choose('web', 6, none))).toBe(6);
  });

  it.each<[string, Family, string[]]>([
    ['10.96.0.0/30', 4, ['10.96.0.1', '10.96.0.2']],
    ['10.96.0.0/31', 4, ['10.96.0.0', '10.96.0.1']],
    ['10.96.0.5/32', 4, ['10.96.0.5']],
    ['fd00::/126', 6, ['fd00::1', 'fd00::2', 'fd00::3']],
    ['fd00::5/128', 6, ['fd00::5']],
  ])(
    'of %s gives every address that hosts may have, then says it is empty',
    (prefix, family, all) => {
      const pool = new VipPool([prefix]);
      const taken = new Set<string>();
      for (const _ of all) taken.add(pool.choose('web', family, (vip) => taken.has(vip)));
      expect([...taken].sort()).toEqual(all);
      expect(() => pool.choose('web', family, (vip) => taken.has(vip))).toThrow(
        `service web: every address of the IPv${family} pools is taken (${prefix})`,
      );
    },
  );

  it('goes on to the next pool of the family', () => {
    const pool = new VipPool(['10.96.0.1/32', 'fd00::/64', '10.97.0.1/32']);
    expect(pool.choose('web', 4, (vip) => vip === '10.96.0.1')).toBe('10.97.0.1');
  });

  it('has addresses for any name in the largest pools', () => {
    const pool = new VipPool(['10.0.0.0/8', 'fd00::/8']);
    for (let i = 0; i < 100; i++) {
      expect(pool.contains(pool.choose(`s${i}`, 4, none))).toBe(true);
      expect(pool.contains(pool.choose(`s${i}`, 6, none))).toBe(true);
    }
  });

  it('avoids an address only while there is another one', () => {
    const pool = new VipPool(['10.96.0.0/31', '10.97.0.1/32']);
    const avoided = new Set(['10.96.0.0', '10.96.0.1']);
    const avoid = (vip: string): boolean => avoided.has(vip);
    expect(pool.choose('web', 4, none, avoid)).toBe('10.97.0.1');
    expect(avoided).toContain(pool.choose('web', 4, (vip) => vip === '10.97.0.1', avoid));
  });

  it('refuses a family without a pool', () => {
    expect(() => new VipPool(['10.96.0.0/16']).choose('web', 6, none)).toThrow(
      'service web: no VIP given and no IPv6 pool in the configuration',
    );
  });
});

describe('VIPs from pools', () => {
  const four = spec('web port=80/tcp', '10.0.0.11');
  const six = spec('web port=80/tcp', 'fd01::11');
  const dual = spec('web port=80/tcp', 'fd01::11', '10.0.0.11');
  const empty = spec('web port=80/tcp');

  it.each([
    ['IPv4 destinations', four, [4]],
    ['IPv6 destinations', six, [6]],
    ['both', dual, [4, 6]],
    ['no destination: IPv4 where there is a pool for it', empty, [4]],
  ])('are of the families of the destinations: %s', (_name, service, families) => {
    const bench = new TableBench('10.96.0.0/16', 'fd00::/64');
    bench.set('api', service);
    expect(bench.table.get('web')!.service.vips.map(familyOf)).toEqual(families);
  });

  it('without a destination are of the one family that has a pool', () => {
    const bench = new TableBench('fd00::/64');
    bench.set('api', empty);
    expect(familyOf(bench.vipsOf('web'))).toBe(6);
  });

  it('stay when the last destination goes', () => {
    const bench = new TableBench('10.96.0.0/16', 'fd00::/64');
    bench.set('api', dual);
    const vips = bench.vipsOf('web');
    bench.set('api', empty);
    expect(bench.vipsOf('web')).toBe(vips);
    bench.set('api', dual);
    expect(bench.vipsOf('web')).toBe(vips);
  });

  it('stay when the service changes, and when it is removed and comes back', () => {
    const bench = new TableBench('10.96.0.0/24');
    bench.table.rememberVips('web', ['10.96.0.200']);
    bench.set('api', four);
    expect(bench.vipsOf('web')).toBe('10.96.0.200');
    bench.set('api', spec('web port=81/tcp', '10.0.0.11'));
    expect(bench.vipsOf('web')).toBe('10.96.0.200');
    bench.commit({ source: 'api', set: [], remove: ['web'] });
    bench.set('api', four);
    expect(bench.vipsOf('web')).toBe('10.96.0.200');
  });

  it('stay with whom they were given to, whatever new service comes in the same request', () => {
    // One address: the new service would choose the very same.
    const bench = new TableBench('10.96.0.1/32', '10.97.0.1/32');
    bench.set('file', spec('old port=80/tcp', '10.0.0.11'));
    bench.set('file', spec('new port=80/tcp', '10.0.0.11'), spec('old port=80/tcp', '10.0.0.11'));
    expect(bench.vipsOf('old')).toBe('10.96.0.1');
    expect(bench.vipsOf('new')).toBe('10.97.0.1');
  });

  it('are kept for whom they were given to before a restart, while there are others', () => {
    const bench = new TableBench('10.96.0.1/32', '10.97.0.1/32');
    bench.table.rememberVips('old', ['10.96.0.1']);
    bench.set('file', spec('new port=80/tcp', '10.0.0.11'));
    expect(bench.vipsOf('new')).toBe('10.97.0.1');
    bench.set('file', spec('third port=80/tcp', '10.0.0.11'));
    expect(bench.vipsOf('third')).toBe('10.96.0.1');
    expect(bench.refusal({ source: 'api', set: [spec('old port=80/tcp')], remove: [] })).toContain(
      'resource_exhausted',
    );
  });

  it('move when the pools no longer have them', () => {
    const bench = new TableBench('10.96.0.0/24');
    bench.table.rememberVips('web', ['10.99.0.1']);
    bench.set('api', four);
    expect(bench.vipsOf('web')).toMatch(/^10\.96\.0\./);
  });

  it('may be given to another service by hand, which then shares them', () => {
    const bench = new TableBench('10.96.0.0/24');
    bench.set('api', four);
    const vip = bench.vipsOf('web');
    const sharer = spec(`mail vip=${vip} port=25/tcp`, '10.0.0.12');
    bench.set('api', sharer);
    bench.set('api', spec('web port=81/tcp', '10.0.0.11'), sharer);
    expect(bench.vipsOf('web')).toBe(vip);
    bench.set('api', four);
    expect(bench.vipsOf('web')).toBe(vip);
  });

  it('give way to one given by hand with the same port in the same request', () => {
    const bench = new TableBench('10.96.0.0/24');
    bench.set('api', four);
    const vip = bench.vipsOf('web');
    const owner = spec(`mail vip=${vip} port=80/tcp`, '10.0.0.12');
    expect(bench.refusal({ source: 'api', set: [owner], remove: [] })).toContain('conflict');
    bench.set('api', four, owner);
    expect(bench.vipsOf('mail')).toBe(vip);
    expect(bench.vipsOf('web')).not.toBe(vip);
  });

  it('that become given ones, or the other way round, are a change and stay the same', () => {
    const bench = new TableBench('10.96.0.0/24');
    bench.set('api', four);
    const vip = bench.vipsOf('web');
    const { changes } = bench.set('api', spec(`web vip=${vip} port=80/tcp`, '10.0.0.11'));
    expect(changes[0]!.change).toBe('updated');
    expect(bench.set('api', four).changes[0]!.change).toBe('updated');
    expect(bench.vipsOf('web')).toBe(vip);
  });

  it('are all different, until none is left', () => {
    const bench = new TableBench('10.96.0.0/28');
    const specs = Array.from({ length: 14 }, (_, i) => spec(`s${i} port=80/tcp`, '10.0.0.11'));
    bench.set('api', ...specs);
    expect(new Set(specs.map(({ name }) => bench.vipsOf(name))).size).toBe(14);
    expect(bench.refusal({ source: 'api', set: [four], remove: [] })).toContain(
      'resource_exhausted: service web: every address of the IPv4 pools is taken (10.96.0.0/28)',
    );
    bench.commit({ source: 'api', set: [four], remove: ['s3'] });
    expect(bench.table.size).toBe(14);
  });
});
