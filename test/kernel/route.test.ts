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
      name: 'a route with a metric',
      rule: route({ device: 'eth0', metric: 70000 }),
      changed: route({ device: 'eth0', gateway: '192.168.5.2', metric: 70000 }),
      show: 'route show 10.7.0.0/16',
      shown: { dev: 'eth0', metric: 70000 },
    },
    {
      name: 'an IPv6 route with a metric that VIPs have',
      rule: route({ destination: 'fd07::/32', device: 'eth0', metric: 2048 }),
      changed: route({ destination: 'fd07::/32', device: 'eth0', source: 'fd05::1', metric: 2048 }),
      show: '-6 route show fd07::/32',
      shown: { dev: 'eth0', metric: 2048 },
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

  it.each([
    { destination: '0.0.0.0/0', family: '', theirs: '192.168.5.9', ours: '192.168.5.2' },
    { destination: '::/0', family: '-6 ', theirs: 'fd05::9', ours: 'fd05::2' },
  ])('has $destination beside that of others, with a metric', async (item) => {
    const { destination, family, theirs, ours } = item;
    const rule = route({ destination, device: 'eth0', gateway: ours, metric: 4096 });
    const shown = (): unknown[] =>
      namespace.ipJson(`${family}route show default`).map(({ gateway }) => gateway);
    namespace.ip(`${family}route add default via ${theirs} dev eth0`);
    expect(await kernel.apply('add', rule)).toBe('ok');
    expect(shown()).toEqual([theirs, ours]);
    expect([...(await kernel.observe()).values()]).toContainEqual(rule);
    expect(await kernel.apply('set', rule)).toBe('ok');
    expect(shown()).toEqual([theirs, ours]);
    const { metric: _none, ...preferred } = rule;
    expect(await kernel.apply('add', preferred)).toBe('EEXIST');
    expect(await kernel.apply('delete', rule)).toBe('ok');
    expect(await kernel.apply('delete', rule)).toBe('ESRCH');
    expect(shown()).toEqual([theirs]);
  });

  it('tells routes apart by their metric', async () => {
    const rules = [undefined, 1, 4096].flatMap((metric) =>
      ['10.7.0.0/16', 'fd07::/32'].map((destination) =>
        route({ destination, device: 'eth0', ...(metric === undefined ? {} : { metric }) }),
      ),
    );
    for (const rule of rules) expect(await kernel.apply('add', rule)).toBe('ok');
    for (const [i, rule] of rules.entries()) {
      expect((await kernel.observe()).get(ruleKey(rule))).toEqual(rule);
      expect(await kernel.apply('delete', rule)).toBe('ok');
      const left = [...(await kernel.observe()).values()].filter(({ kind }) => kind === 'route');
      expect(left).toHaveLength(rules.length - i - 1);
    }
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
      expect(await kernel.apply('add', local(source))).toBe(family === 'IPv4' ? 'ok' : 'EEXIST');
      expect((await kernel.observe()).get(key)).toEqual(local(source));
    });

    it('exists once, whatever its source', async () => {
      namespace.ip(`addr add ${other}/${bits - 8} dev eth0${family === 'IPv6' ? ' nodad' : ''}`);
      await kernel.apply('add', address);
      await kernel.apply('add', local(source));
      await kernel.apply('add', local(other));
      expect(await kernel.apply('delete', local(other))).toBe('ok');
      expect((await kernel.observe()).has(key)).toBe(false);
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
    await expect(routeTo('203.0.113.1')).rejects.toThrow('ENETUNREACH');
  });
});
