/** What the masquerade rules do to packets. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyNft, observeNft } from '../../src/kernel/linux/nftables-session.js';
import type { NetlinkSession } from '../../src/kernel/linux/session.js';
import type { NftElementRule, NftTableRule } from '../../src/model/index.js';
import { TestNamespace } from '../support/namespace.js';
import { element, table } from '../support/nft-table.js';

let namespace: TestNamespace;
let session: NetlinkSession;

beforeEach(async () => {
  namespace = new TestNamespace();
  session = await namespace.session('netfilter');
});
afterEach(() => namespace.close());

async function add(...targets: (NftTableRule | NftElementRule)[]): Promise<void> {
  const ops = targets.map((target) => ({ verb: 'add' as const, target }));
  expect([...(await applyNft(session, ops))]).toEqual([]);
}

describe.each([
  {
    family: 'IPv4',
    vip: '10.96.0.1',
    link: (host: number) => `10.0.0.${host}/24`,
    far: (host: number) => `10.0.9.${host}/24`,
    sets: ['vips4', 'links4'],
    links: '10.0.0.0/24 . 10.0.0.0/24',
  },
  {
    family: 'IPv6',
    vip: 'fd96::1',
    link: (host: number) => `fd05::${host}/64`,
    far: (host: number) => `fd09::${host}/64`,
    sets: ['vips6', 'links6'],
    links: 'fd05::/64 . fd05::/64',
  },
])('masquerade over $family', ({ family, vip, link, far, sets, links }) => {
  it('replaces the address of a client on the link of the destination, and no other', async () => {
    const v6 = family === 'IPv6';
    const [near, distant, server] = [
      new TestNamespace(),
      new TestNamespace(),
      new TestNamespace(),
    ] as const;
    try {
      namespace.ip('link add br0 type bridge');
      namespace.ip('link set br0 up');
      connect(near, link(3), { bridge: 'br0' });
      connect(server, link(2), { bridge: 'br0' });
      connect(distant, far(2), { address: far(1) });
      namespace.ip(`addr add ${link(1)} dev br0${v6 ? ' nodad' : ''}`);
      namespace.run(`sysctl -qw ${v6 ? 'net.ipv6.conf.all.forwarding' : 'net.ipv4.ip_forward'}=1`);
      for (const each of [near, server]) each.ip(`route add default via ${addressOf(link(1))}`);
      distant.ip(`route add default via ${addressOf(far(1))}`);
      // IPVS is not at hand everywhere; it leaves the same trace in connection tracking.
      const [ip, to] = v6 ? ['ip6', `[${addressOf(link(2))}]`] : ['ip', addressOf(link(2))];
      namespace.run(`nft add table ${ip} lb`);
      namespace.run(`nft add chain ${ip} lb pre { type nat hook prerouting priority -100 ; }`);
      namespace.run(`nft add rule ${ip} lb pre ${ip} daddr ${vip} dnat to ${to}`);

      await add(table, element(sets[1]!, links));
      // The rule of last resort would masquerade everybody.
      if (!v6) await add(element('nets4', '0.0.0.0/0'));
      await serve(server);
      expect(ask(distant, vip)).toBe(addressOf(far(2)));
      await add(element(sets[0]!, vip));
      expect(ask(distant, vip)).toBe(addressOf(far(2)));
      expect(ask(near, vip)).toBe(addressOf(link(1)));
      expect((await observeNft(session)).tables).toEqual([table]);
    } finally {
      for (const each of [near, distant, server]) await each.close();
    }
  });

  /** Wires `other`, which gets `address`, to the namespace in the middle. */
  function connect(
    other: TestNamespace,
    address: string,
    end: { bridge?: string; address?: string },
  ): void {
    const name = `v${other.name.slice(2, 10)}`;
    const nodad = family === 'IPv6' ? ' nodad' : '';
    namespace.ip(`link add ${name} type veth peer name eth0 netns ${other.name}`);
    namespace.ip(`link set ${name} up${end.bridge === undefined ? '' : ` master ${end.bridge}`}`);
    if (end.address !== undefined) namespace.ip(`addr add ${end.address} dev ${name}${nodad}`);
    other.ip('link set eth0 up');
    other.ip(`addr add ${address} dev eth0${nodad}`);
  }
});

function addressOf(prefix: string): string {
  return prefix.slice(0, prefix.indexOf('/'));
}

const servers: ChildProcess[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.kill('SIGKILL');
});

/** A server inside that tells each client the address it sees. */
async function serve(inside: TestNamespace): Promise<void> {
  const script = `
    const tell = (socket) => socket.end(socket.remoteAddress.replace('::ffff:', ''));
    require('net').createServer(tell).listen(8080, '::', () => console.log('ready'));`;
  const server = spawn('ip', ['netns', 'exec', inside.name, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(server);
  await once(server.stdout, 'data');
}

function ask(inside: TestNamespace, host: string): string {
  const script = `
    const socket = require('net').connect(8080, '${host}').setTimeout(5000);
    socket.on('timeout', () => process.exit(1)).on('data', (data) => process.stdout.write(data));`;
  return execFileSync('ip', ['netns', 'exec', inside.name, process.execPath, '-e', script], {
    encoding: 'utf8',
  });
}
