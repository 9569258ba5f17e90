import { describe, expect, it } from 'vitest';
import type { DoctorCheck, MeshStatus, Status } from '../../../src/api/index.js';
import { examineHost } from '../../../src/host/index.js';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import type { ServiceSpec, VirtualServiceRule } from '../../../src/model/index.js';
import { FakeMesh } from '../../support/fake-mesh.js';
import { parseRules } from '../../support/rule-text.js';
import { HostBench, spec } from './bench.js';

interface Case {
  /** What the host is like. */
  readonly is: string;
  readonly check: string;
  /** As `warn: cause`, with ` -> fix` when there is one. */
  readonly want: string;
  readonly services?: readonly ServiceSpec[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly status?: Partial<Status>;
  readonly arrange?: (bench: HostBench) => void;
  readonly plant?: (kernel: FakeKernel) => void;
  readonly mesh?: (mesh: FakeMesh) => void;
}

const allWell = (mesh: FakeMesh): void => {
  mesh.nodes = () => [];
};
const meshWith =
  (extras: Partial<MeshStatus>) =>
  (mesh: FakeMesh): void => {
    allWell(mesh);
    mesh.statusExtras = extras;
  };

const eth0 = { device: 'eth0', address: '10.0.0.1', prefixLength: 24, scope: 'global' } as const;
const web = spec('web vip=10.96.0.1', '10.0.0.11');
const tunnel = spec('far vip=10.96.0.2 forwarding=tunnel tunnel=ipip', '10.0.0.12');
const foreign = parseRules(['ipvs 10.96.0.1:80/tcp rr']) as VirtualServiceRule[];
const conntrack = (count: number): Readonly<Record<string, string>> => ({
  'net/netfilter/nf_conntrack_count': String(count),
  'net/netfilter/nf_conntrack_max': '1000',
});

const cases: readonly Case[] = [
  { is: 'with IPVS', check: 'data path', want: 'ok: ipvs: ip_vs 1.2.1, 4096 buckets' },
  {
    is: 'without IPVS',
    check: 'data path',
    arrange: ({ kernel }) => kernel.setIpvs(false),
    want: 'fail: this kernel has no IPVS: no module ip_vs (EOPNOTSUPP) -> modprobe ip_vs, part of linux-image packages; or dataPath: nftables',
  },
  { is: 'converged', check: 'rules', want: 'ok: in the kernel, last pass 0.0 ms' },
  {
    is: 'not converged',
    check: 'rules',
    status: { reconcile: { atMs: 0, durationMs: 1, ops: 1, error: 'add ipvs: busy (EBUSY)' } },
    want: 'fail: add ipvs: busy (EBUSY) -> meshctl diff shows what is missing',
  },
  { is: 'without a file', check: 'configuration', want: 'ok: no file' },
  {
    is: 'with a file',
    check: 'configuration',
    status: { config: { path: '/etc/meshd.yaml', loadedAtMs: 1 } },
    want: 'ok: /etc/meshd.yaml is in force',
  },
  {
    is: 'with a file that was not accepted',
    check: 'configuration',
    status: { config: { path: '/etc/meshd.yaml', error: 'line 3: no such field' } },
    want: 'fail: line 3: no such field -> meshd check /etc/meshd.yaml',
  },
  {
    is: 'without conflicts',
    check: 'conflicts',
    want: 'ok: every service has its addresses to itself',
  },
  {
    is: 'whose own address is a VIP',
    check: 'conflicts',
    services: [spec('web vip=10.0.0.1', '10.0.0.11')],
    want: 'fail: web: 10.0.0.1 is an address of eth0 -> change the VIP, or remove what holds the address',
  },
  { is: 'alone', check: 'foreign IPVS', want: 'ok: no virtual services of others' },
  {
    is: 'shared with another program',
    check: 'foreign IPVS',
    plant: (kernel) => kernel.plantForeign(...foreign),
    want: 'warn: left alone: 10.96.0.1:80/tcp -> none needed; kube-proxy and keepalived may share the host',
  },
  {
    is: 'without masq',
    check: 'forwarding',
    services: [tunnel],
    want: 'ok: not needed: no service uses masq',
  },
  {
    is: 'that forwards',
    check: 'forwarding',
    sysctls: { 'net/ipv4/ip_forward': '1' },
    want: 'ok: on for IPv4 and IPv6',
  },
  {
    is: 'that does not forward IPv6',
    check: 'forwarding',
    sysctls: { 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '0' },
    want: 'fail: net/ipv6/conf/all/forwarding is 0 -> sysctl -w net/ipv6/conf/all/forwarding=1',
  },
  { is: 'with loose paths', check: 'rp_filter', want: 'ok: not strict for all interfaces' },
  {
    is: 'with strict paths',
    check: 'rp_filter',
    sysctls: { 'net/ipv4/conf/all/rp_filter': '1' },
    want: 'warn: strict: packets are dropped that arrive where their answer would not leave -> sysctl -w net/ipv4/conf/all/rp_filter=2, if paths differ',
  },
  { is: 'without conntrack', check: 'conntrack', want: 'ok: no connections are tracked' },
  {
    is: 'with room for connections',
    check: 'conntrack',
    sysctls: conntrack(799),
    want: 'ok: 799 of 1000 entries',
  },
  {
    is: 'with hardly room for connections',
    check: 'conntrack',
    sysctls: conntrack(800),
    want: 'warn: 800 of 1000 entries: new connections fail when it is full -> sysctl -w net/netfilter/nf_conntrack_max=2000',
  },
  { is: 'without a firewall', check: 'firewall', want: 'ok: no chain drops by default' },
  {
    is: 'with Docker',
    check: 'firewall',
    arrange: ({ kernel }) => {
      kernel.chains = [{ name: 'ip filter FORWARD', hook: 'forward' }];
    },
    want: 'warn: drops what no rule accepts: ip filter FORWARD (forward) -> accept the VIPs on input, and forwarding to the destinations, e.g. in DOCKER-USER',
  },
  { is: 'that reaches all', check: 'routes', want: 'ok: to 1 destinations' },
  {
    is: 'that does not reach some',
    check: 'routes',
    services: [spec('web vip=10.96.0.1', ...[1, 2, 3, 4, 5, 6, 7].map((i) => `192.0.2.${i}`))],
    want: 'fail: none to 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5 and 2 more -> ip route get 192.0.2.1',
  },
  {
    is: 'with a route that says no',
    check: 'routes',
    arrange: ({ kernel }) =>
      void kernel.routeAnswers.set('10.0.0.11', { type: 'unreachable', device: 'lo' }),
    want: 'fail: none to 10.0.0.11 -> ip route get 10.0.0.11',
  },
  { is: 'in good health', check: 'health', want: 'ok: every service has a destination to go to' },
  {
    is: 'with a service that is down',
    check: 'health',
    arrange: ({ health }) => health.fail('web', '10.0.0.11'),
    want: 'warn: no destination takes new connections: web -> meshctl endpoint ls',
  },
  { is: 'without others', check: 'gossip', want: 'ok: not needed: this host stands alone' },
  {
    is: 'with a key',
    check: 'gossip',
    mesh: allWell,
    want: 'ok: sealed with key 0123456789abcdef',
  },
  {
    is: 'without a key',
    check: 'gossip',
    mesh: (mesh) => {
      const { key: _, ...rest } = mesh.status();
      mesh.status = () => rest;
    },
    want: 'warn: gossip is in the clear -> meshctl key generate, then mesh.keyFile on all hosts',
  },
  {
    is: 'that others speak to with another key',
    check: 'gossip',
    mesh: meshWith({ counters: [{ name: 'dropped', reason: 'undecryptable', value: 7 }] }),
    want: 'warn: 7 messages came with a key that is not installed here -> meshctl key ls, here and there',
  },
  {
    is: 'that is too busy for gossip',
    check: 'gossip',
    mesh: meshWith({ healthScore: 3 }),
    want: 'warn: this process does not keep up with gossip: 3 of 7 -> give it more CPU',
  },
  {
    is: 'that has left',
    check: 'gossip',
    mesh: meshWith({ hasLeft: true }),
    want: 'warn: this node has left the mesh -> systemctl restart meshd',
  },
  {
    is: 'among others that are well',
    check: 'other nodes',
    mesh: allWell,
    want: 'ok: 5 alive, all with our services',
  },
  {
    is: 'among others that are not',
    check: 'other nodes',
    mesh: () => undefined,
    want: 'warn: do not answer: c (suspect), d (failed) -> are UDP and TCP of the gossip port open both ways?',
  },
  {
    is: 'whose services are late elsewhere',
    check: 'other nodes',
    mesh: meshWith({ lacking: ['b'], lagMs: 11_000 }),
    want: 'warn: without our newest services: b -> meshctl doctor there',
  },
  {
    is: 'whose services give way',
    check: 'other nodes',
    mesh: meshWith({ conflicts: [{ service: 'web', node: 'a', reason: 'taken' }] }),
    want: 'fail: services give way to others: web of a -> meshctl mesh status says to which',
  },
  {
    is: 'that sees a name with two keys',
    check: 'other nodes',
    mesh: meshWith({ disputed: ['e'] }),
    want: 'fail: another key than the known one: e -> if it lost its state: meshctl node forget e',
  },
  {
    is: 'that cannot be asked',
    check: 'routes',
    arrange: ({ kernel }) => kernel.vanish(),
    want: 'warn: could not be examined: sandbox host: network namespace vanished (ENOENT)',
  },
];

async function examine({
  services,
  sysctls,
  status,
  arrange,
  plant,
  mesh,
}: Case): Promise<DoctorCheck[]> {
  const kernel = new FakeKernel({ hostAddresses: [eth0] });
  plant?.(kernel);
  const bench = await new HostBench({ kernel, file: services ?? [web] }).start();
  arrange?.(bench);
  const { controller, table, health } = bench;
  return examineHost({
    controller,
    table,
    kernel,
    health,
    status: async () => ({ ...(await bench.backend.status()), ...status }),
    sysctl: (name) => Promise.resolve(sysctls?.[name]),
    mesh: mesh === undefined ? undefined : meshOf(mesh),
  });
}

function meshOf(change: (mesh: FakeMesh) => void): FakeMesh {
  const mesh = new FakeMesh();
  change(mesh);
  return mesh;
}

function text({ state, cause, fix }: DoctorCheck): string {
  return `${state}: ${cause}${fix === '' ? '' : ` -> ${fix}`}`;
}

describe('examineHost', () => {
  it.each(cases)('$check of a host $is', async (one) => {
    const checks = await examine(one);
    expect(text(checks.find(({ name }) => name === one.check)!)).toBe(one.want);
  });

  it('reads in an order that makes sense, with a fix for all that fails', async () => {
    const checks = await examine({ is: '', check: '', want: '' });
    expect(checks.map(({ name }) => name)).toEqual([
      'data path',
      'rules',
      'configuration',
      'conflicts',
      'foreign IPVS',
      'forwarding',
      'rp_filter',
      'conntrack',
      'firewall',
      'routes',
      'health',
      'gossip',
      'other nodes',
      'networks',
      'br_netfilter',
      'checksums',
      'paths',
    ]);
  });
});
