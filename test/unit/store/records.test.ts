import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/index.js';
import { restoreTable } from '../../../src/host/index.js';
import type { ServiceSpec } from '../../../src/model/index.js';
import {
  recordsOf,
  replay,
  ServiceTable,
  snapshotOf,
  VipPool,
  type TableRecord,
  type TableRequest,
} from '../../../src/store/index.js';
import { checkProperty } from '../../support/property.js';
import { spec, TableBench, textOf } from './table-bench.js';

const web = spec('web port=80/tcp', '10.0.0.11', '10.0.0.12');

describe('recordsOf', () => {
  it('writes services of the API whole, and of the file only what it does not say', () => {
    const bench = new TableBench('10.96.0.1/32', '10.97.0.1/32');
    expect(recordsOf(bench.set('api', web))).toEqual([
      { type: 'service', spec: web },
      { type: 'vips', name: 'web', vips: ['10.96.0.1'] },
    ]);
    const mail = spec('mail port=25/tcp', '10.0.0.13');
    expect(recordsOf(bench.set('file', mail))).toEqual([
      { type: 'vips', name: 'mail', vips: ['10.97.0.1'] },
    ]);
    const given = spec('dns vip=10.98.0.1 port=53/udp');
    expect(recordsOf(bench.set('file', given))).toEqual([]);
  });

  it('writes nothing for what stays as it is', () => {
    const bench = new TableBench('10.96.0.1/32');
    bench.set('api', web);
    expect(recordsOf(bench.set('api', web))).toEqual([]);
    const moved = spec('web port=81/tcp', '10.0.0.11');
    expect(recordsOf(bench.set('api', moved))).toEqual([{ type: 'service', spec: moved }]);
  });

  it('writes removals of the API, and drains when they change', () => {
    const bench = new TableBench('10.96.0.1/32');
    bench.set('api', web);
    expect(recordsOf(bench.drain('web', '10.0.0.12'))).toEqual([
      { type: 'drained', name: 'web', addresses: ['10.0.0.12'] },
    ]);
    expect(recordsOf(bench.drain('web', '10.0.0.12'))).toEqual([]);
    expect(recordsOf(bench.drain('web'))).toEqual([
      { type: 'drained', name: 'web', addresses: [] },
    ]);
    expect(recordsOf(bench.commit({ source: 'api', set: [], remove: ['web'] }))).toEqual([
      { type: 'removed', name: 'web' },
    ]);
  });
});

describe('replay', () => {
  it('adds records up', () => {
    const records: TableRecord[] = [
      { type: 'service', spec: web },
      { type: 'vips', name: 'web', vips: ['10.96.0.1'] },
      { type: 'drained', name: 'web', addresses: ['10.0.0.12'] },
      { type: 'removed', name: 'web' },
      { type: 'vips', name: 'mail', vips: ['10.96.0.2'] },
      { type: 'drained', name: 'mail', addresses: ['10.0.0.13'] },
      { type: 'drained', name: 'mail', addresses: [] },
    ];
    const { services, vips, drained } = replay(records);
    expect(services.size).toBe(0);
    expect([...vips]).toEqual([
      ['web', ['10.96.0.1']],
      ['mail', ['10.96.0.2']],
    ]);
    expect(drained.size).toBe(0);
  });

  it('takes services of a version that knew no aliases as having none', () => {
    const { aliases: _, ...older } = web;
    const records = JSON.parse(JSON.stringify([{ type: 'service', spec: older }])) as unknown[];
    expect(replay(records).services.get('web')).toEqual(web);
  });

  it.each([[{ type: 'vip' }], [{}], [{ type: 7 }]])('refuses %j: data_loss', (record) => {
    expect(() => replay([record])).toThrow(expect.objectContaining({ code: 'data_loss' }) as Error);
  });
});

/** A few services that get into each other's way, on few addresses. */
const pools = ['10.96.0.0/29', 'fd00::/126'];
const specs: fc.Arbitrary<ServiceSpec> = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    vip: fc.constantFrom('', 'vip=10.96.0.1', 'vip=10.96.0.2,fd00::1'),
    port: fc.constantFrom('80/tcp', '81/tcp', '80-82/tcp', '53/udp'),
    destinations: fc.subarray(['10.0.0.11', '10.0.0.12', 'fd01::11']),
  })
  .map(({ name, vip, port, destinations }) =>
    spec([name, vip, `port=${port}`].filter((word) => word !== '').join(' '), ...destinations),
  );

type Step =
  | { readonly type: 'request'; readonly request: TableRequest }
  | { readonly type: 'drain'; readonly name: string; readonly addresses: readonly string[] };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({
      source: fc.constantFrom('api' as const, 'file' as const),
      set: fc.uniqueArray(specs, { maxLength: 3, selector: ({ name }) => name }),
      remove: fc.oneof(
        fc.constant('others' as const),
        fc.subarray(['a', 'b', 'c', 'd'], { maxLength: 1 }),
      ),
    })
    .map((request): Step =>
      // The file always says all that it has.
      ({
        type: 'request',
        request: request.source === 'file' ? { ...request, remove: 'others' } : request,
      }),
    ),
  fc.record({
    type: fc.constant('drain' as const),
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    addresses: fc.subarray(['10.0.0.11', '10.0.0.12', 'fd01::11']),
  }),
);

/** Runs a history; what is refused leaves no trace. Returns what was written down. */
function live(history: readonly Step[], table: ServiceTable): TableRecord[] {
  const records: TableRecord[] = [];
  for (const step of history) {
    const before = textOf(table);
    try {
      const prepared =
        step.type === 'request'
          ? table.prepare(step.request)
          : table.prepareDrain(step.name, new Set(step.addresses));
      records.push(...recordsOf(prepared));
      table.commit(prepared);
    } catch {
      expect(textOf(table)).toEqual(before);
    }
  }
  return records;
}

function restart(table: ServiceTable, records: readonly TableRecord[]): ServiceTable {
  const written: unknown = JSON.parse(JSON.stringify(records));
  const file = [...table.all()].filter(({ source }) => source === 'file');
  const restored = new ServiceTable(new VipPool(pools));
  restoreTable(
    restored,
    file.map((entry) => entry.spec),
    replay(written as unknown[]),
    silentLog,
  );
  return restored;
}

describe('any history', () => {
  it('is rebuilt from its records, and from a snapshot', async () => {
    await checkProperty(
      fc.property(fc.array(steps, { maxLength: 12 }), (history) => {
        const table = new ServiceTable(new VipPool(pools));
        const records = live(history, table);
        expect(textOf(restart(table, records))).toEqual(textOf(table));
        expect(textOf(restart(table, snapshotOf(table)))).toEqual(textOf(table));
      }),
      { runs: 1500 },
    );
  });

  it('leaves a table whose indexes say what its services do', async () => {
    await checkProperty(
      fc.property(fc.array(steps, { maxLength: 12 }), (history) => {
        const table = new ServiceTable(new VipPool(pools));
        live(history, table);
        const holders = new Map<string, string[]>();
        for (const { service } of table.all()) {
          for (const vip of service.vips) {
            holders.set(vip, [...(holders.get(vip) ?? []), service.name]);
            for (const { protocol, port, count } of service.ports) {
              const endpoint = vip.includes(':') ? `[${vip}]` : vip;
              for (let i = 0; i < count; i++) {
                const listener = `${endpoint}:${port + i}/${protocol}`;
                expect(table.listenerOf(listener)).toBe(service.name);
              }
            }
          }
        }
        for (const [vip, names] of holders) {
          expect(table.holderOf(vip)).toBe(names.length === 1 ? names[0] : undefined);
        }
      }),
      { runs: 500 },
    );
  });
});
