import fc from 'fast-check';
import {
  PrivateKey,
  familyOf,
  ruleKey,
  type Destination,
  type LinkRule,
  type NftTableRule,
  type Rule,
  type RuleSet,
  type VirtualServiceRule,
  type WireguardPeerRule,
  type WireguardRule,
} from '../../src/model/index.js';

/**
 * Random rule sets from a small world, so that two of them have much in common: each object is
 * there or not, in one of a few versions. Nothing is on a device, or in a table, that is not there.
 */
export function ruleSets(): fc.Arbitrary<RuleSet> {
  return fc
    .record({
      links: fc.tuple(
        optional(mesh0),
        optional(bridge),
        optional(vxlan),
        optional(port),
        optional(sealed),
      ),
      onLinks: fc.subarray(onLinks, { minLength: 0 }),
      keys: fc.tuple(optional(keys), ...peers.map(optional)),
      routes: fc.tuple(...routes.map(optional)),
      policies: fc.tuple(...policies.map(optional)),
      settings: fc.tuple(...settings.map(optional)),
      services: fc.tuple(...listeners.map(virtualService)),
      tables: fc.tuple(...tables.map(optional)),
      elements: fc.tuple(...elements.map(optional)),
    })
    .map((parts) => {
      const { links, onLinks: on, keys: held, routes: ways, policies: also } = parts;
      const { settings: set, services, tables: all, elements: some } = parts;
      const rules = [links, on, held, ways, also, set, services, all, some];
      return consistent(rules.flat().filter((rule): rule is Rule => rule !== undefined));
    });
}

function optional<T extends Rule>(versions: readonly T[]): fc.Arbitrary<T | undefined> {
  return fc.option(fc.constantFrom(...versions), { nil: undefined });
}

/** Without what hangs in the air. */
function consistent(rules: readonly Rule[]): RuleSet {
  const byKey = new Map(rules.map((rule) => [ruleKey(rule), rule]));
  for (const [key, rule] of byKey) {
    if (rule.kind === 'link' && rule.master !== undefined && !byKey.has(`link ${rule.master}`)) {
      const { master: _absent, ...free } = rule;
      byKey.set(key, free);
    }
  }
  for (const [key, rule] of byKey) if (hangs(rule, byKey)) byKey.delete(key);
  return byKey;
}

/** Addresses come before routes: a device loses its IPv4 routes with its last IPv4 address. */
function hangs(rule: Rule, all: RuleSet): boolean {
  if (rule.kind === 'nft-element') {
    const table = all.get(`nft table inet ${rule.table}`) as NftTableRule | undefined;
    return table?.sets.some(({ name }) => name === rule.set) !== true;
  }
  if (!('device' in rule)) return false;
  if (rule.kind === 'route' && familyOf(rule.destination) === 4) {
    const address = rule.type === 'local' ? rule.destination : '10.1.0.1/24';
    return !all.has(`addr ${address} dev ${rule.device}`);
  }
  return !all.has(`link ${rule.device}`);
}

const dummy: LinkRule = { kind: 'link', name: 'mesh0', type: 'dummy', up: true };
const mesh0: LinkRule[] = [dummy, { ...dummy, mtu: 1400 }, { ...dummy, type: 'bridge' }];
const bridge: LinkRule[] = [
  { kind: 'link', name: 'meshbr', type: 'bridge', up: true },
  { kind: 'link', name: 'meshbr', type: 'bridge', up: true, mtu: 1450 },
  { kind: 'link', name: 'meshbr', type: 'bridge', up: true, group: 109 },
  { kind: 'link', name: 'meshbr', type: 'bridge', up: true, mac: '02:42:0a:01:00:01' },
  { kind: 'link', name: 'meshbr', type: 'dummy', up: true },
];
const overlay = { vni: 4096, port: 4789, local: '192.0.2.1', proxy: false };
const vxlan: LinkRule[] = [
  { kind: 'link', name: 'mesha', type: 'vxlan', up: true, master: 'meshbr', vxlan: overlay },
  { kind: 'link', name: 'mesha', type: 'vxlan', up: true, vxlan: overlay },
  {
    kind: 'link',
    name: 'mesha',
    type: 'vxlan',
    up: true,
    master: 'meshbr',
    vxlan: { ...overlay, vni: 4097 },
  },
  {
    kind: 'link',
    name: 'mesha',
    type: 'vxlan',
    up: true,
    mac: '02:42:0a:01:00:01',
    master: 'meshbr',
    vxlan: { ...overlay, proxy: true },
  },
];
const peer = { name: 'mesh-e0', mac: '02:42:0a:01:00:05', netns: '/run/netns/a' };
const port: LinkRule[] = [
  { kind: 'link', name: 'meshv', type: 'veth', up: true, master: 'meshbr', peer },
  { kind: 'link', name: 'meshv', type: 'veth', up: true, mac: '02:42:0a:01:00:06', peer },
  { kind: 'link', name: 'meshv', type: 'veth', up: true, peer: { name: 'mesh-e0' } },
];

const onLinks: Rule[] = [
  { kind: 'address', device: 'mesh0', prefix: '10.96.0.1/32' },
  { kind: 'address', device: 'mesh0', prefix: 'fd00::1/128' },
  { kind: 'address', device: 'meshbr', prefix: '10.1.0.1/24' },
  { kind: 'neighbor', device: 'mesha', address: '10.1.0.2', mac: '02:42:0a:01:00:02' },
  { kind: 'neighbor', device: 'mesha', address: '10.1.0.2', mac: '02:42:0a:01:00:03' },
  { kind: 'fdb', device: 'mesha', mac: '02:42:0a:01:00:02', vtep: '192.0.2.2' },
  { kind: 'fdb', device: 'mesha', mac: '02:42:0a:01:00:02', vtep: '192.0.2.3' },
];

const sealed: LinkRule[] = [
  { kind: 'link', name: 'meshw-0', type: 'wireguard', up: true },
  { kind: 'link', name: 'meshw-0', type: 'wireguard', up: true, mtu: 1400 },
];
const keyOf = (byte: number): PrivateKey => new PrivateKey(new Uint8Array(32).fill(byte));
const keys: WireguardRule[] = [1, 2].map((byte) => {
  const privateKey = keyOf(byte);
  const { publicKey } = privateKey;
  return { kind: 'wireguard', device: 'meshw-0', publicKey, privateKey, port: 51820 };
});
keys.push({ ...keys[0]!, port: 51821, fwmark: 1 });
const peers: WireguardPeerRule[][] = [3, 4].map((byte) => {
  const { publicKey } = keyOf(byte);
  const allowedIps = [`fd00::${byte}/128`];
  const plain = { kind: 'wireguard-peer', device: 'meshw-0', publicKey, allowedIps } as const;
  const endpoint = { address: '192.0.2.3', port: 51820 };
  return [
    { ...plain, endpoint },
    { ...plain, endpoint: { address: 'fd05::3', port: 51820 }, keepaliveS: 25 },
    { ...plain, endpoint, allowedIps: [`10.0.${byte}.0/24`, ...allowedIps] },
  ];
});

const vipRoute = { kind: 'route', type: 'local', table: 255, device: 'mesh0' } as const;
const routes: Rule[][] = [
  [
    { ...vipRoute, destination: '10.96.0.1/32', source: '10.0.0.1' },
    { ...vipRoute, destination: '10.96.0.1/32', source: '10.0.0.2' },
  ],
  [{ ...vipRoute, destination: 'fd00::1/128', source: 'fd01::1' }],
  [
    { kind: 'route', type: 'unicast', destination: '10.2.0.0/16', table: 254, device: 'meshbr' },
    { kind: 'route', type: 'blackhole', destination: '10.2.0.0/16', table: 254 },
  ],
  [{ kind: 'route', type: 'blackhole', destination: '10.2.0.0/16', table: 254, metric: 9 }],
];

const policies: Rule[][] = [
  [
    { kind: 'policy', family: 4, priority: 100, fwmark: 1, table: 100 },
    { kind: 'policy', family: 4, priority: 100, fwmark: 1, fwmask: 255, table: 100 },
  ],
  [{ kind: 'policy', family: 6, priority: 100, from: 'fd00::/64', table: 100 }],
];

const settings: Rule[][] = [
  [{ kind: 'loopback' }],
  [
    { kind: 'sysctl', name: 'net/ipv4/vs/conntrack', value: '1' },
    { kind: 'sysctl', name: 'net/ipv4/vs/conntrack', value: '0' },
  ],
  [
    { kind: 'ipvs-timeouts', tcpS: 900, tcpFinS: 120, udpS: 300 },
    { kind: 'ipvs-timeouts', tcpS: 60, tcpFinS: 10, udpS: 30 },
  ],
];

const listeners: VirtualServiceRule['match'][] = [
  { protocol: 'tcp', address: '10.96.0.1', port: 80 },
  { protocol: 'udp', address: '10.96.0.1', port: 53 },
  { protocol: 'tcp', address: 'fd00::1', port: 80 },
];

function virtualService(
  match: VirtualServiceRule['match'],
): fc.Arbitrary<VirtualServiceRule | undefined> {
  const six = 'address' in match && familyOf(match.address) === 6;
  const servers = six ? ['fd01::a', 'fd01::b'] : ['10.0.0.10', '10.0.0.11', '10.0.0.12'];
  return fc.option(
    fc.record<VirtualServiceRule>({
      kind: fc.constant('virtual-service'),
      match: fc.constant(match),
      scheduler: fc.constantFrom('rr', 'mh'),
      schedulerFlags: fc.constantFrom([], ['fallback'], ['fallback', 'port'], ['port', 'fallback']),
      affinityTimeoutS: fc.constantFrom(0, 300),
      affinityPrefix: fc.constantFrom(six ? 128 : 32, 24),
      onePacket: fc.boolean(),
      destinations: fc
        .shuffledSubarray(servers)
        .chain((addresses) => fc.tuple(...addresses.map(destination))),
    }),
    { nil: undefined },
  );
}

function destination(address: string): fc.Arbitrary<Destination> {
  return fc.record({
    address: fc.constant(address),
    port: fc.constant(8080),
    weight: fc.constantFrom(0, 1, 2),
    forwarding: fc.constantFrom('masq', 'route'),
    upperThreshold: fc.constantFrom(0, 100),
    lowerThreshold: fc.constant(0),
  });
}

const auto4 = { name: 'auto4', key: ['ipv4_addr'], interval: false } as const;
const marks = { name: 'marks', key: ['ipv4_addr'], value: 'mark', interval: false } as const;
const one = { kind: 'nft-table', name: 'meshd-one', chains: [] } as const;
const other = { kind: 'nft-table', name: 'meshd-other', chains: [] } as const;
const tables: NftTableRule[][] = [
  [
    { ...one, sets: [auto4, marks] },
    { ...one, sets: [{ ...auto4, interval: true }, marks] },
    { ...one, sets: [auto4] },
  ],
  [
    { ...other, sets: [auto4] },
    { ...other, sets: [{ ...auto4, interval: true }] },
  ],
];
const elements: Rule[][] = [
  [{ kind: 'nft-element', table: 'meshd-one', set: 'auto4', key: ['10.96.0.1'] }],
  [{ kind: 'nft-element', table: 'meshd-one', set: 'auto4', key: ['10.96.0.2'] }],
  [
    { kind: 'nft-element', table: 'meshd-one', set: 'marks', key: ['10.96.0.1'], value: '257' },
    { kind: 'nft-element', table: 'meshd-one', set: 'marks', key: ['10.96.0.1'], value: '258' },
  ],
  [{ kind: 'nft-element', table: 'meshd-other', set: 'auto4', key: ['10.96.0.1'] }],
];
