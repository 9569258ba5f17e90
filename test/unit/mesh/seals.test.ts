import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/index.js';
import type { CatalogChange } from '../../../src/catalog/index.js';
import { readState, writeState } from '../../../src/mesh/index.js';
import { noNetworks, type NetworkView } from '../../../src/mesh/network-view.js';
import { noSeals, Seals, type SavedSeals } from '../../../src/mesh/seals.js';
import type { Endpoint, LocalEndpoint } from '../../../src/model/index.js';
import { checkNetwork } from '../../../src/overlay/index.js';

const dark = checkNetwork({ name: 'dark', vni: 4_097, subnets: ['10.65.0.0/24'], sealed: true });

/** A network with this node and these on it. */
function on(...nodes: string[]): NetworkView[] {
  const endpoint = (node: string): Endpoint => {
    const where = { vtep: '192.0.2.1', addresses: ['10.65.0.2'], mac: '02:4d:0a:41:00:02' };
    const what = { services: {}, isEntry: false, isAway: false };
    return { name: 'web', network: 'dark', node, ...where, ...what };
  };
  const local: LocalEndpoint = { ...endpoint('a'), sandbox: '/run/netns/web' };
  return [{ network: dark, nodes: [], local: [local], remote: nodes.map(endpoint) }];
}

class Node {
  readonly rows = new Map<string, CatalogChange>();
  readonly seals: Seals;
  nowMs = 1_000;
  changes = 0;
  saves: SavedSeals[] = [];
  /** Why nothing can be saved. */
  disk: Error | undefined;

  constructor(
    readonly name: string,
    saved: SavedSeals = noSeals,
  ) {
    const change = (key: string, value?: Uint8Array): CatalogChange => {
      const row = { owner: name, key, network: '', epoch: 1, version: 1 };
      const gone = value === undefined;
      return { row: gone ? row : { ...row, value }, inService: true, gone };
    };
    this.seals = new Seals({
      self: name,
      at: { address: '192.0.2.1', port: 7_948 },
      rows: {
        put: (key, value) => this.rows.set(key, change(key, value)),
        delete: (key) => this.rows.set(key, change(key)),
      },
      log: silentLog,
      saved,
      now: () => this.nowMs,
      save: () => {
        if (this.disk !== undefined) return Promise.reject(this.disk);
        this.saves.push(this.seals.saved());
        return Promise.resolve();
      },
      changed: () => this.changes++,
    });
    this.seals.start();
  }

  hear(other: Node, inService = true): void {
    this.seals.catalogChanged([...other.rows.values()].map((one) => ({ ...one, inService })));
  }

  shown(key: string): string {
    return Buffer.from(this.rows.get(key)?.row.value ?? []).toString();
  }
}

describe('keys of sealed networks', () => {
  it('are told to the others once they are on disk', async () => {
    const [a, b] = [new Node('a'), new Node('b')];
    a.disk = new Error('disk full');
    await expect(a.seals.take({ kind: 'make', generation: 1 })).rejects.toThrow('disk full');
    expect([a.rows.size, a.seals.view(on()).own.length]).toEqual([0, 0]);
    a.disk = undefined;
    await a.seals.take({ kind: 'make', generation: 1 });
    expect(a.saves).toHaveLength(1);
    b.hear(a);
    const { own } = a.seals.view(on());
    expect(b.seals.view(on('a', 'c'))).toEqual({
      own: [],
      peers: [
        {
          node: 'a',
          isAway: false,
          seals: [
            { generation: 1, publicKey: own[0]!.key.publicKey, address: '192.0.2.1', port: 7_949 },
          ],
        },
      ],
      latest: 1,
      isWanted: true,
    });
    expect(b.changes).toBe(1);
  });

  it('do not tell the private one to anybody but the file', async () => {
    const a = new Node('a');
    await a.seals.take({ kind: 'make', generation: 0 });
    const secret = a.saves[0]!.own[0]!.privateKey;
    expect(Buffer.from(secret, 'base64')).toHaveLength(32);
    expect(a.shown('seal/0')).not.toContain(secret);
    expect(JSON.stringify(a.seals.view(on()))).not.toContain(secret);
  });

  it('outlive a restart, with their age and what was known of others', async () => {
    const [a, b] = [new Node('a'), new Node('b')];
    await a.seals.take({ kind: 'make', generation: 0 });
    await b.seals.take({ kind: 'make', generation: 0 });
    a.hear(b);
    a.nowMs += 5_000;
    await a.seals.take({ kind: 'make', generation: 1 });
    await a.seals.take({ kind: 'withdraw', generation: 0 });
    const state = { seed: Buffer.alloc(32), epoch: 1, trust: [], claims: new Map() };
    const rest = { declarations: [], peers: [], networks: noNetworks, seals: a.seals.saved() };
    const { seals } = readState(writeState({ ...state, ...rest }), 'file');
    const again = new Node('a', seals);
    expect(again.seals.view(on('b'))).toEqual(a.seals.view(on('b')));
    expect([...again.rows.keys()]).toEqual(['seal/1']);
    // B is not heard of any more.
    again.seals.forgetUnheard();
    expect(again.seals.view(on('b')).peers).toEqual([]);
  });

  it('are not in files of before', () => {
    const state = { seed: Buffer.alloc(32), epoch: 1, trust: [], claims: new Map() };
    const rest = { declarations: [], peers: [], networks: noNetworks, seals: noSeals };
    const { seals: _, ...document } = JSON.parse(writeState({ ...state, ...rest })) as object & {
      seals: unknown;
    };
    const { sealed: __, ...network } = dark;
    const networks = { ...noNetworks, networks: [{ claim: 1, network, adopted: false }] };
    const read = readState(JSON.stringify({ ...document, networks }), 'file');
    expect(read.seals).toEqual(noSeals);
    expect(read.networks.networks[0]!.network.sealed).toBe(false);
  });

  it('stay of nodes that die, and go with their rows', async () => {
    const [a, b] = [new Node('a'), new Node('b')];
    await b.seals.take({ kind: 'make', generation: 0 });
    a.hear(b, false);
    expect(a.seals.view(on('b')).peers).toMatchObject([{ isAway: true, seals: [{}] }]);
    await b.seals.take({ kind: 'drop', generation: 0 });
    a.hear(b);
    expect(a.seals.view(on('b'))).toMatchObject({ peers: [], latest: -1 });
  });

  it('that make no sense are left out', () => {
    const a = new Node('a');
    const bad = [
      '{}',
      'x',
      '{"claim":0,"body":{"publicKey":"AAAA","port":1,"address":"192.0.2.1"}}',
    ];
    for (const [i, text] of [...bad, bad[2]!].entries()) {
      const key = i === 3 ? 'seal/-1' : `seal/${i}`;
      const row = { owner: 'b', key, network: '', epoch: 1, version: 1, value: Buffer.from(text) };
      a.seals.catalogChanged([{ row, inService: true, gone: false }]);
    }
    expect(a.seals.view(on('b'))).toMatchObject({ peers: [], latest: -1 });
  });
});
