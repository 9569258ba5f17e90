import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  PrivateKey,
  formatNftStatement,
  formatOp,
  formatPort,
  formatRule,
  formatRuleSet,
  kindOrder,
  ruleKey,
  sameDestination,
  sameVirtualService,
  type Destination,
  type NftStatement,
  type NftTableRule,
  type Op,
  type Rule,
  type VirtualServiceRule,
} from '../../../src/model/index.js';
import { ruleSets } from '../../support/arbitrary-rules.js';
import { checkProperty } from '../../support/property.js';
import { parseRules } from '../../support/rule-text.js';

const destination: Destination = {
  address: '10.0.0.11',
  port: 8080,
  weight: 1,
  forwarding: 'masq',
  upperThreshold: 0,
  lowerThreshold: 0,
};

const web: VirtualServiceRule = {
  kind: 'virtual-service',
  match: { protocol: 'tcp', address: '10.96.0.1', port: 80 },
  scheduler: 'wrr',
  schedulerFlags: [],
  affinityTimeoutS: 0,
  affinityPrefix: 32,
  onePacket: false,
  destinations: [destination],
};

const table: NftTableRule = {
  kind: 'nft-table',
  name: 'meshd-snat',
  sets: [
    { name: 'links4', key: ['ipv4_addr', 'ipv4_addr'], interval: true },
    { name: 'vnis', key: ['@th,96,24'], interval: false },
    { name: 'marks', key: ['inet_proto', 'inet_service'], value: 'mark', interval: false },
  ],
  chains: [
    {
      name: 'input',
      type: 'filter',
      hook: 'input',
      priority: -150,
      rules: [
        {
          comment: 'ports to marks',
          statements: [
            { type: 'counter' },
            { type: 'lookup', fields: ['ip saddr', 'ip daddr'], set: 'links4', negate: true },
            { type: 'mark-from-map', fields: ['meta l4proto', 'th dport'], map: 'marks' },
            { type: 'masquerade' },
          ],
        },
      ],
    },
  ],
};

const dummy: Rule = { kind: 'link', name: 'mesh0', type: 'dummy', up: true };
const route: Rule = { kind: 'route', type: 'unicast', destination: '10.2.0.0/16', table: 254 };
const policy: Rule = { kind: 'policy', family: 4, priority: 100, table: 100 };

const privateKey = new PrivateKey(new Uint8Array(32).fill(1));
const { publicKey } = privateKey;

/** A rule, its identity, and its text. */
const rules: [Rule, string, string][] = [
  [dummy, 'link mesh0', 'link mesh0 type dummy up'],
  [{ ...dummy, up: false, mtu: 1400 }, 'link mesh0', 'link mesh0 type dummy mtu 1400 down'],
  [
    { ...dummy, type: 'veth-end', mac: '02:42:0a:01:00:02' },
    'link mesh0',
    'link mesh0 type veth-end mac 02:42:0a:01:00:02 up',
  ],
  [
    {
      kind: 'link',
      name: 'mesha',
      type: 'vxlan',
      up: true,
      mac: '02:42:0a:01:00:01',
      vxlan: { vni: 4096, port: 4789, local: '192.0.2.1', proxy: true },
    },
    'link mesha',
    'link mesha type vxlan id 4096 dstport 4789 local 192.0.2.1 nolearning proxy mac 02:42:0a:01:00:01 up',
  ],
  [
    {
      kind: 'link',
      name: 'mesha',
      type: 'vxlan',
      up: true,
      master: 'meshbr',
      vxlan: { vni: 4096, port: 4789, local: '192.0.2.1', proxy: false },
    },
    'link mesha',
    'link mesha type vxlan id 4096 dstport 4789 local 192.0.2.1 nolearning master meshbr up',
  ],
  [
    {
      kind: 'link',
      name: 'meshv',
      type: 'veth',
      up: true,
      mac: '02:42:0a:01:00:06',
      peer: { name: 'mesh-e0', mac: '02:42:0a:01:00:05', netns: '/run/netns/a' },
    },
    'link meshv',
    'link meshv type veth mac 02:42:0a:01:00:06 peer mesh-e0 mac 02:42:0a:01:00:05 netns /run/netns/a up',
  ],
  [
    {
      kind: 'link',
      name: 'meshv',
      type: 'veth',
      up: true,
      peer: { name: 'eth0', netns: '/run/netns/a' },
    },
    'link meshv',
    'link meshv type veth peer eth0 netns /run/netns/a up',
  ],
  [
    { kind: 'address', device: 'mesh0', prefix: 'fd00::1/128' },
    'addr fd00::1/128 dev mesh0',
    'addr fd00::1/128 dev mesh0',
  ],
  [
    { ...route, device: 'eth0', gateway: '10.0.0.254', source: '10.0.0.1' },
    'route 10.2.0.0/16 table 254',
    'route 10.2.0.0/16 via 10.0.0.254 dev eth0 src 10.0.0.1 table 254',
  ],
  [
    { ...route, type: 'local', table: 255 },
    'route 10.2.0.0/16 table 255',
    'route local 10.2.0.0/16 table 255',
  ],
  [
    { ...route, type: 'blackhole', destination: '::/0' },
    'route ::/0 table 254',
    'route blackhole ::/0 table 254',
  ],
  [
    { ...route, device: 'eth0', metric: 4096 },
    'route 10.2.0.0/16 table 254 metric 4096',
    'route 10.2.0.0/16 dev eth0 table 254 metric 4096',
  ],
  [policy, 'rule v4 100', 'rule v4 100: lookup 100'],
  [
    { ...policy, family: 6, from: 'fd00::/64', to: 'fd01::/64', fwmark: 257, fwmask: 0xffff },
    'rule v6 100 fwmark 0x101/0xffff',
    'rule v6 100: from fd00::/64 to fd01::/64 fwmark 0x101/0xffff lookup 100',
  ],
  [
    { kind: 'neighbor', device: 'mesha', address: '10.1.0.2', mac: '02:42:0a:01:00:02' },
    'neigh 10.1.0.2 dev mesha',
    'neigh 10.1.0.2 dev mesha lladdr 02:42:0a:01:00:02',
  ],
  [
    { kind: 'fdb', device: 'mesha', mac: '02:42:0a:01:00:02', vtep: '192.0.2.2' },
    'fdb 02:42:0a:01:00:02 dev mesha',
    'fdb 02:42:0a:01:00:02 dev mesha dst 192.0.2.2',
  ],
  [
    { ...dummy, type: 'wireguard', name: 'meshw-0' },
    'link meshw-0',
    'link meshw-0 type wireguard up',
  ],
  [
    { kind: 'wireguard', device: 'meshw-0', publicKey, port: 51820 },
    'wireguard meshw-0',
    `wireguard meshw-0 key ${publicKey} port 51820`,
  ],
  [
    { kind: 'wireguard', device: 'meshw-0', publicKey, privateKey, port: 51820, fwmark: 0x6d },
    'wireguard meshw-0',
    `wireguard meshw-0 key ${publicKey} port 51820 fwmark 0x6d`,
  ],
  [
    { kind: 'wireguard-peer', device: 'meshw-0', publicKey, allowedIps: [] },
    `wireguard peer ${publicKey} dev meshw-0`,
    `wireguard peer ${publicKey} dev meshw-0 allowed none`,
  ],
  [
    {
      kind: 'wireguard-peer',
      device: 'meshw-0',
      publicKey,
      endpoint: { address: 'fd05::2', port: 51820 },
      allowedIps: ['fd00::2/128', '10.0.0.0/24'],
      keepaliveS: 25,
      live: true,
    },
    `wireguard peer ${publicKey} dev meshw-0`,
    `wireguard peer ${publicKey} dev meshw-0 endpoint [fd05::2]:51820 allowed 10.0.0.0/24,fd00::2/128 keepalive 25s live`,
  ],
  [{ kind: 'loopback' }, 'link lo', 'link lo up'],
  [
    { kind: 'sysctl', name: 'net/ipv4/ip_forward', value: '1' },
    'sysctl net/ipv4/ip_forward',
    'sysctl net/ipv4/ip_forward = 1',
  ],
  [
    { kind: 'ipvs-timeouts', tcpS: 900, tcpFinS: 120, udpS: 300 },
    'ipvs timeouts',
    'ipvs timeouts tcp=900s tcpfin=120s udp=300s',
  ],
  [web, 'ipvs 10.96.0.1:80/tcp', 'ipvs 10.96.0.1:80/tcp wrr\n  10.0.0.11:8080 masq weight=1'],
  [
    {
      ...web,
      match: { protocol: 'udp', address: 'fd00::1', port: 53 },
      scheduler: 'mh',
      schedulerFlags: ['fallback', 'port'],
      affinityTimeoutS: 300,
      affinityPrefix: 64,
      onePacket: true,
      destinations: [],
    },
    'ipvs [fd00::1]:53/udp',
    'ipvs [fd00::1]:53/udp mh fallback port affinity=300s/64 ops',
  ],
  [
    { ...web, match: { fwmark: 257, family: 4 }, affinityTimeoutS: 60 },
    'ipvs fwmark 257',
    'ipvs fwmark 257 wrr affinity=60s\n  10.0.0.11:8080 masq weight=1',
  ],
  [
    { ...web, match: { fwmark: 257, family: 6 }, destinations: [] },
    'ipvs fwmark 257/v6',
    'ipvs fwmark 257/v6 wrr',
  ],
  [
    table,
    'nft table inet meshd-snat',
    [
      'nft table inet meshd-snat',
      '  set links4 { type ipv4_addr . ipv4_addr; flags interval; }',
      '  set vnis { typeof @th,96,24; }',
      '  map marks { type inet_proto . inet_service : mark; }',
      '  chain input { type filter hook input priority -150;',
      '    counter ip saddr . ip daddr != @links4 meta mark set meta l4proto . th dport map @marks masquerade comment "ports to marks"',
      '  }',
    ].join('\n'),
  ],
  [
    {
      kind: 'nft-element',
      table: 'meshd-snat',
      set: 'marks',
      key: ['tcp', '8000-8010'],
      value: '257',
    },
    'nft element meshd-snat marks tcp . 8000-8010',
    'nft element meshd-snat marks tcp . 8000-8010 : 257',
  ],
  [
    { kind: 'nft-element', table: 'meshd-snat', set: 'auto4', key: ['10.96.0.1'] },
    'nft element meshd-snat auto4 10.96.0.1',
    'nft element meshd-snat auto4 10.96.0.1',
  ],
];

describe('rules as text', () => {
  it.each(rules)('%#: %j', (rule, key, text) => {
    expect(ruleKey(rule)).toBe(key);
    expect(formatRule(rule)).toBe(text);
  });

  it('has an example of every kind, and an order for it', () => {
    expect(new Set(rules.map(([rule]) => rule.kind))).toEqual(new Set(kindOrder));
    expect(new Set(kindOrder).size).toBe(kindOrder.length);
  });

  it('says all that a rule says: any rule can be read back from its text', async () => {
    await checkProperty(
      fc.property(ruleSets(), (set) => {
        const all = [...set.values()];
        const text = formatRuleSet(all);
        expect(formatRuleSet(parseRules(text.split('\n').filter((line) => line !== '')))).toBe(
          text,
        );
      }),
      { runs: 300 },
    );
  });

  it.each<[NftStatement, string]>([
    [{ type: 'lookup', fields: ['iifname'], set: 'devices' }, 'iifname @devices'],
    [
      { type: 'mark-from-map', fields: ['ether saddr'], map: 'entries' },
      'meta mark set ether saddr map @entries',
    ],
    [{ type: 'protocol', protocol: 'udp' }, 'meta l4proto udp'],
    [{ type: 'fib-local' }, 'fib daddr type local'],
    [{ type: 'fib-elsewhere' }, 'fib daddr type != local'],
    [{ type: 'leaves-host' }, 'meta oiftype != loopback'],
    [{ type: 'device-group', field: 'iifgroup', group: 109 }, 'iifgroup 109'],
    [{ type: 'device-group', field: 'oifgroup', group: 1, negate: true }, 'oifgroup != 1'],
    [{ type: 'reply-direction' }, 'ct direction reply'],
    [{ type: 'socket-user' }, 'meta skuid >= 0'],
    [
      { type: 'mark-is', mask: 0xff000000, value: 0x4d000000 },
      'meta mark & 0xff000000 == 0x4d000000',
    ],
    [{ type: 'ct-mark-is', mask: 0xf, value: 1 }, 'ct mark & 0x0000000f == 0x00000001'],
    [{ type: 'mark-from-ct-mark' }, 'meta mark set ct mark'],
    [{ type: 'ct-mark-from-mark' }, 'ct mark set meta mark'],
    [{ type: 'mark-clear' }, 'meta mark set 0x00000000'],
    [{ type: 'accept' }, 'accept'],
    [{ type: 'drop' }, 'drop'],
  ])('has statements as nft prints them: %j', (statement, text) => {
    expect(formatNftStatement(statement)).toBe(text);
  });

  it.each<[Partial<Destination>, string]>([
    [{}, '10.0.0.11:8080 masq weight=1'],
    [{ weight: 0, forwarding: 'route' }, '10.0.0.11:8080 route weight=0'],
    [{ address: 'fd01::11', port: 0 }, '[fd01::11]:0 masq weight=1'],
    [
      { upperThreshold: 100, lowerThreshold: 80 },
      '10.0.0.11:8080 masq weight=1 upper=100 lower=80',
    ],
    [
      { forwarding: 'tunnel', tunnel: { type: 'ipip', port: 0, checksum: false } },
      '10.0.0.11:8080 tunnel ipip weight=1',
    ],
    [
      { forwarding: 'tunnel', tunnel: { type: 'gue', port: 6080, checksum: true } },
      '10.0.0.11:8080 tunnel gue port=6080 checksum weight=1',
    ],
    [
      { forwarding: 'tunnel', tunnel: { type: 'gre', port: 0, checksum: true } },
      '10.0.0.11:8080 tunnel gre checksum weight=1',
    ],
  ])('a destination %j', (change, text) => {
    const rule = { ...web, destinations: [{ ...destination, ...change }] };
    expect(formatRule(rule)).toBe(`ipvs 10.96.0.1:80/tcp wrr\n  ${text}`);
  });
});

describe('Ops as text', () => {
  const sysctl: Rule = { kind: 'sysctl', name: 'net/ipv4/ip_forward', value: '1' };
  it.each<[Op, string]>([
    [{ verb: 'add', target: dummy }, 'add link mesh0 type dummy up'],
    [{ verb: 'set', target: sysctl }, 'set sysctl net/ipv4/ip_forward = 1'],
    [{ verb: 'delete', target: route }, 'delete route 10.2.0.0/16 table 254'],
    [{ verb: 'add', target: web }, 'add ipvs 10.96.0.1:80/tcp wrr\n  10.0.0.11:8080 masq weight=1'],
    // Its destinations are not part of what changes.
    [{ verb: 'set', target: web }, 'set ipvs 10.96.0.1:80/tcp wrr'],
    [{ verb: 'delete', target: web }, 'delete ipvs 10.96.0.1:80/tcp'],
    [
      { verb: 'delete', target: { kind: 'destination', service: web, destination } },
      'delete destination 10.0.0.11:8080 masq weight=1 of 10.96.0.1:80/tcp',
    ],
  ])('%#: %j', (op, text) => {
    expect(formatOp(op)).toBe(text);
  });
});

describe('equality', () => {
  it('of destinations heeds every field', () => {
    const tunnel = { type: 'gue', port: 6080, checksum: false } as const;
    const tunnelled: Destination = { ...destination, forwarding: 'tunnel', tunnel };
    const others: Destination[] = [
      { ...destination, address: '10.0.0.12' },
      { ...destination, port: 80 },
      { ...destination, weight: 2 },
      { ...destination, forwarding: 'route' },
      { ...destination, upperThreshold: 1 },
      { ...destination, lowerThreshold: 1 },
      tunnelled,
    ];
    for (const other of others) expect(sameDestination(destination, other)).toBe(false);
    for (const change of [{ type: 'gre' }, { port: 6081 }, { checksum: true }] as const) {
      const other = { ...tunnelled, tunnel: { ...tunnel, ...change } };
      expect(sameDestination(tunnelled, other)).toBe(false);
    }
    expect(sameDestination(tunnelled, { ...tunnelled, tunnel: { ...tunnel } })).toBe(true);
  });

  it('of virtual services heeds all but destinations, and no order of flags', () => {
    const changes: Partial<VirtualServiceRule>[] = [
      { scheduler: 'rr' },
      { schedulerFlags: ['port'] },
      { affinityTimeoutS: 1 },
      { affinityPrefix: 24 },
      { onePacket: true },
    ];
    for (const change of changes)
      expect(sameVirtualService(web, { ...web, ...change })).toBe(false);
    expect(sameVirtualService(web, { ...web, destinations: [] })).toBe(true);
    const flags = { ...web, schedulerFlags: ['port', 'fallback'] } as const;
    expect(sameVirtualService(flags, { ...web, schedulerFlags: ['fallback', 'port'] })).toBe(true);
  });
});

it.each([
  [{ protocol: 'tcp', port: 80, targetPort: 80, count: 1 }, '80/tcp'],
  [{ protocol: 'tcp', port: 80, targetPort: 8080, count: 1 }, '80:8080/tcp'],
  [{ protocol: 'udp', port: 7000, targetPort: 9000, count: 10 }, '7000-7009:9000-9009/udp'],
  [{ protocol: 'sctp', port: 7000, targetPort: 7000, count: 2 }, '7000-7001/sctp'],
] as const)('a service port %j prints as %s', (port, text) => {
  expect(formatPort(port)).toBe(text);
});
