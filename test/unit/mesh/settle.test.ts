import { describe, expect, it } from 'vitest';
import { meshRequest, settle, type Declaration } from '../../../src/mesh/settle.js';
import type { Service } from '../../../src/model/index.js';
import { ServiceTable, VipPool } from '../../../src/store/index.js';
import { parseService } from '../../support/service-text.js';

function service(name: string, vip: string, to = '10.1.0.1'): Service {
  return parseService(`service ${name} vip=${vip} port=80/tcp`, [to]);
}

function by(owner: string, claim: number, wanted: Service): Declaration {
  return { owner, claim, service: wanted };
}

function text(declarations: readonly Declaration[]): string[] {
  const { winners, losers } = settle(declarations);
  return [
    ...Array.from(winners, ([name, { owner }]) => `${name} of ${owner}`),
    ...losers.map(
      ({
        declaration: {
          owner,
          service: { name },
        },
        reason,
      }) => `${name} of ${owner}: ${reason}`,
    ),
  ];
}

describe('settle', () => {
  const web = service('web', '10.96.0.1');
  const cases: [what: string, declarations: Declaration[], want: string[]][] = [
    ['nothing', [], []],
    [
      'one of each',
      [by('a', 1, web), by('b', 1, service('mail', '10.96.0.2'))],
      ['web of a', 'mail of b'],
    ],
    ['the same on two nodes', [by('b', 1, web), by('a', 2, web)], ['web of b']],
    [
      'one name, two services: the first claim',
      [by('a', 2, service('web', '10.96.0.7')), by('b', 1, web)],
      ['web of b', 'web of a: node b asked for a service of this name before'],
    ],
    [
      'claims at once: the smaller name',
      [by('b', 1, service('web', '10.96.0.7')), by('a', 1, web)],
      ['web of a', 'web of b: node a asked for a service of this name before'],
    ],
    [
      'one listener, two services',
      [by('b', 5, service('www', '10.96.0.1')), by('a', 6, web)],
      ['www of b', 'web of a: 10.96.0.1:80/tcp belongs to service www of node b'],
    ],
    [
      'what lost does not stand in the way of others',
      [
        by('a', 1, web),
        by('b', 2, service('web', '10.96.0.3')),
        by('c', 3, service('w', '10.96.0.3')),
      ],
      ['web of a', 'w of c', 'web of b: node a asked for a service of this name before'],
    ],
  ];
  it.each(cases)('%s', (_what, declarations, want) => {
    expect(text(declarations)).toEqual(want);
    expect(text(declarations.toReversed())).toEqual(want);
  });
});

describe('meshRequest', () => {
  const web = service('web', '10.96.0.1');
  const other = service('web', '10.96.0.1', '10.1.0.9');

  function tableWith(...services: readonly Service[]): ServiceTable {
    const table = new ServiceTable(new VipPool([]));
    table.commit(table.prepare({ source: 'file', set: services, remove: [] }));
    return table;
  }

  /** Brings the table of node `m` to what the declarations say; returns what it then holds. */
  function reach(table: ServiceTable, declarations: readonly Declaration[]): string[] {
    const request = meshRequest(settle(declarations), table, 'm');
    if (request !== undefined) table.commit(table.prepareMesh(request));
    expect(meshRequest(settle(declarations), table, 'm')).toBeUndefined();
    return [
      ...Array.from(table.all(), ({ spec, owner }) => `${spec.name} ${owner ?? 'm'}`),
      ...Array.from(table.yielded.keys(), (name) => `(${name})`),
    ];
  }

  it('takes what others ask for, changes it and lets it go', () => {
    const table = tableWith();
    expect(reach(table, [by('a', 1, web)])).toEqual(['web a']);
    expect(reach(table, [by('b', 1, other)])).toEqual(['web b']);
    expect(table.get('web')!.service).toBe(other);
    expect(reach(table, [])).toEqual([]);
  });

  it('keeps its own where others ask for the same', () => {
    const table = tableWith(web);
    expect(reach(table, [by('a', 1, web), by('m', 2, web)])).toEqual(['web m']);
  });

  it('gives way to an earlier claim, and comes back when that ends', () => {
    const table = tableWith(web);
    const own = by('m', 2, web);
    expect(reach(table, [by('a', 1, other), own])).toEqual(['web a', '(web)']);
    expect(reach(table, [by('a', 1, service('web', '10.96.0.2')), own])).toEqual([
      'web a',
      '(web)',
    ]);
    expect(reach(table, [own])).toEqual(['web m']);
  });

  it('gives way to a service of another name on its VIP and port', () => {
    const table = tableWith(web);
    const own = by('m', 2, web);
    const www = service('www', '10.96.0.1');
    expect(reach(table, [by('a', 1, www), own])).toEqual(['www a', '(web)']);
    expect(reach(table, [own])).toEqual(['web m']);
  });

  it('stands its ground with the earlier claim', () => {
    const table = tableWith(web);
    expect(reach(table, [by('a', 2, other), by('m', 1, web)])).toEqual(['web m']);
  });

  it('takes over what it asks for itself by now', () => {
    const table = tableWith();
    reach(table, [by('a', 1, web)]);
    table.commit(table.prepare({ source: 'api', set: [web], remove: [] }));
    expect(reach(table, [by('a', 1, web), by('m', 2, web)])).toEqual(['web m']);
    expect(reach(table, [by('m', 2, web)])).toEqual(['web m']);
  });
});
