import { describe, expect, it } from 'vitest';
import { formatRuleSet, PrivateKey, ruleKey } from '../../../src/model/index.js';
import {
  checkNetwork,
  checkSeal,
  compileNetwork,
  compileSeals,
  macOf,
  mtuProblem,
  networkMtu,
  provenKey,
  sealAddress,
  sealDevice,
  type OwnSeal,
  type SealPeer,
} from '../../../src/overlay/index.js';

const underlay = { node: 'a', vtep: '192.0.2.1', mtu: 1_500 };
const dark = checkNetwork({ name: 'dark', vni: 4_097, subnets: ['10.65.0.0/24'], sealed: true });

function keyOf(byte: number): PrivateKey {
  return new PrivateKey(Buffer.alloc(32, byte));
}

function own(generation: number, isAnnounced = true): OwnSeal {
  const key = keyOf(1 + generation);
  return { generation, key, port: 7_948 + (generation % 2), isAnnounced, ageMs: 0 };
}

function peer(node: string, ...generations: number[]): SealPeer {
  const seals = generations.map((generation) => {
    const { publicKey } = keyOf(100 + 10 * node.charCodeAt(0) + generation);
    return { generation, publicKey, address: '192.0.2.2', port: 7_948 + (generation % 2) };
  });
  return { node, isAway: false, seals };
}

const none: ReadonlySet<string> = new Set();
const b = peer('b', 0);

describe('what a host holds of seals', () => {
  it('is a device with its key, its address and the others as peers, and routes to them', () => {
    const rules = compileSeals({ own: [own(0)], peers: [b], latest: 0 }, underlay, none);
    const shown = formatRuleSet(rules.filter(({ kind }) => kind !== 'nft-table')).split('\n');
    expect(shown).toEqual([
      'nft element meshd-seal ports 7950',
      'route blackhole fd6d:6573:6873::/48 table 254',
      'nft element meshd-seal links meshw-0',
      'link meshw-0 type wireguard mtu 1440 up',
      `wireguard meshw-0 key ${keyOf(1).publicKey} port 7948`,
      `addr ${sealAddress('a')}/128 dev meshw-0`,
      `wireguard peer ${b.seals[0]!.publicKey} dev meshw-0 endpoint 192.0.2.2:7948 allowed ${sealAddress('b')}/128 keepalive 25s`,
      `route ${sealAddress('b')}/128 dev meshw-0 table 254 metric 100`,
    ]);
  });

  it('is two devices with one address while keys change, and the proven one is sent by', () => {
    const view = { own: [own(0), own(1)], peers: [peer('b', 0, 1)], latest: 1 };
    const old = provenKey('meshw-0', view.peers[0]!.seals[0]!.publicKey);
    const fresh = provenKey('meshw-1', view.peers[0]!.seals[1]!.publicKey);
    const ways = (...proven: string[]): string[] =>
      compileSeals(view, underlay, new Set(proven))
        .map(ruleKey)
        .filter((key) => key.endsWith('metric 100') || key.endsWith('metric 101'));
    const [by0, by1] = [100, 101].map((metric) => {
      return `route ${sealAddress('b')}/128 table 254 metric ${metric}`;
    });
    expect(ways(old)).toEqual([by0]);
    expect(ways(old, fresh)).toEqual([by1]);
    expect(ways()).toEqual([by1]);
    const ports = compileSeals(view, underlay, none).flatMap((rule) =>
      rule.kind === 'wireguard' ? [rule.port] : [],
    );
    expect(ports).toEqual([7_948, 7_949]);
  });

  it('has no way to who has no key of a generation that this host is heard by', () => {
    for (const peers of [[peer('b', 1)], [peer('b')]]) {
      const rules = compileSeals({ own: [own(0)], peers, latest: 1 }, underlay, none);
      expect(rules.filter((rule) => rule.kind === 'route').length).toBe(1);
    }
    const withdrawn = [own(0, false), own(1)];
    const rules = compileSeals({ own: withdrawn, peers: [b], latest: 1 }, underlay, none);
    expect(rules.filter((rule) => rule.kind === 'route').length).toBe(1);
    // What it sends is taken all the same.
    expect(rules.filter((rule) => rule.kind === 'wireguard-peer').length).toBe(1);
  });

  it('does not let a node give the key of another, nor that of this one', () => {
    const copies = { ...peer('c'), seals: b.seals };
    const mirror = { ...peer('d'), seals: [{ ...b.seals[0]!, publicKey: keyOf(1).publicKey }] };
    const view = { own: [own(0)], peers: [mirror, copies, b], latest: 0 };
    const peers = compileSeals(view, underlay, none).flatMap((rule) =>
      rule.kind === 'wireguard-peer' ? rule.allowedIps : [],
    );
    expect(peers).toEqual([`${sealAddress('b')}/128`]);
  });

  it('is nothing where there is no sealed network', () => {
    expect(compileSeals({ own: [], peers: [b], latest: 0 }, underlay, none)).toEqual([]);
  });
});

describe('a sealed network', () => {
  const who = { network: 'dark', services: {}, isEntry: false, isAway: false };
  const web = {
    ...who,
    ...{ name: 'web', node: 'a', vtep: '192.0.2.1', sandbox: '/run/netns/web' },
    ...{ addresses: ['10.65.0.2'], mac: macOf('10.65.0.2') },
  };
  const db = {
    ...who,
    ...{ name: 'db', node: 'b', vtep: '192.0.2.2' },
    ...{ addresses: ['10.65.0.18'], mac: macOf('10.65.0.18') },
  };

  it('goes to addresses inside seals, and nowhere else', () => {
    const rules = compileNetwork(dark, underlay, [web], [db]);
    const text = formatRuleSet(rules.filter(({ kind }) => kind !== 'nft-table'));
    expect(text).toContain(`id 4097 dstport 7950 local ${sealAddress('a')}`);
    expect(text).toContain(`fdb ${db.mac} dev meshx-4097 dst ${sealAddress('b')}`);
    expect(text).toContain('route blackhole fd6d:6573:6873::/48');
    expect(text).not.toContain('192.0.2');
  });

  it('has room for what its seal costs', () => {
    expect(networkMtu(dark, underlay)).toBe(1_370);
    expect(networkMtu(dark, { ...underlay, vtep: 'fd00::1' })).toBe(1_350);
    expect(mtuProblem({ ...dark, mtu: 1_371 }, underlay)).toBe(
      'mtu 1371: the underlay leaves 1370',
    );
  });

  it.each([
    [{ name: 'ingress', sealed: true }, 'sealed: the network ingress cannot be'],
    [{ sealed: true, port: 4_789 }, 'port: 7950 is that of sealed networks'],
    [{ port: 7_950 }, 'port: 7950 is that of sealed networks'],
    [{ subnets: ['fd6d:6573:6873:1::/64'] }, 'subnets[0]: overlaps fd6d:6573:6873::/48'],
    [{ subnets: ['fd6d:6573::/32'] }, 'subnets[0]: overlaps fd6d:6573:6873::/48'],
  ])('is refused with %j', (fields, problem) => {
    const value = { name: 'dark', vni: 4_097, subnets: ['10.65.0.0/24'], ...fields };
    expect(() => checkNetwork(value)).toThrow(problem);
  });
});

describe('what nodes announce', () => {
  const good = { publicKey: keyOf(9).publicKey, address: '192.0.2.9', port: 7_948 };

  it('is a key and where its packets are taken', () => {
    expect(checkSeal(3, { ...good, more: 1 })).toEqual({ generation: 3, ...good });
  });

  it.each([
    [NaN, {}, 'generation'],
    [-1, {}, 'generation'],
    [1.5, {}, 'generation'],
    [1e9, {}, 'generation'],
    [0, { publicKey: 'AAAA' }, 'publicKey'],
    [0, { publicKey: 7 }, 'publicKey'],
    [0, { port: 0 }, 'port'],
    [0, { port: '7948' }, 'port'],
    [0, { address: 'example.org' }, 'address'],
  ])('is refused in generation %d with %j', (generation, fields, field) => {
    expect(() => checkSeal(generation, { ...good, ...fields })).toThrow(field);
    expect(() => checkSeal(0, undefined)).toThrow('publicKey');
  });

  it('fits into the name of a device', () => {
    expect(sealDevice(999_999_999)).toHaveLength(15);
  });
});
