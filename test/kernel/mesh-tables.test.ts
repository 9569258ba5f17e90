import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyNft, observeNft } from '../../src/kernel/linux/nftables-session.js';
import type { NetlinkSession } from '../../src/kernel/linux/session.js';
import { formatRuleSet, PrivateKey, type Rule } from '../../src/model/index.js';
import { checkNetwork, compileNetwork, compileSeals } from '../../src/overlay/index.js';
import {
  compileEntry,
  compileIngressTask,
  compileNames,
  snatTable,
} from '../../src/rules/index.js';
import { TestNamespace } from '../support/namespace.js';

/** Every table that we make: what the kernel holds of it reads back as what was asked for. */
const endpoint = {
  name: '.entry',
  network: 'blue',
  node: 'b',
  vtep: '192.0.2.2',
  addresses: ['10.64.0.2', 'fd00:64::2'],
  mac: '02:4d:0a:40:00:02',
  services: {},
  isEntry: true,
  isAway: false,
};
const blue = checkNetwork({ name: 'blue', vni: 4_096, subnets: ['10.64.0.0/24', 'fd00:64::/112'] });
const underlay = { node: 'a', vtep: '192.0.2.1', mtu: 1_500 };
const key = new PrivateKey(Buffer.alloc(32, 1));
const seals = [0, 1].map((generation) => {
  return { generation, key, port: 7_948 + generation, isAnnounced: true, ageMs: 0 };
});
const tables: Readonly<Record<string, readonly Rule[]>> = {
  'meshd-snat': [snatTable],
  'meshd-vxlan': compileNetwork(blue, underlay, [], [endpoint]),
  'meshd-seal': compileSeals({ own: seals, peers: [], latest: 1 }, underlay, new Set()),
  'meshd-ingress': compileEntry({
    device: 'meshb-4096',
    vxlanPort: 4_789,
    subnets: blue.subnets,
    own: ['10.64.0.7', 'fd00:64::7'],
    tasks: ['10.64.0.8', '10.64.0.9'],
    internal: ['10.64.0.9'],
  }),
  'meshd-task': compileIngressTask('mesh-4096', endpoint, [endpoint]),
  'meshd-names': compileNames({ address: '127.0.0.11', port: 53, boundPort: 63_053 }),
};

let namespace: TestNamespace;
let session: NetlinkSession;

beforeEach(async () => {
  namespace = new TestNamespace();
  session = await namespace.session('netfilter');
});
afterEach(() => namespace.close());

async function make(rules: readonly Rule[]): Promise<Rule[]> {
  const made = rules.flatMap((rule) =>
    rule.kind === 'nft-table' || rule.kind === 'nft-element' ? [rule] : [],
  );
  const ops = made.map((target) => ({ verb: 'add' as const, target }));
  expect([...(await applyNft(session, ops))]).toEqual([]);
  return made;
}

async function isHeld(rules: readonly Rule[]): Promise<void> {
  const { tables: found, elements } = await observeNft(session);
  const lines = (of: Iterable<Rule>): string[] => formatRuleSet(of).split('\n');
  const made = rules.filter(({ kind }) => kind === 'nft-table');
  expect(lines(found)).toEqual(lines(made));
  expect(lines(elements).sort()).toEqual(
    lines(rules.filter(({ kind }) => kind === 'nft-element')).sort(),
  );
}

describe('tables', () => {
  it.each(Object.keys(tables))('%s reads back as it was made', async (name) => {
    await isHeld(await make(tables[name]!));
  });

  it('read back side by side', async () => {
    await isHeld(await make(Object.values(tables).flat()));
  });
});
