import { describe, expect, it } from 'vitest';
import type {
  DoctorCheck,
  NetworkInfo,
  PathState,
  PathVerdict,
  Status,
} from '../../../src/api/index.js';
import { examineHost, type OverlayFacts, type RecentFaults } from '../../../src/host/index.js';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import { FakeMesh, goodPath } from '../../support/fake-mesh.js';
import { HostBench } from './bench.js';

interface Case {
  /** What the host is like. */
  readonly is: string;
  readonly check: string;
  /** As `warn: cause`, with ` -> fix` when there is one. */
  readonly want: string;
  readonly networks?: readonly NetworkInfo[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly status?: Partial<Status>;
  readonly underlay?: Partial<OverlayFacts>;
  readonly faults?: Partial<RecentFaults>;
  readonly chains?: FakeKernel['chains'];
  /** By node, this end's verdict and what the other end says of the way, in this end's words. */
  readonly paths?: Readonly<
    Record<string, readonly [PathVerdict, (PathVerdict | 'unknown question')?]>
  >;
  readonly path?: Partial<PathState>;
  readonly problem?: string;
}

const entry = {
  name: '.entry',
  network: 'ingress',
  node: 'a',
  addresses: ['10.255.0.1'],
  mac: '02:4d:0a:ff:00:01',
  services: {},
  isEntry: true,
  sandbox: '',
} as const;
const ingress: NetworkInfo = {
  name: 'ingress',
  vni: 4_096,
  subnets: ['10.255.0.0/16'],
  port: 4_789,
  mtu: 1_450,
  internal: false,
  sealed: false,
  nodes: ['a', 'b'],
  endpoints: [entry],
};
const elsewhere: NetworkInfo = { ...ingress, endpoints: [] };

const bridgeFilter = 'net/bridge/bridge-nf-call-';

const cases: readonly Case[] = [
  {
    is: 'that is on no network',
    check: 'networks',
    networks: [elsewhere],
    want: 'ok: not needed: nothing here is on a network',
  },
  {
    is: 'with room for its networks',
    check: 'networks',
    want: 'ok: ingress over eth1 (1500 bytes)',
  },
  {
    is: 'whose device got smaller',
    check: 'networks',
    underlay: { link: { device: 'eth1', mtu: 1_400 } },
    want: 'fail: eth1 carries 1400 bytes, network ingress needs 1500 (1450 inside) -> ip link set eth1 mtu 1500; or restart meshd, which fits its networks to the device',
  },
  {
    is: 'whose device is too small for IPv6',
    check: 'networks',
    networks: [{ ...ingress, problem: 'mtu 1230: IPv6 needs 1280' }],
    want: 'fail: network ingress: mtu 1230: IPv6 needs 1280 -> meshctl network ls; a larger MTU of the device between the hosts',
  },
  {
    is: 'that lost its address',
    check: 'networks',
    underlay: { link: undefined },
    want: 'warn: ingress: no device has 192.0.2.11 -> mesh.advertise, or the address again',
  },
  {
    is: 'where another program has the port',
    check: 'networks',
    status: {
      reconcile: {
        atMs: 0,
        durationMs: 1,
        ops: 1,
        error: 'set link meshx-4096 vxlan up: address in use (EADDRINUSE)',
      },
    },
    want: "fail: network ingress: another program has UDP 4789 -> ss -lunp 'sport = :4789' names it; or another port: meshctl network create --port",
  },
  {
    is: 'where another device has the VNI',
    check: 'networks',
    status: {
      reconcile: {
        atMs: 0,
        durationMs: 1,
        ops: 1,
        error: 'add link meshx-4096 vxlan: exists (EEXIST)',
      },
    },
    want: 'fail: network ingress: another VXLAN device has VNI 4096 at UDP 4789 -> ip -d link show type vxlan; or another VNI: meshctl network create --vni',
  },
  {
    is: 'without br_netfilter',
    check: 'br_netfilter',
    want: 'ok: bridged packets pass no firewall',
  },
  {
    is: 'with br_netfilter',
    check: 'br_netfilter',
    sysctls: { [`${bridgeFilter}iptables`]: '1', [`${bridgeFilter}ip6tables`]: '1' },
    want: "warn: bridged packets pass this host's firewall and NAT: published ports may fail for ::1 and for tasks that call their own node -> sysctl -w net/bridge/bridge-nf-call-iptables=0 net/bridge/bridge-nf-call-ip6tables=0, unless kube-proxy or Docker's rules rely on it",
  },
  {
    is: 'with a strict underlay',
    check: 'rp_filter',
    sysctls: { 'net/ipv4/conf/eth1/rp_filter': '1', 'net/ipv4/conf/meshb-4096/rp_filter': '2' },
    want: 'warn: strict on eth1: packets are dropped that arrive where their answer would not leave -> sysctl -w net/ipv4/conf/eth1/rp_filter=2, if paths differ',
  },
  {
    is: 'that is strict, but not where it matters',
    check: 'rp_filter',
    sysctls: {
      'net/ipv4/conf/all/rp_filter': '0',
      'net/ipv4/conf/eth1/rp_filter': '2',
      'net/ipv4/conf/eth7/rp_filter': '1',
    },
    want: 'ok: not strict for all interfaces',
  },
  {
    is: 'with Docker',
    check: 'firewall',
    chains: [{ name: 'ip filter FORWARD', hook: 'forward' }],
    want: 'warn: drops what no rule accepts: ip filter FORWARD (forward) -> accept the VIPs on input, and forwarding to the destinations, and from and to meshb-4096, e.g. in DOCKER-USER',
  },
  {
    is: 'with whole packets',
    check: 'checksums',
    want: 'ok: 0 UDP packets with a wrong checksum in 60 s',
  },
  {
    is: 'with some damaged packets',
    check: 'checksums',
    faults: { udpChecksums: 3 },
    want: 'ok: 3 UDP packets with a wrong checksum in 60 s, and nothing is lost',
  },
  {
    is: 'with damaged packets that nobody answers',
    check: 'checksums',
    faults: { udpChecksums: 31 },
    paths: { b: ['lost'] },
    want: 'fail: 31 UDP packets with a wrong checksum in 60 s, while packets of b are lost -> ethtool -K DEVICE tx-checksum-ip-generic off on b: checksum offload',
  },
  {
    is: 'that is not on ingress',
    check: 'paths',
    networks: [elsewhere],
    want: 'ok: not needed: this node is not on the network ingress',
  },
  {
    is: 'that reaches all',
    check: 'paths',
    paths: { b: ['ok'], c: ['ok'], d: ['unknown'] },
    want: 'ok: small packets and those of 1450 bytes to b, c, answers within 0.5 ms; not known yet: d',
  },
  {
    is: 'without others',
    check: 'paths',
    paths: {},
    want: 'ok: no other node is on the network ingress',
  },
  {
    is: 'that cannot try',
    check: 'paths',
    problem: 'listen for probes on 10.255.0.1:7951: EADDRINUSE',
    want: "warn: not known: listen for probes on 10.255.0.1:7951: EADDRINUSE -> ss -lunp 'sport = :7951'",
  },
  {
    is: 'whose packets do not arrive at two others',
    check: 'paths',
    paths: { b: ['lost out'], c: ['lost out'], d: ['ok'] },
    want: "fail: a -> b, c: no packet arrives there, though theirs arrive here and gossip gets through -> let UDP 4789 out of this host and into theirs, and UDP 7951 on the networks' bridge; tcpdump -ni eth1 host 192.0.2.12 and udp port 4789, here and there",
  },
  {
    is: 'that keeps its packets back itself',
    check: 'paths',
    paths: { b: ['lost out'] },
    faults: { unsent: new Map([['meshx-4096', 57]]) },
    want: 'fail: a -> b: no packet arrives there, though theirs arrive here and gossip gets through -> this host itself kept back 57 packets of meshx-4096: look first at its output chains, nft list ruleset; let UDP 4789 out',
  },
  {
    is: 'that hears nothing of one that hears it',
    check: 'paths',
    paths: { b: ['lost', 'lost in'] },
    want: "fail: b -> a: no packet arrives here, though ours arrive there and gossip gets through -> let UDP 4789 out of theirs and into this host, and UDP 7951 on the networks' bridge; tcpdump -ni eth1 host 192.0.2.12 and udp port 4789, here and there",
  },
  {
    is: 'that neither hears nor is heard',
    check: 'paths',
    paths: { c: ['lost', 'lost'] },
    want: "fail: a <-> c: no packet arrives any more, either way, though gossip gets through -> let UDP 4789 both ways, and UDP 7951 on the networks' bridge; tcpdump -ni eth1 host fd00::13 and udp port 4789, here and there",
  },
  {
    is: 'that never heard of one that says nothing',
    check: 'paths',
    paths: { b: ['silent'] },
    want: "fail: b -> a: no packet ever arrived (no answer) -> let UDP 4789 both ways, and UDP 7951 on the networks' bridge; tcpdump -ni eth1 host 192.0.2.12 and udp port 4789, here and there",
  },
  {
    is: 'beside one that does not try',
    check: 'paths',
    paths: { b: ['silent', 'unknown question'] },
    want: 'warn: b -> a: no packet ever arrived (node b: does not know the question "path") -> a newer meshd on b: the one there does not try the way',
  },
  {
    is: 'without the address that it should have',
    check: 'paths',
    problem: 'listen for probes on 10.255.0.1:7951: bind EADDRNOTAVAIL 10.255.0.1:7951',
    want: 'warn: not known: listen for probes on 10.255.0.1:7951: bind EADDRNOTAVAIL 10.255.0.1:7951 -> meshctl diff: is the address there?',
  },
  {
    is: 'that large packets leave in vain',
    check: 'paths',
    paths: { b: ['large lost out'] },
    want: 'fail: a -> b: packets of 1450 bytes (1500 between the hosts) do not arrive, small ones do -> something between the hosts carries less than 1500 bytes (ping -M do -s 1472 192.0.2.12): raise its MTU, or lower that of eth1 on all hosts and restart meshd',
  },
  {
    is: 'that is not narrow, but others are',
    check: 'paths',
    paths: { b: ['large lost'] },
    path: { peerMtu: 1_400 },
    want: 'warn: a <-> b: packets of 1450 bytes (1500 between the hosts) do not arrive, small ones do -> one MTU for all hosts: packets here have 1450 bytes, those there 1400; TCP gets along',
  },
  {
    is: 'with IPv6 trouble alone',
    check: 'paths',
    paths: { b: ['large lost in'] },
    path: { family: 6 },
    want: 'fail: a <- b: packets of IPv6 of 1450 bytes (1500 between the hosts) do not arrive, small ones do -> something between the hosts carries less than 1500 bytes (ping -M do -s 1472 192.0.2.12): raise its MTU, or lower that of eth1 on all hosts and restart meshd',
  },
  {
    is: 'with several troubles',
    check: 'paths',
    paths: { b: ['large lost'], c: ['lost out'] },
    want: "fail: a -> c: no packet arrives there, though theirs arrive here and gossip gets through; a <-> b: packets of 1450 bytes (1500 between the hosts) do not arrive, small ones do -> let UDP 4789 out of this host and into theirs, and UDP 7951 on the networks' bridge; tcpdump -ni eth1 host fd00::13 and udp port 4789, here and there",
  },
];

async function examine(one: Case): Promise<DoctorCheck[]> {
  const kernel = new FakeKernel();
  kernel.chains = one.chains ?? [];
  const bench = await new HostBench({ kernel }).start();
  const { controller, table, health } = bench;
  const faults = {
    udpChecksums: 0,
    unsent: new Map<string, number>(),
    overMs: 60_000,
    ...one.faults,
  };
  const link = { device: 'eth1', mtu: 1_500 };
  return examineHost({
    controller,
    table,
    kernel,
    health,
    status: async () => ({ ...(await bench.backend.status()), ...one.status }),
    sysctl: (name) => Promise.resolve(one.sysctls?.[name]),
    mesh: meshOf(one),
    networks: { list: () => one.networks ?? [ingress] },
    underlay: () => Promise.resolve({ vtep: '192.0.2.11', link, faults, ...one.underlay }),
  });
}

function meshOf({ paths = {}, path, problem }: Case): FakeMesh {
  const mesh = new FakeMesh();
  mesh.pathProblem = problem;
  mesh.pathStates = Object.entries(paths).map(([node, [verdict]]) => {
    return { ...goodPath, node, verdict, ...path };
  });
  for (const [node, [, said]] of Object.entries(paths)) {
    if (said !== undefined) mesh.saidOfPath.set(node, said);
  }
  return mesh;
}

function text({ state, cause, fix }: DoctorCheck): string {
  return `${state}: ${cause}${fix === '' ? '' : ` -> ${fix}`}`;
}

describe('examineHost, under its networks', () => {
  it.each(cases)('$check of a host $is', async (one) => {
    const checks = await examine(one);
    expect(text(checks.find(({ name }) => name === one.check)!)).toBe(one.want);
  });
});
