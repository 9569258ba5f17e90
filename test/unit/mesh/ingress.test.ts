import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/index.js';
import { Ingress } from '../../../src/mesh/ingress.js';
import { noNetworks } from '../../../src/mesh/network-view.js';
import { MeshNetworks } from '../../../src/mesh/networks.js';
import type { Service } from '../../../src/model/index.js';
import { checkNetwork } from '../../../src/overlay/index.js';
import { networkedService, publishedPort } from '../../support/networked.js';

/** A node with the networks `front`, and `inner`, which is internal. */
class Node {
  /** Keys of rows that others hear of. */
  readonly rows = new Set<string>();
  services: Service[] = [];
  readonly networks = new MeshNetworks({
    self: 'a',
    vtep: '192.0.2.1',
    rows: {
      put: (key) => this.rows.add(key),
      delete: (key) => this.rows.delete(key),
      interest: () => undefined,
    },
    log: silentLog,
    saved: noNetworks,
    changed: () => undefined,
  });
  readonly ingress = new Ingress({
    networks: () => this.networks,
    log: silentLog,
    services: () => this.services,
  });

  constructor() {
    const subnets = ['10.64.0.0/24'];
    this.networks.create(checkNetwork({ name: 'front', vni: 4_097, subnets }));
    const inner = { name: 'inner', vni: 4_098, subnets: ['10.65.0.0/24'], internal: true };
    this.networks.create(checkNetwork(inner));
    this.networks.start();
  }

  attach(network: string, name: string, services: Record<string, number> = {}): void {
    this.networks.attach({ network, name, sandbox: `/${name}`, services, isEntry: false });
  }

  publish(...names: string[]): void {
    this.services = names.map((name) => networkedService({ name, publish: [publishedPort()] }));
  }

  /** Who is on the ingress network: sandboxes, and what they serve there. */
  members(): string[] {
    const { local = [] } = this.networks.view('ingress') ?? {};
    return local
      .map(({ sandbox, services, isEntry }) => {
        const weights = Object.entries(services).map(([name, weight]) => `${name}=${weight}`);
        return [isEntry ? 'entry' : sandbox, ...weights].join(' ');
      })
      .sort();
  }
}

describe('the ingress network', () => {
  it('is there when something is published, or a task may call the world, and goes again', () => {
    const node = new Node();
    expect(node.ingress.update()).toBe(false);
    expect(node.networks.view('ingress')).toBeUndefined();
    node.publish('web');
    expect(node.ingress.update()).toBe(true);
    expect(node.members()).toEqual(['entry']);
    expect(node.ingress.update()).toBe(false);
    node.publish();
    node.ingress.update();
    expect(node.networks.view('ingress')).toBeUndefined();
    node.attach('front', 'web');
    node.ingress.update();
    expect(node.members()).toEqual(['/web', 'entry']);
  });

  it('has tasks with what they publish, once for each sandbox', () => {
    const node = new Node();
    node.publish('web', 'api');
    node.attach('front', 'task', { web: 1, db: 1 });
    node.networks.attach({
      ...{ network: 'inner', name: 'x', sandbox: '/task', isEntry: false },
      services: { api: 3 },
    });
    node.ingress.update();
    expect(node.members()).toEqual(['/task web=1 api=3', 'entry']);
    node.networks.change('inner', 'x', { services: { api: 0 } });
    expect(node.ingress.update()).toBe(true);
    expect(node.members()).toEqual(['/task web=1 api=0', 'entry']);
  });

  it('has tasks of internal networks only when they publish, and keeps them in', () => {
    const node = new Node();
    node.publish('web');
    node.attach('inner', 'db');
    node.attach('inner', 'web', { web: 1 });
    node.attach('front', 'open');
    node.ingress.update();
    expect(node.members()).toEqual(['/open', '/web web=1', 'entry']);
    const { local } = node.networks.view('ingress')!;
    const web = local.find(({ sandbox }) => sandbox === '/web')!;
    expect(node.ingress.internalAddresses()).toEqual(web.addresses);
  });

  it('tells others of those alone whom they need to know', () => {
    const node = new Node();
    node.publish('web');
    node.attach('front', 'open');
    node.attach('front', 'web', { web: 1 });
    node.ingress.update();
    const { local } = node.networks.view('ingress')!;
    const told = local.filter(({ name }) => node.rows.has(`endpoint/${name}`));
    expect(told.map(({ sandbox }) => sandbox).sort()).toEqual(['', '/web']);
  });

  it('says why it cannot be, and is when it can', () => {
    const node = new Node();
    node.networks.create(checkNetwork({ name: 'taken', vni: 4_099, subnets: ['10.255.0.0/24'] }));
    node.publish('web');
    expect(node.ingress.update()).toBe(false);
    expect(node.ingress.problem).toContain('10.255.0.0/16 overlaps 10.255.0.0/24 of network taken');
    node.networks.remove('taken');
    expect(node.ingress.update()).toBe(true);
    expect(node.ingress.problem).toBeUndefined();
  });
});
