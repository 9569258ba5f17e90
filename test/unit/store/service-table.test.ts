import { describe, expect, it } from 'vitest';
import type { TableRequest } from '../../../src/store/index.js';
import { spec, TableBench } from './table-bench.js';

const web = spec('web vip=10.96.0.1 port=80/tcp', '10.0.0.11', '10.0.0.12');
const mail = spec('mail vip=10.96.0.2 port=25/tcp', '10.0.0.13');

function api(over: Partial<TableRequest>): TableRequest {
  return { source: 'api', set: [], remove: [], ...over };
}

describe('ServiceTable', () => {
  it('tells what a request changes, and what it leaves as it was', () => {
    const bench = new TableBench();
    bench.set('api', web, mail);
    const changed = spec('mail vip=10.96.0.2 port=26/tcp', '10.0.0.13');
    const more = spec('dns vip=10.96.0.3 port=53/udp');
    const { changes } = bench.commit(api({ set: [web, changed, more], remove: [] }));
    expect(changes.map(({ name, change }) => `${name} ${change}`)).toEqual([
      'web unchanged',
      'mail updated',
      'dns created',
    ]);
    expect(changes[1]!.before!.spec).toBe(mail);
    expect(changes[1]!.after!.spec).toBe(changed);
  });

  it('counts revisions: one per commit that changes something, noted at what it changed', () => {
    const bench = new TableBench();
    expect(bench.table.revision).toBe(0);
    bench.set('api', web, mail);
    expect(bench.table.revision).toBe(1);
    bench.set('api', web);
    expect(bench.table.revision).toBe(1);
    bench.set('api', web, spec('mail vip=10.96.0.2 port=26/tcp'));
    expect(bench.table.revision).toBe(2);
    expect(bench.table.get('web')!.revision).toBe(1);
    expect(bench.table.get('mail')!.revision).toBe(2);
    bench.commit(api({ remove: ['mail'] }));
    expect(bench.table.revision).toBe(3);
    expect(bench.table.size).toBe(1);
  });

  it('changes nothing before commit, and nothing at all when a part is refused', () => {
    const bench = new TableBench();
    bench.set('api', web);
    const before = bench.text();
    bench.table.prepare(api({ set: [mail], remove: ['web'] }));
    expect(bench.text()).toEqual(before);
    const refused = api({
      set: [mail, spec('thief vip=10.96.0.1 port=80/tcp')],
      remove: [],
    });
    expect(bench.refusal(refused)).toContain('conflict');
    expect(bench.text()).toEqual(before);
    expect(bench.table.revision).toBe(1);
    bench.set('api', mail);
    expect(bench.table.size).toBe(2);
  });

  it('knows who listens where, and who alone has a VIP', () => {
    const bench = new TableBench();
    bench.set('api', spec('media vip=10.96.0.1,fd00::1 port=7000-7002:9000/udp'));
    expect(bench.table.listenerOf('10.96.0.1:7002/udp')).toBe('media');
    expect(bench.table.listenerOf('[fd00::1]:7000/udp')).toBe('media');
    expect(bench.table.listenerOf('10.96.0.1:7003/udp')).toBeUndefined();
    expect(bench.table.holderOf('fd00::1')).toBe('media');
    bench.set('api', spec('web vip=10.96.0.1 port=80/tcp'));
    expect(bench.table.holderOf('10.96.0.1')).toBeUndefined();
    bench.commit(api({ remove: ['media'] }));
    expect(bench.table.listenerOf('10.96.0.1:7002/udp')).toBeUndefined();
    expect(bench.table.holderOf('10.96.0.1')).toBe('web');
    expect(bench.table.holderOf('fd00::1')).toBeUndefined();
  });
});

describe('ServiceTable refuses', () => {
  const bench = new TableBench();
  bench.set('file', web);
  bench.set('api', mail);

  const cases: [string, TableRequest, string][] = [
    [
      'to change what belongs to the file',
      api({ set: [web] }),
      'failed_precondition: service web: belongs to the configuration file',
    ],
    [
      'to remove what belongs to the file',
      api({ remove: ['web'] }),
      'failed_precondition: service web: belongs to the configuration file',
    ],
    [
      'the file what belongs to the API',
      { source: 'file', set: [mail], remove: [] },
      'failed_precondition: service mail: belongs to the API',
    ],
    ['to remove what is not there', api({ remove: ['x'] }), 'not_found: service x: not found'],
    [
      'another revision than the expected one',
      api({ set: [mail], expectedRevisions: new Map([['mail', 1]]) }),
      'conflict: service mail: expected revision 1, it is at 2',
    ],
    [
      'to remove at another revision',
      api({ remove: ['mail'], expectedRevisions: new Map([['mail', 1]]) }),
      'conflict: service mail: expected revision 1, it is at 2',
    ],
    [
      'to create what exists',
      api({ set: [mail], expectedRevisions: new Map([['mail', 0]]) }),
      'conflict: service mail: expected revision 0, it is at 2',
    ],
    [
      'to update what does not exist',
      api({ set: [spec('x vip=10.96.0.9 port=1/tcp')], expectedRevisions: new Map([['x', 7]]) }),
      'conflict: service x: expected revision 7, it is at 0',
    ],
    [
      'a VIP and port of another service',
      api({ set: [spec('x vip=10.96.0.1 port=79-81/tcp')] }),
      'conflict: service x: 10.96.0.1:80/tcp belongs to service web',
    ],
    [
      'two services of one VIP and port in one request',
      api({ set: [spec('a vip=10.96.0.9 port=1/tcp'), spec('b vip=10.96.0.9 port=1/tcp')] }),
      'conflict: service b: 10.96.0.9:1/tcp belongs to service a',
    ],
    ['a name twice', api({ set: [mail, mail] }), 'invalid_argument: service mail: named twice'],
    [
      'to set and remove a name at once',
      api({ set: [mail], remove: ['mail'] }),
      'invalid_argument: service mail: named twice',
    ],
    [
      'to choose a VIP without a pool',
      api({ set: [spec('x port=1/tcp', '10.0.0.1')] }),
      'failed_precondition: service x: no VIP given and no IPv4 pool in the configuration',
    ],
  ];
  it.each(cases)('%s', (_name, request, refusal) => {
    expect(bench.refusal(request)).toBe(refusal);
    expect(bench.table.revision).toBe(2);
  });

  it('nothing when the revision is the expected one', () => {
    expect(
      bench.refusal(api({ set: [mail], expectedRevisions: new Map([['mail', 2]]) })),
    ).toBeUndefined();
    expect(
      bench.refusal(
        api({ set: [spec('x vip=10.96.0.9 port=1/tcp')], expectedRevisions: new Map([['x', 0]]) }),
      ),
    ).toBeUndefined();
  });
});

describe('ServiceTable within one request', () => {
  it('lets services swap VIPs, and ports of one VIP', () => {
    const bench = new TableBench();
    bench.set('api', web, mail);
    bench.set('api', spec('web vip=10.96.0.2 port=25/tcp'), spec('mail vip=10.96.0.1 port=80/tcp'));
    expect(bench.table.listenerOf('10.96.0.1:80/tcp')).toBe('mail');
    expect(bench.table.listenerOf('10.96.0.2:25/tcp')).toBe('web');
  });

  it('gives a new service what a removed one had', () => {
    const bench = new TableBench();
    bench.set('api', web);
    bench.commit(api({ set: [spec('new vip=10.96.0.1 port=80/tcp')], remove: ['web'] }));
    expect(bench.table.listenerOf('10.96.0.1:80/tcp')).toBe('new');
  });

  it('removes the others of its source, and only those', () => {
    const bench = new TableBench();
    bench.set('file', web, mail);
    bench.set('api', spec('dns vip=10.96.0.3 port=53/udp'));
    const { changes } = bench.commit({ source: 'file', set: [mail], remove: 'others' });
    expect(changes.map(({ name, change }) => `${name} ${change}`)).toEqual([
      'mail unchanged',
      'web removed',
    ]);
    expect([...bench.table.all()].map((entry) => entry.spec.name).sort()).toEqual(['dns', 'mail']);
  });
});

describe('ServiceTable and drains', () => {
  it('marks drained destinations, and keeps them marked through updates of the service', () => {
    const bench = new TableBench();
    bench.set('api', web);
    bench.drain('web', '10.0.0.12');
    expect(bench.text()[0]).toContain('-10.0.0.12');
    expect(bench.table.revision).toBe(2);
    bench.set('api', spec('web vip=10.96.0.1 port=81/tcp', '10.0.0.11', '10.0.0.12 weight=5'));
    expect(bench.text()[0]).toContain('-10.0.0.12');
    expect([...bench.table.drainedOf('web')]).toEqual(['10.0.0.12']);
    // What was asked for does not say so.
    expect(bench.table.get('web')!.spec.destinations.some(({ draining }) => draining)).toBe(false);
  });

  it('gives the weight back when the drain is taken back', () => {
    const bench = new TableBench();
    bench.set('api', web);
    const before = bench.text();
    bench.drain('web', '10.0.0.12');
    bench.drain('web');
    expect(bench.text()).toEqual(before);
    expect(bench.table.drainedOf('web').size).toBe(0);
  });

  it('forgets a drain with its destination or its service', () => {
    const bench = new TableBench();
    bench.set('api', web);
    bench.drain('web', '10.0.0.12');
    bench.set('api', spec('web vip=10.96.0.1 port=80/tcp', '10.0.0.11'));
    bench.set('api', web);
    expect(bench.table.drainedOf('web').size).toBe(0);
    bench.drain('web', '10.0.0.12');
    bench.commit(api({ remove: ['web'] }));
    bench.set('api', web);
    expect(bench.table.drainedOf('web').size).toBe(0);
  });

  it('counts no revision for a drain that changes nothing', () => {
    const bench = new TableBench();
    bench.set('api', web);
    bench.drain('web', '10.0.0.12');
    expect(bench.drain('web', '10.0.0.12').changes[0]!.change).toBe('unchanged');
    expect(bench.table.revision).toBe(2);
  });

  it('knows no service of that name: not_found', () => {
    const bench = new TableBench();
    expect(() => bench.drain('web')).toThrow('service web: not found');
  });
});
