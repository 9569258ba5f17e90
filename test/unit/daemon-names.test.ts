import { describe, expect, it } from 'vitest';
import { DaemonNames } from '../../src/daemon-names.js';
import type { MeshNode } from '../../src/mesh/index.js';
import type { Service } from '../../src/model/index.js';
import { ServiceTable, VipPool } from '../../src/store/index.js';
import { networkedService } from '../support/networked.js';

/** Nobody is on any network. */
const networks = {
  view: () => undefined,
  network: () => undefined,
} as unknown as MeshNode['networks'];

class Bench {
  readonly table = new ServiceTable(new VipPool([]));
  readonly names = new DaemonNames({
    config: { listen: [], domain: 'mesh.internal', ttlS: 5, queriesPerSecond: 0 },
    table: this.table,
    random: () => 0,
    networks: () => networks,
    forget: (label) => this.forgotten.push(label),
  });
  readonly forgotten: string[] = [];
  private hosts = 1;

  set(...set: readonly Partial<Service>[]): void {
    const services = set.map((one) =>
      networkedService({ vips: [`10.64.0.${this.hosts++}`], ...one }),
    );
    const prepared = this.table.prepare({ source: 'api', set: services, remove: 'others' });
    this.table.commit(prepared);
    for (const { name } of prepared.changes) this.names.serviceChanged(name);
  }

  aliased(network: string, alias: string): string | undefined {
    return this.names.viewOf([network]).networks[0]!.aliased(alias)?.name;
  }
}

describe('aliases', () => {
  it('are those of services on the network', () => {
    const bench = new Bench();
    bench.set(
      { name: 'web', aliases: ['www', 'shop'] },
      { name: 'mail', network: 'back', aliases: ['smtp'] },
    );
    expect(bench.aliased('front', 'www')).toBe('web');
    expect(bench.aliased('front', 'shop')).toBe('web');
    expect(bench.aliased('front', 'web')).toBeUndefined();
    expect(bench.aliased('front', 'smtp')).toBeUndefined();
    expect(bench.aliased('back', 'smtp')).toBe('mail');
    expect(bench.aliased('none', 'www')).toBeUndefined();
  });

  it('of several services are those of the first by name, in whatever order they came', () => {
    for (const order of [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['b', 'a', 'c'],
    ]) {
      const bench = new Bench();
      bench.set(...order.map((name) => ({ name, aliases: ['www'] })));
      expect(bench.aliased('front', 'www')).toBe('a');
    }
  });

  it('follow the services', () => {
    const bench = new Bench();
    bench.set({ name: 'web', aliases: ['www'] });
    expect(bench.aliased('front', 'www')).toBe('web');
    bench.forgotten.length = 0;
    bench.set({ name: 'web', aliases: ['shop'] });
    expect(bench.forgotten, 'what was said of all its names').toEqual(['web', 'www', 'shop']);
    expect(bench.aliased('front', 'www')).toBeUndefined();
    expect(bench.aliased('front', 'shop')).toBe('web');
    bench.names.networkChanged('front');
    expect(bench.aliased('front', 'shop')).toBe('web');
    bench.set();
    expect(bench.aliased('front', 'shop')).toBeUndefined();
  });
});
