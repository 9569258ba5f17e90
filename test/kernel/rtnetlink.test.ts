import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ruleKey, type AddressRule, type LinkRule } from '../../src/model/index.js';
import type { NetlinkSession } from '../../src/kernel/linux/session.js';
import { TestNamespace } from '../support/namespace.js';
import { RtnetlinkKernel } from '../support/rtnetlink-kernel.js';

let namespace: TestNamespace;
let session: NetlinkSession;
let kernel: RtnetlinkKernel;

beforeEach(async () => {
  namespace = new TestNamespace();
  session = await namespace.session('route');
  kernel = new RtnetlinkKernel(session);
});
afterEach(() => namespace.close());

/** A bridge stands for the dummy device, which not every kernel has. */
const mac = '02:42:0a:00:00:01';
const vips: LinkRule = { kind: 'link', name: 'mesh0', type: 'bridge', up: true, mac };

describe('links', () => {
  const cases: { name: string; rule: LinkRule; shown: object }[] = [
    {
      name: 'a bridge',
      rule: { ...vips, mtu: 1400 },
      shown: { mtu: 1400, flags: expect.arrayContaining(['UP']) as unknown },
    },
    {
      name: 'a bridge that is down',
      rule: { ...vips, up: false, mtu: 1500 },
      shown: { flags: expect.not.arrayContaining(['UP']) as unknown },
    },
    {
      name: 'a vxlan device over IPv4',
      rule: {
        kind: 'link',
        name: 'meshx1',
        type: 'vxlan',
        up: true,
        mtu: 1450,
        mac,
        vxlan: { vni: 4096, port: 4789, local: '192.168.5.1', proxy: false },
      },
      shown: {
        linkinfo: {
          info_kind: 'vxlan',
          info_data: expect.objectContaining({
            id: 4096,
            port: 4789,
            local: '192.168.5.1',
            learning: false,
          }) as unknown,
        },
      },
    },
    {
      name: 'a vxlan device over IPv6',
      rule: {
        kind: 'link',
        name: 'meshx1',
        type: 'vxlan',
        up: false,
        mtu: 1430,
        mac,
        vxlan: { vni: 16777215, port: 8472, local: 'fd05::1', proxy: true },
      },
      shown: {
        linkinfo: {
          info_kind: 'vxlan',
          info_data: expect.objectContaining({
            id: 16777215,
            local6: 'fd05::1',
            proxy: true,
          }) as unknown,
        },
      },
    },
    {
      name: 'a veth pair',
      rule: {
        kind: 'link',
        name: 'meshv1',
        type: 'veth',
        up: true,
        mtu: 1400,
        mac,
        peer: { name: 'eth1' },
      },
      shown: {
        address: mac,
        link: 'eth1',
        ifalias: 'meshd peer eth1',
        flags: expect.arrayContaining(['UP']) as unknown,
      },
    },
  ];

  it.each(cases)('makes and removes $name, strictly', async ({ rule, shown }) => {
    expect(await kernel.apply('set', rule)).toBe('ENODEV');
    expect(await kernel.apply('delete', rule)).toBe('ENODEV');
    expect(await kernel.apply('add', rule)).toBe('ok');
    expect(namespace.ipJson(`-d link show ${rule.name}`)).toEqual([expect.objectContaining(shown)]);
    expect([...(await kernel.observe()).values()]).toEqual([rule]);
    expect(await kernel.apply('add', rule)).toBe('EEXIST');
    expect(await kernel.apply('delete', rule)).toBe('ok');
    expect((await kernel.observe()).size).toBe(0);
  });

  it('changes size, MAC, state and master in place', async () => {
    const port: LinkRule = {
      kind: 'link',
      name: 'meshv1',
      type: 'veth',
      up: false,
      mtu: 1500,
      mac,
      peer: { name: 'eth1' },
    };
    await kernel.apply('add', { ...vips, mtu: 1500 });
    await kernel.apply('add', port);
    const changed: LinkRule = {
      ...port,
      up: true,
      mtu: 1400,
      mac: '02:42:0a:00:00:02',
      master: 'mesh0',
    };
    expect(await kernel.apply('set', changed)).toBe('ok');
    expect((await kernel.observe()).get(ruleKey(port))).toEqual(changed);
    expect(await kernel.apply('set', port)).toBe('ok');
    expect((await kernel.observe()).get(ruleKey(port))).toEqual(port);
    expect(await kernel.apply('set', { ...port, master: 'mesh9' })).toBe('ENODEV');
  });

  it('makes the other end of a pair in another namespace', async () => {
    const other = new TestNamespace();
    try {
      const pair: LinkRule = {
        kind: 'link',
        name: 'meshv1',
        type: 'veth',
        up: true,
        mtu: 1400,
        mac,
        peer: { name: 'eth1', mac: '02:42:0a:00:00:02', netns: other.path },
      };
      expect(await kernel.apply('add', pair)).toBe('ok');
      expect(other.ipJson('link show eth1')).toEqual([
        expect.objectContaining({ mtu: 1400, address: '02:42:0a:00:00:02' }),
      ]);
      expect([...(await kernel.observe()).values()]).toEqual([pair]);
    } finally {
      await other.close();
    }
  });

  it('refuses to change whether a vxlan device answers for its neighbors', async () => {
    const { rule } = cases.find(({ rule: { type } }) => type === 'vxlan')!;
    await kernel.apply('add', rule);
    const change = `link set meshx1 type vxlan id 4096 proxy`;
    expect(() => namespace.ip(change)).toThrow('cannot change PROXY flag');
  });

  it('leaves alone what only has our prefix', async () => {
    namespace.ip('link add meshv9 type veth peer name mesh-end');
    namespace.ip('link add meshm type ifb');
    expect((await kernel.observe()).size).toBe(0);
  });
});

describe('addresses', () => {
  const cases: { name: string; device?: string; prefix: string; shown: object; none?: string }[] = [
    { name: 'a VIP', prefix: '10.96.0.1/32', shown: { local: '10.96.0.1', scope: 'global' } },
    { name: 'an address and its network', prefix: '10.0.1.1/24', shown: { prefixlen: 24 } },
    { name: 'an IPv6 address and its network', prefix: 'fd01::1/64', shown: { nodad: true } },
    {
      name: 'an IPv6 address alone',
      device: 'mesh1',
      prefix: 'fd96::1/128',
      shown: { local: 'fd96::1', nodad: true, noprefixroute: true },
    },
  ];

  it.each(cases)(
    'adds and removes $name, strictly',
    async ({ device = 'mesh0', prefix, shown }) => {
      await kernel.apply('add', { ...vips, name: device, mtu: 1500 });
      const rule: AddressRule = { kind: 'address', device, prefix };
      expect(await kernel.apply('delete', rule)).toBe('EADDRNOTAVAIL');
      expect(await kernel.apply('add', rule)).toBe('ok');
      const [link] = namespace.ipJson(`addr show ${device}`);
      expect(link!['addr_info']).toContainEqual(expect.objectContaining(shown));
      expect((await kernel.observe()).get(ruleKey(rule))).toEqual(rule);
      expect(await kernel.apply('add', rule)).toBe('EEXIST');
      expect(await kernel.apply('delete', rule)).toBe('ok');
      expect([...(await kernel.observe()).keys()]).toEqual([`link ${device}`]);
      expect(namespace.ip('-4 route show table all').includes(device)).toBe(false);
    },
  );

  it('adds and removes an IPv6 VIP as a local route, strictly', async () => {
    await kernel.apply('add', { ...vips, mtu: 1500 });
    const rule: AddressRule = { kind: 'address', device: 'mesh0', prefix: 'fd96::1/128' };
    expect(await kernel.apply('delete', rule)).toBe('ESRCH');
    expect(await kernel.apply('add', rule)).toBe('ok');
    expect(namespace.run('ping -6 -n -c1 -W1 fd96::1')).toContain('1 received');
    expect((await kernel.observe()).get(ruleKey(rule))).toEqual(rule);
    expect(await kernel.apply('add', rule)).toBe('EEXIST');
    expect(await kernel.apply('delete', rule)).toBe('ok');
    expect([...(await kernel.observe()).keys()]).toEqual(['link mesh0']);
    expect(namespace.ip('-6 route show table local fd96::1')).toBe('');
  });

  it('refuses a device that is not there', async () => {
    const rule: AddressRule = { kind: 'address', device: 'mesh9', prefix: '10.96.0.1/32' };
    expect(await kernel.apply('add', rule)).toBe('ENODEV');
  });

  it('tells the addresses of the host', async () => {
    namespace.ip('link add eth0 type bridge');
    namespace.ip('link set eth0 up');
    namespace.ip('addr add 192.168.5.1/24 dev eth0');
    namespace.ip('addr add fd05::1/64 dev eth0 nodad');
    namespace.ip('addr add fd05::2/64 dev eth0 nodad preferred_lft 0');
    await kernel.observe();
    const found = kernel.hostAddresses.filter(({ scope }) => scope !== 'link');
    expect(found).toEqual([
      { device: 'lo', address: '127.0.0.1', prefixLength: 8, scope: 'host' },
      { device: 'eth0', address: '192.168.5.1', prefixLength: 24, scope: 'global' },
      { device: 'lo', address: '::1', prefixLength: 128, scope: 'host' },
      { device: 'eth0', address: 'fd05::1', prefixLength: 64, scope: 'global' },
    ]);
  });
});
