import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errnoName } from '../../src/kernel/index.js';
import { applyNft, observeNft } from '../../src/kernel/linux/nftables-session.js';
import type { NetlinkSession } from '../../src/kernel/linux/session.js';
import type { NftElementRule, NftTableRule, Op } from '../../src/model/index.js';
import { TestNamespace } from '../support/namespace.js';
import { element, table } from '../support/nft-table.js';

let namespace: TestNamespace;
let session: NetlinkSession;

beforeEach(async () => {
  namespace = new TestNamespace();
  session = await namespace.session('netfilter');
});
afterEach(() => namespace.close());

const elements: NftElementRule[] = [
  element('vips4', '10.96.0.1'),
  element('vips6', 'fd96::1'),
  element('nets4', '0.0.0.0'),
  element('nets4', '10.0.0.0/24'),
  element('nets4', '10.0.1.0/24'),
  element('nets4', '10.3.0.1'),
  element('nets4', '10.4.0.1-10.4.0.9'),
  element('nets4', '255.255.0.0/16'),
  element('nets6', '::/64'),
  element('nets6', 'fd00::1'),
  element('nets6', 'ffff::/16'),
  element('ports', '80'),
  element('ports', '8000-8010'),
  element('ports', '65535'),
  element('links4', '10.0.0.0/24 . 10.0.0.0/24'),
  element('links4', '10.0.1.0/24 . 10.0.1.7'),
  element('links6', 'fd05::/64 . fd05::/64'),
  element('plain', '10.96.0.1 . tcp . 80'),
  element('marks4', '192.168.5.1 . tcp . 30000-30010', '0x101'),
  element('marks4', '192.168.5.0/24 . sctp . 80', '0xfedcba98'),
  element('marks6', 'fd96::1', '0x1'),
];

async function apply(...ops: [verb: Op['verb'], target: NftTableRule | NftElementRule][]) {
  const refused = await applyNft(
    session,
    ops.map(([verb, target]) => ({ verb, target })),
  );
  return [...refused].map(([index, refusal]) => `${index} ${errnoName(refusal.errno)}`);
}

async function everything(): Promise<void> {
  const added = elements.map((target): [Op['verb'], NftElementRule] => ['add', target]);
  expect(await apply(['add', table], ...added)).toEqual([]);
}

/** The one table, if there is one, with its elements. */
async function observed(): Promise<{
  table: NftTableRule | undefined;
  elements: NftElementRule[];
}> {
  const { tables, elements: inThem } = await observeNft(session);
  expect(tables.length).toBeLessThan(2);
  return { table: tables[0], elements: [...inThem] };
}

function sorted(list: readonly NftElementRule[]): string[] {
  return list.map((each) => JSON.stringify(each)).toSorted();
}

describe('the table', () => {
  it('is made with everything in it, as nft shows it', async () => {
    await everything();
    expect(namespace.run('nft list table inet meshd-test')).toMatchInlineSnapshot(`
      "table inet meshd-test {
      	set vips4 {
      		type ipv4_addr
      		elements = { 10.96.0.1 }
      	}

      	set vips6 {
      		type ipv6_addr
      		elements = { fd96::1 }
      	}

      	set nets4 {
      		type ipv4_addr
      		flags interval
      		elements = { 0.0.0.0, 10.0.0.0/24,
      			     10.0.1.0/24, 10.3.0.1,
      			     10.4.0.1-10.4.0.9, 255.255.0.0/16 }
      	}

      	set nets6 {
      		type ipv6_addr
      		flags interval
      		elements = { ::/64,
      			     fd00::1,
      			     ffff::/16 }
      	}

      	set ports {
      		type inet_service
      		flags interval
      		elements = { 80, 8000-8010, 65535 }
      	}

      	set links4 {
      		type ipv4_addr . ipv4_addr
      		flags interval
      		elements = { 10.0.0.0/24 . 10.0.0.0/24,
      			     10.0.1.0/24 . 10.0.1.7 }
      	}

      	set links6 {
      		type ipv6_addr . ipv6_addr
      		flags interval
      		elements = { fd05::/64 . fd05::/64 }
      	}

      	set plain {
      		type ipv4_addr . inet_proto . inet_service
      		elements = { 10.96.0.1 . tcp . 80 }
      	}

      	map marks4 {
      		type ipv4_addr . inet_proto . inet_service : mark
      		flags interval
      		elements = { 192.168.5.1 . tcp . 30000-30010 : 0x00000101,
      			     192.168.5.0/24 . sctp . 80 : 0xfedcba98 }
      	}

      	map marks6 {
      		type ipv6_addr : mark
      		elements = { fd96::1 : 0x00000001 }
      	}

      	chain prerouting {
      		type filter hook prerouting priority mangle; policy accept;
      		meta mark set ip daddr . meta l4proto . th dport map @marks4 counter packets 0 bytes 0 comment "published ports"
      		meta mark set ip6 daddr map @marks6 comment "virtual addresses"
      		ip daddr . meta l4proto . th dport != @plain th dport @ports counter packets 0 bytes 0 comment "only counts"
      	}

      	chain postrouting {
      		type nat hook postrouting priority srcnat; policy accept;
      		ct original ip daddr @vips4 ip saddr . ip daddr @links4 counter packets 0 bytes 0 masquerade comment "client and destination share a link"
      		ct original ip6 daddr @vips6 ip6 saddr . ip6 daddr @links6 masquerade comment "client and destination share a link"
      		ip saddr != @nets4 masquerade comment "elsewhere"
      	}

      	chain mangle {
      		type route hook output priority mangle; policy accept;
      	}
      }
      "
    `);
  });

  it('is read back as it was asked for', async () => {
    await everything();
    const { table: found, elements: inIt } = await observed();
    expect(found).toEqual(table);
    expect(sorted(inIt)).toEqual(sorted(elements));
  });

  it('is not there where there is none', async () => {
    expect(await observeNft(session)).toEqual({ tables: [], elements: [] });
    namespace.run('nft add table ip meshd-test');
    namespace.run('nft add table inet meshdx');
    expect(await observeNft(session)).toEqual({ tables: [], elements: [] });
  });

  it('is strict', async () => {
    expect(await apply(['set', table])).toEqual(['0 ENOENT']);
    expect(await apply(['delete', table])).toEqual(['0 ENOENT']);
    expect(await apply(['add', elements[0]!])).toEqual(['0 ENOENT']);
    expect(await apply(['add', table])).toEqual([]);
    expect(await apply(['add', table])).toEqual(['0 EEXIST']);
    expect(await apply(['delete', table])).toEqual([]);
    expect(namespace.run('nft list ruleset')).toBe('');
  });

  it('is replaced with its elements in one commit', async () => {
    await everything();
    const smaller = { ...table, sets: table.sets.slice(0, 1), chains: [] };
    expect(await apply(['set', smaller], ['add', elements[0]!])).toEqual([]);
    expect(await observed()).toEqual({ table: smaller, elements: [elements[0]] });
  });

  it.each([
    ['a rule deleted', 'delete rule inet meshd-test postrouting handle HANDLE'],
    [
      'a rule replaced',
      'replace rule inet meshd-test postrouting handle HANDLE counter comment "elsewhere"',
    ],
    ['a rule added', 'add rule inet meshd-test postrouting counter'],
    [
      'a rule added that looks like ours',
      'add rule inet meshd-test mangle ip saddr @nets4 counter',
    ],
    ['a rule put in front', 'insert rule inet meshd-test mangle ip daddr 10.0.0.1 drop'],
    ['a chain added', 'add chain inet meshd-test other'],
    ['a chain deleted', 'delete chain inet meshd-test mangle'],
    ['a policy changed', 'add chain inet meshd-test prerouting { policy drop ; }'],
    ['a set added', 'add set inet meshd-test other { type ipv4_addr ; }'],
    [
      'a set made anew with timeouts',
      'add set inet meshd-test nets6 { type ipv6_addr ; flags timeout ; }',
    ],
    ['the table put to sleep', 'add table inet meshd-test { flags dormant ; }'],
  ])('differs after %s', async (name, command) => {
    await everything();
    if (name.includes('anew')) namespace.run('nft delete set inet meshd-test nets6');
    const listed = namespace.run('nft -a list chain inet meshd-test postrouting');
    const handle = /comment "elsewhere" # handle (\d+)/.exec(listed)![1]!;
    namespace.run(`nft ${command.replace('HANDLE', handle)}`);
    expect((await observed()).table).not.toEqual(table);
    expect(await apply(['set', table])).toEqual([]);
    expect((await observed()).table).toEqual(table);
  });
});

describe('elements', () => {
  beforeEach(async () => {
    await apply(['add', table]);
  });

  it.each(elements.map((each) => [`${each.set} ${each.key.join(' . ')}`, each] as const))(
    'add and delete %s, strictly',
    async (_, each) => {
      expect(await apply(['delete', each])).toEqual(['0 ENOENT']);
      expect(await apply(['add', each])).toEqual([]);
      expect((await observed()).elements).toEqual([each]);
      expect(await apply(['add', each])).toEqual(['0 EEXIST']);
      expect(await apply(['delete', each])).toEqual([]);
      expect((await observed()).elements).toEqual([]);
    },
  );

  it('change their value', async () => {
    const before = element('marks6', 'fd96::1', '0x1');
    const after = element('marks6', 'fd96::1', '0x2');
    expect(await apply(['set', after])).toEqual(['0 ENOENT']);
    await apply(['add', before]);
    expect(await apply(['set', after])).toEqual([]);
    expect((await observed()).elements).toEqual([after]);
  });

  it('are applied although one among them is refused', async () => {
    const [a, b, c] = [
      element('vips4', '10.0.0.1'),
      element('vips4', '10.0.0.2'),
      element('vips4', '10.0.0.3'),
    ] as const;
    await apply(['add', b]);
    const nowhere = element('nowhere', '10.0.0.1');
    const unfit = element('vips4', 'fd00::1');
    expect(
      await apply(['add', a], ['add', b], ['add', nowhere], ['add', unfit], ['add', c]),
    ).toEqual(['2 ENOENT', '3 EINVAL', '1 EEXIST']);
    expect(sorted((await observed()).elements)).toEqual(sorted([a, b, c]));
  });

  it('go in several batches when there are many', async () => {
    const many = Array.from({ length: 5000 }, (_, i) =>
      element('vips4', `10.1.${i >> 8}.${i & 255}`),
    );
    expect(await apply(...many.map((each) => ['add', each] as ['add', NftElementRule]))).toEqual(
      [],
    );
    expect(sorted((await observed()).elements)).toEqual(sorted(many));
  });
});
