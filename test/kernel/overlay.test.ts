/** Policy rules, neighbors, forwarding entries, and what the kernel announces. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { messagesOf, type Message } from '../../src/kernel/linux/message.js';
import { loadNative, type NetlinkSocket } from '../../src/kernel/linux/native.js';
import { netlinkProtocol } from '../../src/kernel/linux/session.js';
import {
  isInterestingNft,
  isInterestingRoute,
  nftablesGroups,
  routeGroups,
} from '../../src/kernel/linux/watch.js';
import {
  ruleKey,
  type FdbRule,
  type LinkRule,
  type NeighborRule,
  type PolicyRule,
} from '../../src/model/index.js';
import { TestNamespace } from '../support/namespace.js';
import { RtnetlinkKernel } from '../support/rtnetlink-kernel.js';

let namespace: TestNamespace;
let kernel: RtnetlinkKernel;

beforeEach(async () => {
  namespace = new TestNamespace();
  kernel = new RtnetlinkKernel(await namespace.session('route'));
});
afterEach(() => namespace.close());

const bridge: LinkRule = { kind: 'link', name: 'mesh1', type: 'bridge', up: true };
const tunnel: LinkRule = {
  kind: 'link',
  name: 'meshx1',
  type: 'vxlan',
  up: true,
  vxlan: { vni: 4096, port: 4789, local: '192.168.5.1', proxy: false },
};

describe('policy rules', () => {
  const cases: { name: string; rule: PolicyRule; shown: object }[] = [
    {
      name: 'a rule for a mark',
      rule: { kind: 'policy', family: 4, priority: 100, fwmark: 0x101, table: 1001 },
      shown: { priority: 100, fwmark: '0x101', table: '1001', protocol: '109' },
    },
    {
      name: 'a rule for a masked mark and two prefixes',
      rule: {
        kind: 'policy',
        family: 4,
        priority: 101,
        fwmark: 0x100,
        fwmask: 0xff00,
        from: '10.0.0.0/24',
        to: '10.96.0.1/32',
        table: 70000,
      },
      shown: { fwmark: '0x100', fwmask: '0xff00', src: '10.0.0.0', srclen: 24, dst: '10.96.0.1' },
    },
    {
      name: 'an IPv6 rule',
      rule: { kind: 'policy', family: 6, priority: 100, from: 'fd00::/8', table: 254 },
      shown: { priority: 100, src: 'fd00::', srclen: 8, table: 'main' },
    },
  ];

  it.each(cases)('are made, changed and removed: $name', async ({ rule, shown }) => {
    const family = rule.family === 6 ? '-6 ' : '';
    expect(await kernel.apply('delete', rule)).toBe('ENOENT');
    expect(await kernel.apply('add', rule)).toBe('ok');
    expect(namespace.ipJson(`${family}-d rule show`)).toContainEqual(
      expect.objectContaining(shown),
    );
    expect([...(await kernel.observe()).values()]).toEqual([rule]);
    expect(await kernel.apply('add', rule)).toBe('EEXIST');
    const changed = { ...rule, table: 1002 };
    expect(await kernel.apply('set', changed)).toBe('ok');
    expect([...(await kernel.observe()).values()]).toEqual([changed]);
    expect(await kernel.apply('delete', rule)).toBe('ok');
    expect((await kernel.observe()).size).toBe(0);
  });

  it('leave those of others alone', async () => {
    namespace.ip('rule add fwmark 1 lookup 1001 priority 100');
    const rule: PolicyRule = { kind: 'policy', family: 4, priority: 100, fwmark: 1, table: 1001 };
    expect((await kernel.observe()).size).toBe(0);
    expect(await kernel.apply('delete', rule)).toBe('ENOENT');
  });
});

describe('neighbors', () => {
  beforeEach(() => kernel.apply('add', { ...bridge, mtu: 1500 }));

  it.each(['10.0.0.7', 'fd01::7'])('are made, changed and removed: %s', async (address) => {
    const rule: NeighborRule = {
      kind: 'neighbor',
      device: 'mesh1',
      address,
      mac: '02:42:0a:00:00:07',
    };
    const key = ruleKey(rule);
    expect(await kernel.apply('set', rule)).toBe('ENOENT');
    expect(await kernel.apply('delete', rule)).toBe('ENOENT');
    namespace.ip(`neigh add ${address} dev mesh1 nud stale lladdr 02:00:00:00:00:01`);
    expect((await kernel.observe()).has(key)).toBe(false);
    expect(await kernel.apply('add', rule)).toBe('ok');
    expect(namespace.ipJson(`-d neigh show ${address}`)).toEqual([
      expect.objectContaining({ lladdr: rule.mac, state: ['PERMANENT'], protocol: '109' }),
    ]);
    expect((await kernel.observe()).get(key)).toEqual(rule);
    const changed = { ...rule, mac: '02:42:0a:00:00:08' };
    expect(await kernel.apply('set', changed)).toBe('ok');
    expect((await kernel.observe()).get(key)).toEqual(changed);
    expect(await kernel.apply('delete', rule)).toBe('ok');
    expect((await kernel.observe()).has(key)).toBe(false);
    expect(await kernel.apply('add', { ...rule, device: 'mesh9' })).toBe('ENODEV');
  });
});

describe('forwarding entries', () => {
  it.each([
    { over: 'IPv4', local: '192.168.5.1', vtep: '192.168.5.2', other: '192.168.5.3' },
    { over: 'IPv6', local: 'fd05::1', vtep: 'fd05::2', other: 'fd05::3' },
  ])('are made, changed and removed over $over', async ({ local, vtep, other }) => {
    await kernel.apply('add', { ...bridge, mtu: 1500 });
    await kernel.apply('add', {
      ...tunnel,
      master: 'mesh1',
      vxlan: { vni: 4096, port: 4789, local, proxy: false },
    });
    const rule: FdbRule = { kind: 'fdb', device: 'meshx1', mac: '02:42:0a:00:00:07', vtep };
    const key = ruleKey(rule);
    expect(await kernel.apply('set', rule)).toBe('ENOENT');
    expect(await kernel.apply('delete', rule)).toBe('ENOENT');
    expect(await kernel.apply('add', rule)).toBe('ok');
    const shown = JSON.parse(namespace.run('bridge -j fdb show dev meshx1')) as object[];
    expect(shown).toContainEqual(
      expect.objectContaining({ mac: rule.mac, dst: vtep, flags: ['self'], state: 'permanent' }),
    );
    expect((await kernel.observe()).get(key)).toEqual(rule);
    expect(await kernel.apply('add', rule)).toBe('EEXIST');
    expect(await kernel.apply('set', { ...rule, vtep: other })).toBe('ok');
    expect((await kernel.observe()).get(key)).toEqual({ ...rule, vtep: other });
    expect(await kernel.apply('delete', rule)).toBe('ok');
    const kinds = [...(await kernel.observe()).values()].map(({ kind }) => kind);
    expect(kinds).not.toContain('fdb');
    expect(await kernel.apply('add', { ...rule, device: 'mesh9' })).toBe('ENODEV');
  });
});

describe('announcements', () => {
  const sockets: NetlinkSocket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) await socket.close();
  });

  /** Runs `act` and resolves with what passes `wanted`, up to the first that `last` holds for. */
  async function announced(
    protocol: keyof typeof netlinkProtocol,
    wanted: (message: Message) => boolean,
    act: () => void,
    last: (message: Message) => boolean,
  ): Promise<number[]> {
    const groups = protocol === 'route' ? routeGroups : nftablesGroups;
    const socket = await loadNative().open({
      protocol: netlinkProtocol[protocol],
      netns: namespace.path,
      groups,
    });
    sockets.push(socket);
    const types: number[] = [];
    await new Promise<void>((resolve) => {
      socket.listen((messages) => {
        for (const message of messagesOf(messages)) {
          if (wanted(message)) types.push(message.type);
          if (last(message)) resolve();
        }
      });
      act();
    });
    return types;
  }

  it.each([
    { name: 'a link', act: ['link set lo down'], type: 16 },
    { name: 'an address', act: ['addr add 10.1.1.1/32 dev lo'], type: 20 },
    { name: 'a lost address', act: ['addr del 127.0.0.1/8 dev lo'], type: 21 },
    { name: 'a route', act: ['route add blackhole 10.0.0.0/8'], type: 24 },
    { name: 'an IPv6 route', act: ['-6 route add blackhole fd00::/8'], type: 24 },
    { name: 'a policy rule', act: ['rule add fwmark 1 lookup 1001'], type: 32 },
    { name: 'an IPv6 policy rule', act: ['-6 rule add fwmark 1 lookup 1001'], type: 32 },
  ])('tell of $name', async ({ act, type }) => {
    const run = (): void => act.forEach((args) => namespace.ip(args));
    const seen = await announced('route', isInterestingRoute, run, (each) => each.type === type);
    expect(seen).toContain(type);
  });

  it('tell of our tables, and not of those of others', async () => {
    const run = (): void => {
      namespace.run('nft add table inet other');
      namespace.run('nft add table inet meshd-a');
      namespace.run('nft add set inet meshd-a a { type ipv4_addr ; }');
      namespace.run('nft add element inet meshd-a a { 10.0.0.1 }');
      namespace.run('nft flush ruleset');
    };
    const isLast = ({ type }: Message): boolean => type === 0xa02;
    const seen = await announced(
      'netfilter',
      isInterestingNft,
      run,
      (each) => isLast(each) && isInterestingNft(each),
    );
    expect(seen.slice(0, 3)).toEqual([0xa00, 0xa09, 0xa0c]);
    expect(seen.at(-1)).toBe(0xa02);
  });
});
