import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageWriter } from '../../src/kernel/linux/message.js';
import { decodeRouteTo, encodeRouteTo } from '../../src/kernel/linux/route.js';
import type { RouteAnswer } from '../../src/kernel/index.js';
import { ruleKey, type AddressRule, type LinkRule, type RouteRule } from '../../src/model/index.js';
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
const vips: LinkRule = { kind: 'link', name: 'mesh0', type: 'bridge', up: true };

async function routeTo(address: string): Promise<RouteAnswer | undefined> {
  const writer = new MessageWriter();
  encodeRouteTo(writer, address, session.nextSequence());
  const [answer] = await session.dump('route', writer.bytes());
  return decodeRouteTo(answer!.body, await kernel.devices());
}

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
        vxlan: { vni: 4096, port: 4789, local: '192.168.5.1' },
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
        vxlan: { vni: 16777215, port: 8472, local: 'fd05::1' },
      },
      shown: {
        linkinfo: {
          info_kind: 'vxlan',
          info_data: expect.objectContaining({ id: 16777215, local6: 'fd05::1' }) as unknown,
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
        peer: { name: 'eth1' },
      },
      shown: {
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

  it('changes size, state and master in place', async () => {
    const port: LinkRule = {
      kind: 'link',
      name: 'meshv1',
      type: 'veth',
      up: false,
      mtu: 1500,
      peer: { name: 'eth1' },
    };
    await kernel.apply('add', { ...vips, mtu: 1500 });
    await kernel.apply('add', port);
    const changed: LinkRule = { ...port, up: true, mtu: 1400, master: 'mesh0' };
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
        peer: { name: 'eth1', netns: other.path },
      };
      expect(await kernel.apply('add', pair)).toBe('ok');
      expect(other.ipJson('link show eth1')).toEqual([expect.objectContaining({ mtu: 1400 })]);
      expect([...(await kernel.observe()).values()]).toEqual([pair]);
    } finally {
      await other.close();
    }
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

describe('routes', () => {
  beforeEach(async () => {
    namespace.ip('link add eth0 type bridge');
    namespace.ip('link set eth0 up');
    namespace.ip('addr add 192.168.5.1/24 dev eth0');
    namespace.ip('addr add fd05::1/64 dev eth0 nodad');
    await kernel.apply('add', { ...vips, mtu: 1500 });
  });

  const route = (rule: Partial<RouteRule>): RouteRule => ({
    kind: 'route',
    type: 'unicast',
    destination: '10.7.0.0/16',
    table: 254,
    ...rule,
  });
  const cases: {
    name: string;
    rule: RouteRule;
    changed: RouteRule;
    show: string;
    shown: object;
  }[] = [
    {
      name: 'a route by a gateway',
      rule: route({ device: 'eth0', gateway: '192.168.5.2' }),
      changed: route({ device: 'eth0', gateway: '192.168.5.3', source: '192.168.5.1' }),
      show: 'route show 10.7.0.0/16',
      shown: { gateway: '192.168.5.2', dev: 'eth0', protocol: '109' },
    },
    {
      name: 'a default route in a table of its own',
      rule: route({ destination: '0.0.0.0/0', table: 1001, device: 'eth0' }),
      changed: route({
        destination: '0.0.0.0/0',
        table: 1001,
        device: 'eth0',
        gateway: '192.168.5.2',
      }),
      show: 'route show table 1001',
      shown: { dst: 'default', dev: 'eth0', scope: 'link' },
    },
    {
      name: 'a blackhole',
      rule: route({ type: 'blackhole' }),
      changed: route({ device: 'eth0' }),
      show: 'route show 10.7.0.0/16',
      shown: { type: 'blackhole' },
    },
    {
      name: 'an IPv6 route by a gateway',
      rule: route({ destination: 'fd07::/32', device: 'eth0', gateway: 'fd05::2' }),
      changed: route({ destination: 'fd07::/32', device: 'eth0', source: 'fd05::1' }),
      show: '-6 route show fd07::/32',
      shown: { gateway: 'fd05::2', dev: 'eth0', metric: 1024 },
    },
    {
      name: 'an IPv6 blackhole in a table of its own',
      rule: route({ type: 'blackhole', destination: '::/0', table: 70000 }),
      changed: route({ destination: '::/0', table: 70000, device: 'eth0' }),
      show: '-6 route show table 70000',
      shown: { type: 'blackhole', dst: 'default' },
    },
    {
      name: 'a local route to a range',
      rule: route({ type: 'local', destination: '10.99.0.0/16', table: 255, device: 'lo' }),
      changed: route({
        type: 'local',
        destination: '10.99.0.0/16',
        table: 255,
        device: 'lo',
        source: '192.168.5.1',
      }),
      show: 'route show table local 10.99.0.0/16',
      shown: { type: 'local', dst: '10.99.0.0/16', dev: 'lo', scope: 'host' },
    },
    {
      name: 'an IPv6 local route without an address',
      rule: route({ type: 'local', destination: 'fd99::1/128', table: 255, device: 'lo' }),
      changed: route({
        type: 'local',
        destination: 'fd99::1/128',
        table: 255,
        device: 'lo',
        source: 'fd05::1',
      }),
      show: '-6 route show table local fd99::1',
      shown: { type: 'local', dst: 'fd99::1', dev: 'lo' },
    },
  ];

  it.each(cases)('makes, changes and removes $name, strictly', async (item) => {
    const { rule, changed } = item;
    const key = ruleKey(rule);
    expect(await kernel.apply('delete', rule)).toBe('ESRCH');
    expect(await kernel.apply('add', rule)).toBe('ok');
    expect(namespace.ipJson(`-d ${item.show}`)).toEqual([expect.objectContaining(item.shown)]);
    expect((await kernel.observe()).get(key)).toEqual(rule);
    expect(await kernel.apply('add', rule)).toBe('EEXIST');
    expect(await kernel.apply('set', changed)).toBe('ok');
    expect((await kernel.observe()).get(key)).toEqual(changed);
    expect(await kernel.apply('delete', changed)).toBe('ok');
    expect((await kernel.observe()).has(key)).toBe(false);
    expect(await kernel.apply('set', rule)).toMatch(/ENOENT|ESRCH/);
  });

  it('does not touch the routes of others', async () => {
    const rule = route({ device: 'eth0', gateway: '192.168.5.2' });
    namespace.ip('route add 10.7.0.0/16 via 192.168.5.9 dev eth0');
    expect(await kernel.apply('add', rule)).toBe('EEXIST');
    expect(await kernel.apply('delete', rule)).toBe('ESRCH');
    expect((await kernel.observe()).has(ruleKey(rule))).toBe(false);
  });

  describe.each([
    { family: 'IPv4', vip: '10.96.0.1', bits: 32, source: '192.168.5.1', other: '192.168.6.1' },
    { family: 'IPv6', vip: 'fd96::1', bits: 128, source: 'fd05::1', other: 'fd06::1' },
  ])('a local client of an $family VIP', ({ family, vip, bits, source, other }) => {
    const destination = `${vip}/${bits}`;
    const address: AddressRule = { kind: 'address', device: 'mesh0', prefix: destination };
    const local = (from: string): RouteRule =>
      route({ type: 'local', destination, table: 255, device: 'mesh0', source: from });
    const key = ruleKey(local(source));
    const show = `${family === 'IPv6' ? '-6 ' : ''}route show table local ${destination}`;

    it('uses the address of the host', async () => {
      await kernel.apply('add', address);
      expect((await routeTo(vip))?.source).toBe(family === 'IPv4' ? vip : source);
      expect(await kernel.apply('add', local(source))).toBe('ok');
      expect(await routeTo(vip)).toEqual({ type: 'local', device: 'lo', source });
      expect((await kernel.observe()).get(key)).toEqual(local(source));
      expect(await kernel.apply('add', local(source))).toBe('EEXIST');
      expect((await kernel.observe()).get(key)).toEqual(local(source));
    });

    it('uses the other address after a change, in place or by removal', async () => {
      namespace.ip(`addr add ${other}/${bits - 8} dev eth0${family === 'IPv6' ? ' nodad' : ''}`);
      await kernel.apply('add', address);
      await kernel.apply('add', local(source));
      expect(await kernel.apply('set', local(other))).toBe('ok');
      expect((await routeTo(vip))?.source).toBe(other);
      expect((await kernel.observe()).get(key)).toEqual(local(other));
      expect(await kernel.apply('delete', local(other))).toBe('ok');
      expect(await kernel.apply('add', local(source))).toBe('ok');
      expect((await routeTo(vip))?.source).toBe(source);
    });

    it('still reaches the VIP once the route is gone, and not once the address is', async () => {
      await kernel.apply('add', address);
      await kernel.apply('add', local(source));
      expect(await kernel.apply('delete', local(source))).toBe('ok');
      expect(await kernel.apply('delete', local(source))).toBe('ESRCH');
      expect((await routeTo(vip))?.type).toBe('local');
      expect((await kernel.observe()).has(key)).toBe(false);
      expect(await kernel.apply('delete', address)).toBe('ok');
      expect(namespace.ip(show)).toBe('');
    });

    it('is found to use the VIP when another route got in front', async () => {
      const wanted = local(source);
      await kernel.apply('add', address);
      if (family === 'IPv4') {
        namespace.ip(`route append local ${vip} dev mesh0 table local proto 109 src ${source}`);
        expect((await kernel.observe()).get(key)).toEqual({ ...wanted, source: vip });
      } else {
        await kernel.apply('add', wanted);
        namespace.ip(`-6 route add local ${vip} dev mesh0 table local proto kernel metric 1`);
        const { source: _none, ...seen } = wanted;
        expect((await kernel.observe()).get(key)).toEqual(seen);
      }
      expect(await kernel.apply('delete', wanted)).toBe('ok');
      expect(await kernel.apply('add', wanted)).toBe('ok');
      expect((await kernel.observe()).get(key)).toEqual(wanted);
      expect((await routeTo(vip))?.source).toBe(source);
    });

    it('loses everything with the device, and gets it back', async () => {
      await kernel.apply('add', address);
      await kernel.apply('add', local(source));
      await kernel.apply('delete', vips);
      expect(namespace.ip(show)).toBe('');
      await kernel.apply('add', vips);
      await kernel.apply('add', address);
      await kernel.apply('add', local(source));
      expect((await routeTo(vip))?.source).toBe(source);
    });
  });

  it('answers how an address is reached', async () => {
    namespace.ip('route add 10.8.0.0/16 via 192.168.5.2');
    namespace.ip('route add 10.9.0.0/16 via inet6 fd05::2 dev eth0');
    expect(await routeTo('192.168.5.9')).toEqual({
      type: 'unicast',
      device: 'eth0',
      source: '192.168.5.1',
    });
    expect(await routeTo('10.8.0.1')).toMatchObject({ gateway: '192.168.5.2' });
    expect(await routeTo('10.9.0.1')).toMatchObject({ gateway: 'fd05::2' });
    expect(await routeTo('192.168.5.255')).toMatchObject({ type: 'broadcast' });
    expect(await routeTo('fd05::9')).toEqual({
      type: 'unicast',
      device: 'eth0',
      source: 'fd05::1',
    });
    await expect(routeTo('203.0.113.1')).rejects.toThrow('errno 101');
  });
});
