import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/index.js';
import type { CatalogChange } from '../../../src/catalog/index.js';
import { noNetworks, type SavedNetworks } from '../../../src/mesh/network-view.js';
import { MeshNetworks } from '../../../src/mesh/networks.js';
import { checkNetwork } from '../../../src/overlay/index.js';

const blue = checkNetwork({ name: 'blue', vni: 4_096, subnets: ['10.64.0.0/24', 'fd00:64::/112'] });

/** A node whose rows others hear of when they are told to. */
class Node {
  readonly rows = new Map<string, CatalogChange>();
  readonly changed = new Set<string>();
  /** Who was on the network when it was last said to be another. */
  told: string[] = [];
  interest: readonly string[] = [];
  readonly networks: MeshNetworks;
  private version = 0;

  constructor(
    readonly name: string,
    saved: SavedNetworks = noNetworks,
  ) {
    const change = (key: string, network: string, value?: Uint8Array): CatalogChange => {
      const row = { owner: name, key, network, epoch: 1, version: ++this.version };
      return {
        row: value === undefined ? row : { ...row, value },
        inService: true,
        gone: value === undefined,
      };
    };
    this.networks = new MeshNetworks({
      self: name,
      vtep: `192.0.2.${name.charCodeAt(0) - 96}`,
      rows: {
        put: (key, value, network) =>
          this.rows.set(`${network} ${key}`, change(key, network, value)),
        delete: (key, network) => this.rows.set(`${network} ${key}`, change(key, network)),
        interest: (networks) => (this.interest = networks),
      },
      log: silentLog,
      saved,
      changed: (network) => {
        this.changed.add(network);
        this.told = this.view();
      },
    });
    this.networks.start();
  }

  hear(...others: Node[]): void {
    for (const other of others) this.networks.catalogChanged([...other.rows.values()], []);
  }

  /** As if this one had died. */
  diesFor(other: Node): void {
    other.networks.catalogChanged(
      [...this.rows.values()].map((change) => ({ ...change, inService: false })),
      [],
    );
  }

  attach(name: string): string {
    const sandbox = `/run/netns/${name}`;
    const wish = { network: 'blue', name, sandbox, services: {}, isEntry: false };
    return this.networks.attach(wish).addresses.join(' ');
  }

  /** Who is on the network, `web@a 10.64.0.2`. */
  view(): string[] {
    const { local = [], remote = [] } = this.networks.view('blue') ?? {};
    return [...local, ...remote]
      .map(({ name, node, addresses }) => `${name}@${node} ${addresses[0]!}`)
      .sort();
  }
}

function twoNodes(): [Node, Node] {
  const [a, b] = [new Node('a'), new Node('b')];
  a.networks.create(blue);
  b.hear(a);
  return [a, b];
}

describe('networks of a mesh', () => {
  it('give endpoints on different nodes different addresses', () => {
    const [a, b] = twoNodes();
    a.attach('web');
    b.attach('db');
    b.attach('cache');
    a.hear(b);
    b.hear(a);
    expect(a.view()).toEqual(b.view());
    expect(a.told).toEqual(a.view());
    expect(new Set(a.view().map((line) => line.split(' ')[1])).size).toBe(3);
    expect(a.interest).toEqual(['blue']);
  });

  it('give out an address again as late as can be', () => {
    const [a] = twoNodes();
    const first = a.attach('web-0');
    a.networks.detach('blue', 'web-0');
    const others = Array.from({ length: 10 }, (_, i) => a.attach(`web-${i + 1}`));
    expect(others).not.toContain(first);
    a.networks.detach('blue', 'web-5');
    const more = Array.from({ length: 10 }, (_, i) => a.attach(`more-${i}`));
    expect(more.indexOf(others[4]!)).toBe(more.indexOf(first) + 1);
    expect(more.indexOf(first)).toBeGreaterThan(2);
  });

  it('claim another slice when one is full, and say when there is none', () => {
    const [a] = twoNodes();
    const addresses = Array.from({ length: 40 }, (_, i) => a.attach(`web-${i}`));
    expect(new Set(addresses).size).toBe(40);
    expect(() => Array.from({ length: 200 }, (_, i) => a.attach(`more-${i}`))).toThrow(
      'subnet 10.64.0.0/24: all 12 slices are claimed',
    );
  });

  it('let the first claim keep a slice that two claimed at once; the other moves', () => {
    const [a] = twoNodes();
    // The same name claims the same slice first: as two nodes that hash alike would.
    const twin = new Node('a');
    twin.networks.create(blue);
    const [mine, theirs] = [a.attach('web'), twin.attach('web')];
    expect(mine).toBe(theirs);
    const late = [...twin.rows.values()].map(({ row, ...rest }) => ({
      ...rest,
      row: { ...row, owner: 'Z' },
    }));
    a.networks.catalogChanged(late, []);
    expect(
      a
        .view()
        .map((line) => line.split(' ')[1])
        .sort(),
    ).toHaveLength(2);
    const own = a.networks.view('blue')!.local[0]!.addresses.join(' ');
    expect(own).not.toBe(theirs); // Z sorts before a: it keeps the slice.
    expect(a.changed.has('blue')).toBe(true);
  });

  it('belong to all who use them, also when their maker dies', () => {
    const [a, b] = twoNodes();
    b.attach('db');
    a.hear(b);
    expect(() => a.networks.remove('blue')).toThrow('nodes b ask for it too');
    a.attach('web');
    b.hear(a);
    a.diesFor(b);
    // Its daemon may be all that died: its endpoints stay reachable.
    expect(b.view()).toEqual(a.view());
    expect(b.networks.view('blue')?.nodes).toEqual(['a', 'b']);
    b.networks.detach('blue', 'db');
    expect(b.networks.view('blue')?.nodes).toEqual(['a']);
    expect(() => b.networks.remove('nowhere')).toThrow('network nowhere: not found');
  });

  it('cannot overlap, and settle alike everywhere when they do', () => {
    const [a, b] = [new Node('a'), new Node('b')];
    a.networks.create(blue);
    expect(() => a.networks.create({ ...blue, name: 'red' })).toThrow(
      'network red: VNI 4096 belongs to network blue',
    );
    expect(() => a.networks.create({ ...blue, name: 'red', vni: 5_000 })).toThrow(
      '10.64.0.0/24 overlaps 10.64.0.0/24 of network blue',
    );
    b.networks.create({ ...blue, name: 'red', vni: 5_000 });
    a.hear(b);
    b.hear(a);
    for (const node of [a, b]) {
      expect(node.networks.all().map(({ network }) => network.name)).toEqual(['blue']);
      expect(node.networks.lost.map(({ owner, reason }) => `${owner}: ${reason}`)).toEqual([
        'b: 10.64.0.0/24 overlaps 10.64.0.0/24 of network blue',
      ]);
    }
  });

  it('are as they were after a restart', () => {
    const [a, b] = twoNodes();
    a.attach('web');
    const again = new Node('a', a.networks.saved());
    expect(again.view()).toEqual(a.view());
    b.hear(again);
    expect(b.networks.view('blue')?.nodes).toEqual(['a']);
    b.attach('db');
    a.hear(b);
    const third = new Node('a', a.networks.saved());
    expect(third.view()).toEqual(a.view());
    third.networks.forgetUnheard();
    expect(third.view()).toHaveLength(1);
    expect(again.attach('other')).not.toBe(a.networks.view('blue')!.local[0]!.addresses.join(' '));
  });

  it('forget what the earlier run knew as soon as its owner has told all', () => {
    const [a, b] = twoNodes();
    a.attach('web');
    b.attach('db');
    b.attach('cache');
    a.hear(b);
    const saved = a.networks.saved();
    b.networks.detach('blue', 'db');
    const complete = (network: string) => [{ owner: 'b', network, epoch: 1, version: 9 }];
    const again = new Node('a', saved);
    // What is gone for long leaves no row behind that says so.
    b.rows.delete('blue endpoint/db');
    again.hear(b);
    expect(again.view()).toHaveLength(3);
    again.networks.catalogChanged([], complete(''));
    expect(again.view()).toHaveLength(3);
    again.networks.catalogChanged([], complete('blue'));
    expect(again.told).toEqual(a.view().filter((line) => !line.startsWith('db@')));
    b.networks.detach('blue', 'cache');
    const third = new Node('a', saved);
    third.hear(b);
    third.networks.catalogChanged([], complete(''));
    expect(third.view()).toHaveLength(1);
  });
});
