import { describe, expect, it } from 'vitest';
import { silentLog, type Log } from '../../../src/base/index.js';
import { restoreTable } from '../../../src/host/index.js';
import type { ServiceSpec } from '../../../src/model/index.js';
import { replay, ServiceTable, VipPool, type TableRecord } from '../../../src/store/index.js';
import { spec } from './bench.js';

const web = spec('web vip=10.96.0.1', '10.0.0.11', '10.0.0.12');
const mail = spec('mail vip=10.96.0.2', '10.0.0.13');

/** One line per service: `file web 10.96.0.1 10.0.0.11 -10.0.0.12`, drained ones with a dash. */
function restored(
  file: readonly ServiceSpec[],
  records: readonly TableRecord[],
  log: Log = silentLog,
): string[] {
  const table = new ServiceTable(new VipPool(['10.98.0.0/24']));
  restoreTable(table, file, replay(records), log);
  return [...table.all()].map(({ source, service }) => {
    const destinations = service.destinations.map(
      ({ address, draining }) => `${draining ? '-' : ''}${address}`,
    );
    return [source, service.name, ...service.vips, ...destinations].join(' ');
  });
}

describe('restoreTable', () => {
  it('joins what the file says with what is remembered of the API', () => {
    expect(restored([web], [{ type: 'service', spec: mail }])).toEqual([
      'file web 10.96.0.1 10.0.0.11 10.0.0.12',
      'api mail 10.96.0.2 10.0.0.13',
    ]);
  });

  it('leaves out remembered services that the file stands in the way of, and says so', () => {
    const lines: string[] = [];
    const error = (context: object, message: string): void =>
      void lines.push(`${'service' in context ? String(context.service) : ''} ${message}`);
    const records: TableRecord[] = [
      { type: 'service', spec: spec('web vip=10.96.0.9', '10.0.0.99') },
      { type: 'service', spec: spec('thief vip=10.96.0.1', '10.0.0.99') },
      { type: 'service', spec: mail },
    ];
    expect(restored([web], records, { ...silentLog, error })).toEqual([
      'file web 10.96.0.1 10.0.0.11 10.0.0.12',
      'api mail 10.96.0.2 10.0.0.13',
    ]);
    expect(lines).toEqual([
      'web remembered service left out: service web: belongs to the configuration file',
      'thief remembered service left out: service thief: 10.96.0.1:80/tcp belongs to service web',
    ]);
  });

  it('gives VIPs of the pools again', () => {
    const pooled = spec('web', '10.0.0.11');
    const records: TableRecord[] = [{ type: 'vips', name: 'web', vips: ['10.98.0.77'] }];
    expect(restored([pooled], records)).toEqual(['file web 10.98.0.77 10.0.0.11']);
  });

  it('goes on with drains of destinations that are still there', () => {
    const drained = (name: string, ...addresses: string[]): TableRecord => {
      return { type: 'drained', name, addresses };
    };
    expect(
      restored([web], [drained('web', '10.0.0.12', '10.0.0.99'), drained('gone', '10.0.0.13')]),
    ).toEqual(['file web 10.96.0.1 10.0.0.11 -10.0.0.12']);
    expect(restored([web], [drained('web', '10.0.0.99')])).toEqual([
      'file web 10.96.0.1 10.0.0.11 10.0.0.12',
    ]);
  });

  it('refuses what the file itself cannot have', () => {
    const thief = spec('thief vip=10.96.0.1', '10.0.0.99');
    expect(() => restored([web, thief], [])).toThrow('belongs to service web');
  });
});
