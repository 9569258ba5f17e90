import { describe, expect, it } from 'vitest';
import { MeshError } from '../../../src/base/index.js';
import type { Service, ServiceSpec } from '../../../src/model/index.js';
import {
  recordsOf,
  replay,
  ServiceTable,
  snapshotOf,
  VipPool,
  type MeshRequest,
  type Prepared,
} from '../../../src/store/index.js';
import { parseService } from '../../support/service-text.js';

const nothing: MeshRequest = { set: [], remove: [], yield: [], restore: [] };

class Bench {
  readonly table = new ServiceTable(new VipPool(['10.96.0.0/24']));

  local(source: 'file' | 'api', set: readonly ServiceSpec[], remove: readonly string[] = []) {
    return this.commit(this.table.prepare({ source, set, remove }));
  }

  mesh(request: Partial<MeshRequest>) {
    return this.commit(this.table.prepareMesh({ ...nothing, ...request }));
  }

  refusal(source: 'file' | 'api', set: readonly ServiceSpec[]): string {
    try {
      this.table.prepare({ source, set, remove: [] });
      return 'accepted';
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  }

  /** One line per service in force, then those that gave way. */
  text(): string[] {
    return [
      ...Array.from(this.table.all(), ({ service, source, owner }) =>
        [service.name, service.vips.join(), source, owner ?? ''].join(' ').trim(),
      ),
      ...Array.from(this.table.yielded, ([name, { reason }]) => `(${name}: ${reason})`),
    ];
  }

  private commit(prepared: Prepared): Prepared {
    this.table.commit(prepared);
    return prepared;
  }
}

const service = (text: string, ...to: readonly string[]): Service =>
  parseService(`service ${text}`, to);
const web = service('web vip=10.96.0.9 port=80/tcp', '10.1.0.1');
/** The same by name, not in content. */
const otherWeb = service('web vip=10.96.0.9 port=80/tcp', '10.1.0.2');

describe('ServiceTable in a mesh', () => {
  it('holds what other nodes ask for, with their names', () => {
    const bench = new Bench();
    const { changes } = bench.mesh({ set: [{ service: web, owner: 'b' }] });
    expect(changes.map(({ change }) => change)).toEqual(['created']);
    expect(bench.text()).toEqual(['web 10.96.0.9 mesh b']);
    bench.mesh({ remove: ['web'] });
    expect(bench.text()).toEqual([]);
  });

  it('refuses a service whose name or listener another node has, and says whose', () => {
    const bench = new Bench();
    bench.mesh({ set: [{ service: web, owner: 'b' }] });
    expect(bench.refusal('api', [otherWeb])).toBe(
      'failed_precondition: service web: belongs to node b',
    );
    expect(bench.refusal('file', [service('www vip=10.96.0.9 port=80/tcp')])).toBe(
      'conflict: service www: 10.96.0.9:80/tcp belongs to service web',
    );
  });

  it('takes over a service that is asked for here as well, in the same words', () => {
    const bench = new Bench();
    bench.mesh({ set: [{ service: web, owner: 'b' }] });
    bench.local('file', [web]);
    expect(bench.text()).toEqual(['web 10.96.0.9 file']);
  });

  it('sets aside a service of its own that gives way, and brings it back', () => {
    const bench = new Bench();
    bench.local('api', [web, service('mail vip=10.96.0.8 port=25/tcp')]);
    const records = recordsOf(
      bench.mesh({
        set: [{ service: otherWeb, owner: 'b' }],
        yield: [{ name: 'web', reason: 'node b was first' }],
      }),
    );
    expect(bench.text()).toEqual([
      'mail 10.96.0.8 api',
      'web 10.96.0.9 mesh b',
      '(web: node b was first)',
    ]);
    expect(replay([...snapshotOf(bench.table), ...records]).services.get('web')).toEqual(web);
    bench.mesh({ remove: ['web'], restore: ['web'] });
    expect(bench.text()).toEqual(['mail 10.96.0.8 api', 'web 10.96.0.9 api']);
  });

  it('changes and removes what gave way without touching what is in force', () => {
    const bench = new Bench();
    bench.local('api', [web]);
    bench.mesh({ yield: [{ name: 'web', reason: 'why' }] });
    expect(bench.text()).toEqual(['(web: why)']);
    bench.local('api', [otherWeb]);
    expect(bench.table.yielded.get('web')!.spec).toEqual(otherWeb);
    const records = recordsOf(bench.local('api', [], ['web']));
    expect(bench.text()).toEqual([]);
    expect(records).toEqual([{ type: 'removed', name: 'web' }]);
  });

  it('keeps nothing of other nodes in its records', () => {
    const bench = new Bench();
    const prepared = bench.mesh({ set: [{ service: web, owner: 'b' }] });
    expect([...recordsOf(prepared), ...snapshotOf(bench.table)]).toEqual([]);
  });
});
