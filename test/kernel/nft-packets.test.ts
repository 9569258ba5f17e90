/** What statements do to packets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyNft, observeNft } from '../../src/kernel/linux/nftables-session.js';
import type { NetlinkSession } from '../../src/kernel/linux/session.js';
import type {
  NftBaseChain,
  NftElementRule,
  NftSet,
  NftStatement,
  NftTableRule,
} from '../../src/model/index.js';
import { TestNamespace } from '../support/namespace.js';

/** Packets go through `here`, which has the table, between the other two. */
let here: TestNamespace;
let near: TestNamespace;
let far: TestNamespace;
let session: NetlinkSession;

beforeEach(async () => {
  [here, near, far] = [new TestNamespace(), new TestNamespace(), new TestNamespace()];
  session = await here.session('netfilter');
});
afterEach(async () => {
  for (const each of [near, far, here]) await each.close();
});

const nearMac = '02:42:0a:00:00:02';
const counter: NftStatement = { type: 'counter' };
const entries: NftSet = { name: 'entries', key: ['ether_addr'], value: 'mark', interval: false };

const vnis: NftSet = { name: 'vnis', key: ['@th,96,24'], interval: false };

/** A table of one chain with one rule per list of statements, and elements: `set key`, `map key value`. */
async function make(
  where: Pick<NftBaseChain, 'hook' | 'priority'>,
  rules: readonly (readonly NftStatement[])[],
  elements: readonly string[] = [],
): Promise<NftTableRule> {
  const table: NftTableRule = {
    kind: 'nft-table',
    name: 'meshd-packets',
    sets: [entries, vnis],
    chains: [
      {
        name: 'rules',
        type: 'filter',
        ...where,
        rules: rules.map((statements, i) => ({ comment: String(i), statements })),
      },
    ],
  };
  const inIt = elements.map((text): NftElementRule => {
    const [set, key, value] = text.split(' ') as [string, string, string?];
    const element = { kind: 'nft-element', table: table.name, set, key: [key] } as const;
    return value === undefined ? element : { ...element, value };
  });
  const ops = [table, ...inIt].map((target) => ({ verb: 'add' as const, target }));
  expect([...(await applyNft(session, ops))]).toEqual([]);
  return table;
}

/** Packets that each rule with a counter has counted. */
function counts(namespace: TestNamespace = here): number[] {
  const listed = namespace.run('nft list ruleset');
  return [...listed.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
}

/** A router: `near` is 10.0.1.2, `far` is 10.0.2.2. */
function route(): void {
  // Its neighbor discovery would be counted too.
  near.run('sysctl -qw net.ipv6.conf.default.disable_ipv6=1');
  wire(near, { name: 'near', address: '10.0.1.1/24', farAddress: '10.0.1.2/24', mac: nearMac });
  wire(far, { name: 'far', address: '10.0.2.1/24', farAddress: '10.0.2.2/24' });
  here.run('sysctl -qw net.ipv4.ip_forward=1');
  near.ip('route add default via 10.0.1.1');
  far.ip('route add default via 10.0.2.1');
}

interface Wire {
  readonly name: string;
  readonly farAddress: string;
  readonly address?: string;
  readonly mac?: string;
}

function wire(other: TestNamespace, { name, address, farAddress, mac }: Wire): void {
  here.ip(`link add ${name} type veth peer name e0 netns ${other.name}`);
  if (mac !== undefined) other.ip(`link set e0 address ${mac}`);
  if (address !== undefined) here.ip(`address add ${address} dev ${name}`);
  here.ip(`link set ${name} up`);
  other.ip(`address add ${farAddress} dev e0`);
  other.ip('link set e0 up');
}

/** Sends datagrams from inside, as a process does. */
function send(from: TestNamespace, address: string, port: number, hex = '00'): void {
  const program = `import socket;s=socket.socket(2,2);s.sendto(bytes.fromhex('${hex}'),('${address}',${port}))`;
  from.run('python3 -', program);
}

it('connections remember by the MAC which way they came, and their replies say it', async () => {
  route();
  const own = { mask: 0xff000000, value: 0x4d000000 };
  const table = await make(
    { hook: 'prerouting', priority: -150 },
    [
      [
        { type: 'mark-from-map', fields: ['ether saddr'], map: 'entries' },
        { type: 'ct-mark-from-mark' },
        counter,
      ],
      [
        { type: 'reply-direction' },
        { type: 'ct-mark-is', ...own },
        { type: 'mark-from-ct-mark' },
        { type: 'mark-is', mask: 0xffffffff, value: 0x4d000007 },
        counter,
      ],
      [{ type: 'mark-is', ...own }, { type: 'mark-clear' }],
      [{ type: 'mark-is', ...own }, counter],
    ],
    [`entries ${nearMac} 0x4d000007`],
  );
  near.run('ping -c 2 -i 0.1 10.0.2.2');
  expect(counts()).toEqual([2, 2, 0]);
  // What was counted is no difference.
  expect((await observeNft(session)).tables).toEqual([table]);
});

it('tells packets to addresses of this sandbox from those that pass through', async () => {
  route();
  await make({ hook: 'prerouting', priority: -150 }, [
    [{ type: 'protocol', protocol: 'udp' }, { type: 'fib-local' }, counter],
    [{ type: 'protocol', protocol: 'udp' }, counter],
  ]);
  send(near, '10.0.1.1', 9);
  send(near, '10.0.2.2', 9);
  expect(counts()).toEqual([1, 2]);
});

describe('VXLAN packets', () => {
  /** VNI 4096, then something that looks like a frame. */
  const forged = `0800000000100000${'00'.repeat(64)}`;

  /** `near` on a bridge with a tunnel to `far`. */
  beforeEach(async () => {
    wire(far, { name: 'far', address: '192.0.2.1/24', farAddress: '192.0.2.2/24' });
    here.ip('link add br0 type bridge');
    here.ip('link set br0 up');
    here.ip('address add 10.0.1.1/24 dev br0');
    wire(near, { name: 'near', farAddress: '10.0.1.2/24' });
    here.ip('link set near master br0');
    const tunnel = 'link add vx0 type vxlan id 4096 dstport 4789';
    here.ip(`${tunnel} local 192.0.2.1 remote 192.0.2.2`);
    here.ip('link set vx0 up master br0');
    far.ip(`${tunnel} local 192.0.2.2 remote 192.0.2.1`);
    far.ip('address add 10.0.1.3/24 dev vx0');
    far.ip('link set vx0 up');
    near.run('ping -c 1 10.0.1.3');
    here.run('ping -c 1 10.0.1.3');
    await make(
      { hook: 'output', priority: -150 },
      [
        [{ type: 'protocol', protocol: 'udp' }, { type: 'socket-user' }, counter],
        [
          { type: 'protocol', protocol: 'udp' },
          { type: 'lookup', fields: ['@th,96,24'], set: 'vnis' },
          counter,
        ],
      ],
      ['vnis 0x1000'],
    );
  });

  it('of what came from other sandboxes belong to no process', () => {
    const before = counts();
    near.run('ping -c 2 -i 0.1 10.0.1.3');
    send(near, '10.0.1.3', 9);
    expectMore(before, { ofProcesses: 0, ofNetwork: 3 });
  });

  it('that a process forged belong to it', () => {
    const before = counts();
    send(here, '192.0.2.2', 4789, forged);
    expectMore(before, { ofProcesses: 1, ofNetwork: 1 });
  });

  it('around what a process of this sandbox sent belong to it, like what is in them', () => {
    const before = counts();
    send(here, '10.0.1.3', 9);
    // The datagram, and the packet around it.
    expectMore(before, { ofProcesses: 2, ofNetwork: 1 });
  });

  /** Neighbor discovery sends some of its own, at any time. */
  function expectMore(before: number[], wanted: { ofProcesses: number; ofNetwork: number }): void {
    const now = counts();
    expect(now[0]! - before[0]!).toBe(wanted.ofProcesses);
    expect(now[1]! - before[1]!).toBeGreaterThanOrEqual(wanted.ofNetwork);
  }
});
