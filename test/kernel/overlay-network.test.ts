/** Two hosts and two sandboxes: what the rules of an overlay network make of packets. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errnoName, openLinuxKernel, type Kernel } from '../../src/kernel/index.js';
import { familyOf, ruleKey, type Rule, type RuleSet } from '../../src/model/index.js';
import { allKeys, diff } from '../../src/rules/index.js';
import { TestNamespace } from '../support/namespace.js';

/** An endpoint: where it lies, and how others reach it. */
interface Endpoint {
  readonly host: TestNamespace;
  readonly box: TestNamespace;
  readonly vtep: string;
  readonly mac: string;
  readonly addresses: readonly [string, string];
}

/** Of frames that a vxlan device sends: 50 bytes more over IPv4, 70 over IPv6. */
const mtu = 1430;
const port = 4789;
let namespaces: TestNamespace[];
let kernels: Map<TestNamespace, Kernel>;
let near: Endpoint;
let far: Endpoint;

describe.each(['IPv4', 'IPv6'])('an overlay network over %s', (over) => {
  beforeEach(async () => {
    namespaces = [1, 2, 3, 4].map(() => new TestNamespace());
    const [hostA, hostB, boxA, boxB] = namespaces as [
      TestNamespace,
      TestNamespace,
      TestNamespace,
      TestNamespace,
    ];
    near = endpoint(hostA, boxA, over === 'IPv4' ? '192.0.2.1' : 'fd05::1', 1);
    far = endpoint(hostB, boxB, over === 'IPv4' ? '192.0.2.2' : 'fd05::2', 2);
    hostA.ip(`link add eth0 type veth peer name eth0 netns ${hostB.name}`);
    for (const { host, vtep } of [near, far]) {
      host.ip('link set eth0 up');
      host.ip(
        over === 'IPv4' ? `addr add ${vtep}/24 dev eth0` : `addr add ${vtep}/64 dev eth0 nodad`,
      );
    }
    hostB.run('nft add table inet t');
    hostB.run('nft add chain inet t c { type filter hook input priority 0 ; }');
    hostB.run(`nft add rule inet t c udp dport ${port} counter`);
    kernels = new Map();
    for (const each of namespaces) kernels.set(each, await openLinuxKernel({ netns: each.path }));
  });
  afterEach(async () => {
    for (const kernel of kernels.values()) await kernel.close();
    for (const each of namespaces) await each.close();
  });

  it('carries IPv4 and IPv6, whichever side of a pair comes first', async () => {
    expect(await settle(near.box, rulesOfBox(near))).toContain('0 ENODEV');
    await settleAll();
    for (const address of far.addresses) {
      expect(near.box.run(`ping -n -c2 -i0.2 -W2 ${address}`)).toContain('2 received');
      expect(await download(address)).toBe(bodyBytes);
    }
    // All of it is as asked for: nothing is left to do, nothing to take away.
    expect(await ops(near.host, rulesOfHost(near, far))).toEqual([]);
    expect(await ops(near.box, rulesOfBox(near))).toEqual([]);
  });

  it('sends nothing to anybody for addresses that it does not know', async () => {
    await settleAll();
    expect(received()).toBe(0); // Neither for what the kernel says when devices go up.
    const dev = 'mesh-e0';
    near.box.ip(`neigh add 10.1.0.98 dev ${dev} lladdr 02:42:0a:01:00:62 nud permanent`);
    const silent = ['10.1.0.99', 'fd01::99', '10.1.0.98', '-b 10.1.0.255', `ff02::99%${dev}`];
    for (const target of silent) {
      expect(() => near.box.run(`ping -n -c1 -W0.3 ${target}`), target).toThrow();
    }
    expect(received()).toBe(0);
    for (const [i, address] of far.addresses.entries()) {
      near.box.run(`ping -n -c1 -W2 ${address}`);
      expect(received()).toBe(i + 1); // The request alone: nobody had to be asked for the MAC.
    }
  });

  it('reaches nobody whose neighbor or forwarding entry is gone', async () => {
    await settleAll();
    const [address] = far.addresses;
    const rules = rulesOfHost(near, far);
    for (const kind of ['fdb', 'neighbor']) {
      const some = new Map([...rules].filter(([, rule]) => rule.kind !== kind));
      expect(await settle(near.host, some)).toEqual([]);
      near.box.ip('neigh flush dev mesh-e0');
      expect(() => near.box.run(`ping -n -c1 -W0.3 ${address}`)).toThrow();
      // With it goes the packet that waits for an answer.
      near.box.ip('neigh flush dev mesh-e0');
      expect(await settle(near.host, rules)).toEqual([]);
      expect(near.box.run(`ping -n -c2 -i0.2 -W2 ${address}`)).toContain(' 0% packet loss');
    }
    expect(received()).toBe(4);
  });

  it('goes as it came, from either side of a pair', async () => {
    await settleAll();
    expect(await settle(near.box, new Map())).toEqual([]);
    expect((await observed(near.host)).has('link mesh-v1')).toBe(false);
    expect(await settle(near.host, rulesOfHost(near, far))).toEqual([]);
    expect(await settle(near.box, rulesOfBox(near))).toEqual([]);
    expect(near.box.run(`ping -n -c1 -W2 ${far.addresses[1]}`)).toContain('1 received');
    expect(await settle(near.host, new Map())).toEqual([]);
    expect(near.box.ipJson('link show').map(({ ifname }) => ifname)).toEqual(['lo']);
    expect((await observed(near.box)).size).toBe(0);
  });
});

function endpoint(host: TestNamespace, box: TestNamespace, vtep: string, i: number): Endpoint {
  return { host, box, vtep, mac: `02:42:0a:01:00:0${i}`, addresses: [`10.1.0.${i}`, `fd01::${i}`] };
}

function rulesOfHost(own: Endpoint, other: Endpoint): RuleSet {
  const link = { kind: 'link', up: true, mtu } as const;
  return ruleSet([
    { ...link, name: 'mesh-b1', type: 'bridge', mac: '02:42:0a:01:ff:01' },
    {
      ...link,
      name: 'mesh-x1',
      type: 'vxlan',
      master: 'mesh-b1',
      vxlan: { vni: 4097, port, local: own.vtep, proxy: true },
    },
    {
      ...link,
      name: 'mesh-v1',
      type: 'veth',
      master: 'mesh-b1',
      peer: { name: 'mesh-e0', mac: own.mac, netns: own.box.path },
    },
    { kind: 'fdb', device: 'mesh-x1', mac: other.mac, vtep: other.vtep },
    ...other.addresses.map((address): Rule => ({
      kind: 'neighbor',
      device: 'mesh-x1',
      address,
      mac: other.mac,
    })),
  ]);
}

function rulesOfBox({ mac, addresses }: Endpoint): RuleSet {
  return ruleSet([
    { kind: 'link', name: 'mesh-e0', type: 'veth-end', up: true, mtu, mac },
    ...addresses.map((address): Rule => {
      const prefix = `${address}/${familyOf(address) === 4 ? 24 : 64}`;
      return { kind: 'address', device: 'mesh-e0', prefix };
    }),
  ]);
}

function ruleSet(rules: readonly Rule[]): RuleSet {
  return new Map(rules.map((rule) => [ruleKey(rule), rule]));
}

async function observed(where: TestNamespace): Promise<RuleSet> {
  const options = { sysctls: [], withoutVirtualServices: true };
  return (await kernels.get(where)!.observe(options)).own;
}

async function ops(where: TestNamespace, desired: RuleSet): Promise<ReturnType<typeof diff>> {
  const held = await observed(where);
  return diff(desired, held, allKeys(desired, held));
}

/** Makes it so; what was refused. */
async function settle(where: TestNamespace, desired: RuleSet): Promise<string[]> {
  const failures = await kernels.get(where)!.apply(await ops(where, desired));
  return failures.map(({ index, error }) => `${index} ${errnoName(error.errno)}`);
}

async function settleAll(): Promise<void> {
  for (const [own, other] of [
    [near, far],
    [far, near],
  ] as const) {
    expect(await settle(own.host, rulesOfHost(own, other))).toEqual([]);
    expect(await settle(own.box, rulesOfBox(own))).toEqual([]);
  }
  // Linux activates a device some time after it got its carrier; until then packets are lost.
  await expect.poll(inactive, { timeout: 5000 }).toEqual([]);
}

function inactive(): unknown[] {
  const links = namespaces.flatMap((each) => each.ipJson('link show'));
  return links.filter(({ operstate }) => operstate === 'DOWN' || operstate === 'LOWERLAYERDOWN');
}

/** Packets of the overlay that came to the far host. */
function received(): number {
  const text = far.host.run('nft list chain inet t c');
  return Number(/counter packets (\d+)/.exec(text)![1]);
}

const bodyBytes = 300_000;

/** Bytes that the near sandbox gets from a server in the far one. */
async function download(address: string): Promise<number> {
  const serve = `require('http').createServer((_, r) => r.end(Buffer.alloc(${bodyBytes}))).listen(80, '${address}', () => console.log('up'))`;
  const inside = ['netns', 'exec', far.box.name, process.execPath, '-e', serve];
  const server = spawn('ip', inside, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data');
    const host = familyOf(address) === 4 ? address : `[${address}]`;
    return near.box.run(`curl -s -g -m 10 http://${host}/`).length;
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}
