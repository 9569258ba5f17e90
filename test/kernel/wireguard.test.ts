/** Two hosts with a sealed overlay network between them: what the rules make of packets. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { errnoName, openLinuxKernel, type Kernel } from '../../src/kernel/index.js';
import {
  ruleKey,
  type Op,
  type Rule,
  type RuleSet,
  type WireguardPeerRule,
} from '../../src/model/index.js';
import { allKeys, diff } from '../../src/rules/index.js';
import { add, remove } from '../kernel-contract/rules.js';
import { device, keyOf, link, peer } from '../kernel-contract/wireguard-cases.js';
import { TestNamespace } from '../support/namespace.js';

interface Host {
  readonly box: TestNamespace;
  readonly kernel: Kernel;
  readonly number: number;
}

const vxlanPort = 4789;
const vxlan = 'mesh-x1';
let near: Host;
let far: Host;

beforeEach(async () => {
  const hosts: Host[] = [];
  for (const number of [1, 2]) {
    const box = new TestNamespace();
    hosts.push({ box, kernel: await openLinuxKernel({ netns: box.path }), number });
  }
  [near, far] = hosts as [Host, Host];
  near.box.ip(`link add eth0 type veth peer name eth0 netns ${far.box.name}`);
  for (const { box, number } of hosts) {
    box.ip('link set eth0 up');
    box.ip(`addr add 192.0.2.${number}/24 dev eth0`);
  }
});
afterEach(async () => {
  for (const { kernel, box } of [near, far]) {
    await kernel.close();
    await box.close();
  }
});

describe('a sealed network', () => {
  it('carries packets, and none of them in the clear', async () => {
    countClear();
    await settleAll();
    expect(ping('-c3')).toContain(' 0% packet loss');
    expect(clear()).toBe(0);
    for (const { kernel, box } of [near, far]) {
      const [state, ...none] = await kernel.wireguardPeers();
      expect(none).toEqual([]);
      expect(state!.handshakeAgeS).toBeLessThan(120);
      expect(state!.receivedBytes).toBeGreaterThan(300);
      const shown = box.ipJson('-d link show meshw-0')[0];
      expect(shown).toMatchObject({ linkinfo: { info_kind: 'wireguard' }, mtu: 1440 });
    }
    expect(await ops(near, rulesOf(near, far))).toEqual([]);
  });

  it('goes no other way when its own is gone, if the others end in a blackhole', async () => {
    countClear();
    for (const { box, number } of [near, far]) box.ip(`addr add fd05::${number}/64 dev eth0 nodad`);
    near.box.ip('route add default via fd05::2 dev eth0');
    await settleAll();
    const rules = rulesOf(near, far);
    const withoutWay = new Map([...rules].filter(([, { kind }]) => kind !== 'route'));
    expect(await settle(near, withoutWay)).toEqual([]);
    ping('-c1'); // The answer is sealed, the question was not.
    expect(clear()).toBe(1);
    const end = { kind: 'route', type: 'blackhole', destination: 'fd00::/64', table: 254 } as const;
    expect(await settle(near, new Map([...withoutWay, [ruleKey(end), end]]))).toEqual([]);
    expect(() => ping('-c1 -W0.3')).toThrow();
    expect(await settle(near, new Map([...rules, [ruleKey(end), end]]))).toEqual([]);
    expect(ping('-c1')).toContain('1 received');
    expect(clear()).toBe(1);
  });

  it('follows a peer that moves, and does not send it back', async () => {
    await settleAll();
    expect(ping('-c1')).toContain('1 received');
    near.box.ip('addr add 192.0.2.9/24 dev eth0');
    near.box.ip('addr del 192.0.2.1/24 dev eth0');
    near.box.ip('addr add 192.0.2.9/24 dev eth0');
    expect(ping('-c3 -i0.2')).toContain(' 0% packet loss');
    expect((await far.kernel.wireguardPeers())[0]!.endpoint!.address).toBe('192.0.2.9');
    expect(await ops(far, rulesOf(far, near))).toEqual([]);
  });

  it('changes all its keys without losing a packet', async () => {
    await settleAll();
    expect(ping('-c1')).toContain('1 received');
    const words = `netns exec ${near.box.name} ping -n -i 0.01 10.1.0.2`.split(' ');
    const stream = spawn('ip', words);
    onTestFinished(() => void stream.kill('SIGKILL'));
    const said = text(stream.stdout);
    await once(stream.stdout, 'readable');
    for (const next of [1, 2]) {
      // First everybody takes packets by the new keys, and nobody sends any.
      await settleAll([next - 1, next], next - 1);
      // A session proves that both know each other's new key, before anything relies on it.
      for (const host of [near, far]) await session(host, `meshw-${next}`);
      await settleAll([next - 1, next], next);
      await settleAll([next], next);
    }
    expect(ping('-c1')).toContain('1 received');
    stream.kill('SIGINT');
    // All were answered, save perhaps the one that was on its way in the end.
    const answered = [...(await said).matchAll(/icmp_seq=(\d+)/g)].map(([, seq]) => Number(seq));
    expect(answered.length).toBeGreaterThan(20);
    expect(answered).toEqual(answered.map((_, i) => i + 1));
  });
});

describe('devices', () => {
  it('read whole, however much they hold', async () => {
    const many = Array.from({ length: 1500 }, (_, i) => `fd00::${(i + 1).toString(16)}/128`).sort();
    const peers: WireguardPeerRule[] = [{ ...peer, allowedIps: many }];
    for (let byte = 3; byte < 200; byte++) {
      const { publicKey } = keyOf(byte);
      peers.push({ ...peer, publicKey, allowedIps: [`fd01::${byte}/128`], keepaliveS: byte });
    }
    expect(await near.kernel.apply([add(link), ...peers.map(add)])).toEqual([]);
    const { own } = await near.kernel.observe({ sysctls: [] });
    for (const one of peers) expect(own.get(ruleKey(one))).toEqual(one);
    expect(own.size).toBe(peers.length + 1 + settings(own));
  });

  it('get no port that another has, and then no key either', async () => {
    const second = { ...link, name: 'meshw-1', up: true };
    const refused = await apply(
      add({ ...link, up: true }),
      add(device),
      add(second),
      add({ ...device, device: second.name }),
    );
    expect(refused).toEqual(['3 EADDRINUSE']);
    const { own } = await near.kernel.observe({ sysctls: [] });
    expect(own.has('wireguard meshw-1')).toBe(false);
  });

  it('of others are not looked at', async () => {
    near.box.ip('link add wg0 type wireguard');
    expect(await near.kernel.wireguardPeers()).toEqual([]);
    expect(await apply(remove(link))).toEqual(['0 ENODEV']);
  });
});

const apply = async (...all: Op[]): Promise<string[]> =>
  (await near.kernel.apply(all)).map(({ index, error }) => `${index} ${errnoName(error.errno)}`);

const pairs = (): [Host, Host][] => [
  [near, far],
  [far, near],
];

/** From now on `clear` says how many packets of VXLAN came to `far` as they are. */
function countClear(): void {
  far.box.run('nft add table inet t');
  far.box.run('nft add chain inet t c { type filter hook input priority 0 ; }');
  far.box.run(`nft add rule inet t c iifname eth0 udp dport ${vxlanPort} counter`);
}

function clear(): number {
  return Number(/packets (\d+)/.exec(far.box.run('nft list table inet t'))![1]);
}

function ping(options: string): string {
  return near.box.run(`ping -n -W2 ${options} 10.1.0.2`);
}

const address = ({ number }: Host): string => `fd00::${number}`;
const mac = ({ number }: Host): string => `02:42:0a:01:00:0${number}`;

/** What a host holds whose devices are those of generations `held`, and that sends by `used`. */
function rulesOf(own: Host, other: Host, held: readonly number[] = [0], used = 0): RuleSet {
  const rules: Rule[] = [
    ...held.flatMap((generation) => deviceRules(own, other, generation)),
    {
      kind: 'route',
      type: 'unicast',
      destination: `${address(other)}/128`,
      table: 254,
      device: `meshw-${used}`,
      // Not that of the generation before: the two are there together for a moment.
      metric: 100 + (used % 2),
    },
    {
      kind: 'link',
      name: vxlan,
      type: 'vxlan',
      up: true,
      mtu: 1370,
      mac: mac(own),
      vxlan: { vni: 4097, port: vxlanPort, local: address(own), proxy: true },
    },
    { kind: 'address', device: vxlan, prefix: `10.1.0.${own.number}/24` },
    { kind: 'neighbor', device: vxlan, address: `10.1.0.${other.number}`, mac: mac(other) },
    { kind: 'fdb', device: vxlan, mac: mac(other), vtep: address(other) },
  ];
  return new Map(rules.map((rule) => [ruleKey(rule), rule]));
}

/** Each generation has other keys and another port, and the same address. */
function deviceRules(own: Host, other: Host, generation: number): Rule[] {
  const device = `meshw-${generation}`;
  const port = 51820 + generation;
  const privateKey = keyOf(10 * generation + own.number);
  const { publicKey } = keyOf(10 * generation + other.number);
  return [
    { kind: 'link', name: device, type: 'wireguard', up: true, mtu: 1440 },
    { kind: 'wireguard', device, publicKey: privateKey.publicKey, privateKey, port },
    {
      kind: 'wireguard-peer',
      device,
      publicKey,
      endpoint: { address: `192.0.2.${other.number}`, port },
      allowedIps: [`${address(other)}/128`],
      keepaliveS: 25,
    },
    { kind: 'address', device, prefix: `${address(own)}/128` },
  ];
}

async function settleAll(held: readonly number[] = [0], used = 0): Promise<void> {
  for (const [own, other] of pairs()) {
    expect(await settle(own, rulesOf(own, other, held, used))).toEqual([]);
  }
}

async function settle(host: Host, rules: RuleSet): Promise<string[]> {
  const failures = await host.kernel.apply(await ops(host, rules));
  return failures.map(({ error }) => error.message);
}

async function ops({ kernel }: Host, rules: RuleSet): Promise<Op[]> {
  const { own } = await kernel.observe({ sysctls: [], withoutVirtualServices: true });
  return diff(rules, own, allKeys(rules, own)).filter(
    ({ target }) => target.kind !== 'ipvs-timeouts',
  );
}

/** Resolves when a peer of the device has answered; each look is an exchange with the kernel. */
async function session({ kernel }: Host, name: string): Promise<void> {
  for (;;) {
    const states = await kernel.wireguardPeers();
    if (states.some((state) => state.device === name && state.handshakeAgeS !== undefined)) return;
  }
}

function settings(own: RuleSet): number {
  return [...own.values()].filter(({ kind }) => kind === 'ipvs-timeouts').length;
}
