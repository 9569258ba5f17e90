/** What becomes of packets where nftables balances. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openLinuxKernel, type Kernel } from '../../src/kernel/index.js';
import { formatRule, ruleKey, type Op, type VirtualServiceRule } from '../../src/model/index.js';
import { add, destination, of, remove, service, set } from '../kernel-contract/rules.js';
import { TestNamespace } from '../support/namespace.js';
import { Talker } from '../support/talkers.js';

/** A client and two servers, each on a link of its own with `here`, which balances. */
let here: TestNamespace;
let client: TestNamespace;
let kernel: Kernel;
let caller: Talker;
let spaces: TestNamespace[];
let talkers: Talker[];

const tcp4 = { protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
const tcp6 = { protocol: 'tcp', address: 'fd96::1', port: 80 } as const;
const udp4 = { protocol: 'udp', address: '10.96.0.1', port: 53 } as const;
const mark4 = { fwmark: 0x101, family: 4 } as const;
const one = destination('10.0.1.2');
const two = destination('10.0.2.2');

/** Once for all tests: in a virtual machine the processes take most of the time. */
beforeAll(async () => {
  spaces = ['here', 'client', 's1', 's2'].map(() => new TestNamespace());
  [here, client] = spaces as [TestNamespace, TestNamespace];
  for (const space of spaces) space.run('sysctl -qw net.ipv6.conf.default.accept_dad=0');
  here.run('sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
  for (const [i, space] of spaces.slice(1).entries()) {
    here.ip(`link add v${i} type veth peer name e0 netns ${space.name}`);
    here.ip(`address add 10.0.${i}.1/24 dev v${i}`);
    here.ip(`address add fd00:${i}::1/64 dev v${i} nodad`);
    here.ip(`link set v${i} up`);
    space.ip(`address add 10.0.${i}.2/24 dev e0`);
    space.ip(`address add fd00:${i}::2/64 dev e0 nodad`);
    space.ip('link set e0 up');
    space.ip(`route add default via 10.0.${i}.1`);
    space.ip(`route add default via fd00:${i}::1`);
  }
  here.ip('address add 10.96.0.1/32 dev lo');
  here.ip('address add fd96::1/128 dev lo');
  talkers = await Promise.all(spaces.slice(2).map((space, i) => Talker.serve(space, `s${i + 1}`)));
  caller = talk(client);
});
afterAll(async () => {
  for (const talker of talkers) await talker.end();
  for (const space of spaces.toReversed()) await space.close();
});

beforeEach(async () => {
  kernel = await openLinuxKernel({ netns: here.path, balancer: 'nftables' });
});
/** A service that is removed takes its connections along. */
afterEach(async () => {
  const { own } = await kernel.observe({ sysctls: [] });
  const services = [...own.values()].filter((rule) => rule.kind === 'virtual-service');
  await apply(...services.map(remove));
  await kernel.close();
  here.run('nft flush ruleset');
});

function talk(space: TestNamespace): Talker {
  const talker = Talker.client(space);
  talkers.push(talker);
  return talker;
}

async function apply(...ops: Op[]): Promise<void> {
  expect((await kernel.apply(ops)).map(({ error }) => error.message)).toEqual([]);
}

/** How many of `times` requests each server answered. */
async function counts(order: string, times: number, by = caller): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const name = (await by.tell(order)).split(' ')[0]!;
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

const web = service(tcp4, { destinations: [{ ...one, weight: 3 }, two] });

it('balances in proportion to weights; servers see the client', async () => {
  await apply(add(web));
  expect(await counts('ask tcp 10.96.0.1 80', 16)).toEqual({ s1: 12, s2: 4 });
  expect(await caller.tell('ask tcp 10.96.0.1 80')).toMatch(/^s. 10\.0\.0\.2$/);
});

it('balances IPv6', async () => {
  const destinations = [destination('fd00:1::2'), destination('fd00:2::2')];
  await apply(add(service(tcp6, { scheduler: 'rr', destinations })));
  expect(await counts('ask tcp fd96::1 80', 6)).toEqual({ s1: 3, s2: 3 });
  expect(await caller.tell('ask tcp fd96::1 80')).toMatch(/^s. fd00::2$/);
});

it('a hash keeps a client, also when another destination comes', async () => {
  await apply(add(service(tcp4, { scheduler: 'mh', destinations: [one, two] })));
  for (let i = 10; i < 30; i++) client.ip(`address add 10.0.0.${i}/24 dev e0`);
  const choices = async (): Promise<string[]> => {
    const found: string[] = [];
    for (let i = 10; i < 30; i++) {
      found.push((await caller.tell(`ask tcp 10.96.0.1 80 10.0.0.${i}`)).split(' ')[0]!);
    }
    return found;
  };
  const before = await choices();
  expect(new Set(before)).toEqual(new Set(['s1', 's2']));
  expect(await choices()).toEqual(before);
  await apply(
    add(of(web, destination('10.0.1.2', { port: 8080, weight: 0, address: '10.0.9.9' }))),
  );
  expect(await choices()).toEqual(before);
});

it('weight 0 takes no new connections, open ones go on', async () => {
  await apply(add(service(tcp4, { scheduler: 'rr', destinations: [one] })));
  expect(await caller.tell('open tcp 10.96.0.1 80')).toContain('s1');
  await apply(add(of(web, two)), set(of(web, { ...one, weight: 0 })));
  expect(await counts('ask tcp 10.96.0.1 80', 4)).toEqual({ s2: 4 });
  expect(await caller.tell('again')).toContain('s1');
  const [counters] = await kernel.counters();
  expect(counters?.destinations.map(({ connections, active }) => [connections, active])).toEqual([
    [1, 1],
    [4, expect.any(Number) as number],
  ]);
  expect(counters?.inPackets).toBeGreaterThan(10);
  expect(counters?.outBytes).toBeGreaterThan(500);
});

it('removing a destination cuts its connections, and datagrams move on', async () => {
  const names = service(udp4, {
    scheduler: 'rr',
    destinations: [
      { ...one, port: 5300 },
      { ...two, port: 5300, weight: 0 },
    ],
  });
  await apply(add(service(tcp4, { scheduler: 'rr', destinations: [one] })), add(names));
  const other = talk(client);
  expect(await caller.tell('open tcp 10.96.0.1 80')).toContain('s1');
  expect(await other.tell('open udp 10.96.0.1 53')).toContain('s1');
  expect((await kernel.connections({ limit: 10 })).map(({ state }) => state).sort()).toEqual([
    'ESTABLISHED',
    'UDP',
  ]);
  await apply(
    set(of(names, { ...two, port: 5300 })),
    add(of(web, two)),
    remove(of(names, { ...one, port: 5300 })),
    remove(of(web, one)),
  );
  expect(await other.tell('again')).toContain('s2');
  expect(await caller.tell('again')).toMatch(/closed|ConnectionResetError/);
  expect(await caller.tell('ask tcp 10.96.0.1 80')).toContain('s2');
});

it('removing a service cuts its connections, and nobody refuses', async () => {
  await apply(add(service(tcp4, { destinations: [one] })));
  expect(await caller.tell('open tcp 10.96.0.1 80')).toContain('s1');
  await apply(remove(web), add(service(tcp4)));
  expect(await caller.tell('again')).toMatch(/closed|ConnectionResetError|TimeoutError/);
  expect(await caller.tell('ask tcp 10.96.0.1 80')).toBe('ConnectionRefusedError');
});

it('affinity keeps a client until its destination has no weight', async () => {
  await apply(add(service(tcp4, { ...web, scheduler: 'rr', affinityTimeoutS: 60 })));
  const [first] = Object.keys(await counts('ask tcp 10.96.0.1 80', 1));
  expect(await counts('ask tcp 10.96.0.1 80', 5)).toEqual({ [first!]: 5 });
  const [template] = await kernel.connections({
    limit: 9,
    filter: ({ state }) => state === 'NONE',
  });
  expect(template).toMatchObject({ client: '10.0.0.2', clientPort: 0, virtual: '10.96.0.1' });
  const chosen = first === 's1' ? one : two;
  await apply(set(of(web, { ...chosen, weight: 0 })));
  expect(await counts('ask tcp 10.96.0.1 80', 3)).toEqual({ [first === 's1' ? 's2' : 's1']: 3 });
});

describe('services by mark', () => {
  const marked = service(mark4, { scheduler: 'rr', destinations: [one, two] });

  it('of packets that come in, with another port', async () => {
    here.run('nft -f -', markRule('prerouting', 'filter', 'ip daddr 10.0.0.1 tcp dport 81'));
    await apply(add(marked));
    expect(await counts('ask tcp 10.0.0.1 81', 4)).toEqual({ s1: 2, s2: 2 });
  });

  it('of a process here, by an address that is here', async () => {
    here.run('nft -f -', markRule('output', 'route', 'ip daddr 10.96.0.9 tcp dport 8080'));
    here.ip('route add local 10.96.0.9 dev lo src 10.0.1.1');
    await apply(add(service(mark4, { ...marked, destinations: [{ ...one, port: 0 }] })));
    const local = talk(here);
    expect(await local.tell('ask tcp 10.96.0.9 8080')).toBe('s1 10.0.1.1');
  });

  it('of a task that is a destination itself', async () => {
    const task = spaces[2]!;
    task.run('nft -f -', markRule('output', 'route', 'ip daddr 10.96.0.9'));
    task.ip('route add local 10.96.0.9 dev lo src 10.0.1.2');
    const own = await openLinuxKernel({ netns: task.path, balancer: 'nftables' });
    const both = [one, two].map((each) => ({ ...each, port: 0 }));
    const rule = service(mark4, { scheduler: 'rr', destinations: both });
    expect(await own.apply([add(rule)])).toEqual([]);
    const local = talk(task);
    expect(await counts('ask tcp 10.96.0.9 8080', 4, local)).toEqual({ s1: 2, s2: 2 });
    expect(await local.tell('ask udp 10.96.0.9 5300')).toMatch(/^s. 10\.0\.1\.2$/);
    await own.close();
  });

  function markRule(hook: string, type: string, what: string): string {
    const chain = `type ${type} hook ${hook} priority -150\n${what} meta mark set 0x101`;
    return `table inet marks {\nchain c {\n${chain}\n}\n}\n`;
  }
});

describe('what somebody else changed', () => {
  const all: VirtualServiceRule[] = [
    web,
    service(tcp6, { affinityTimeoutS: 30, affinityPrefix: 64, scheduler: 'sh' }),
    service(mark4, { destinations: [{ ...one, port: 0 }] }),
  ];
  const held = async (): Promise<string[]> =>
    [...(await kernel.observe({ sysctls: [] })).own.values()].map(formatRule).sort();

  it('is read by another process as it was made', async () => {
    await apply(...all.map(add));
    const before = await held();
    await kernel.close();
    kernel = await openLinuxKernel({ netns: here.path, balancer: 'nftables' });
    expect(await held()).toEqual(before);
    expect(before).toEqual(all.map(formatRule).sort());
  });

  it.each([
    'flush chain inet meshd-lb tcp-10.96.0.1-80',
    'flush chain inet meshd-lb tcp-10.96.0.1-80/10.0.1.2-8080',
    'insert rule inet meshd-lb tcp-10.96.0.1-80 drop',
    'delete element inet meshd-lb services4 { 10.96.0.1 . tcp . 80 }',
    'flush chain inet meshd-lb prerouting',
    'delete table inet meshd-lb',
  ])('shows, and is made again: nft %s', async (damage) => {
    await apply(...all.map(add));
    const before = await held();
    here.run(`nft ${damage}`);
    const { own } = await kernel.observe({ sysctls: [] });
    expect(own.has(ruleKey(web))).toBe(false);
    await apply(...all.filter((rule) => !own.has(ruleKey(rule))).map(add));
    expect(await held()).toEqual(before);
    expect(await counts('ask tcp 10.96.0.1 80', 4)).toEqual({ s1: 3, s2: 1 });
  });
});

it('reads like this', async () => {
  const all = service(mark4, {
    scheduler: 'wlc',
    affinityTimeoutS: 30,
    affinityPrefix: 24,
    destinations: [
      { ...one, port: 0 },
      { ...two, port: 0, weight: 0 },
    ],
  });
  await apply(add(service(tcp4, { scheduler: 'wrr', destinations: [{ ...one, weight: 2 }, two] })));
  await apply(add(service(tcp6)), add(all));
  const listed = here.run('nft -s list table inet meshd-lb');
  const chains = listed.slice(listed.indexOf('\tchain prerouting'));
  // The bits of a label are a hash.
  const text = chains.replaceAll(/ct label set [\d |]+ counter/g, 'ct label set LABEL counter');
  const golden = new URL('../golden/netlink/nft-balancer.txt', import.meta.url);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text);
  expect(text).toBe(readFileSync(golden, 'utf8'));
});

it('takes a service of many destinations, beside others', async () => {
  const destinations = Array.from({ length: 600 }, (_, i) =>
    destination(`10.1.${i >> 8}.${i & 255}`),
  );
  await apply(add(service(tcp6)), add(service(tcp4, { scheduler: 'rr', destinations })));
  await apply(set(of(web, { ...destinations[7]!, weight: 0 })));
  const { own } = await kernel.observe({ sysctls: [] });
  const held = own.get(ruleKey(web)) as VirtualServiceRule;
  expect(held.destinations).toHaveLength(600);
  expect(held.destinations[7]?.weight).toBe(0);
});
