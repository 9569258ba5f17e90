import { afterEach, beforeEach, expect, it } from 'vitest';
import { applyNft, observeNft } from '../../src/kernel/linux/nftables-session.js';
import type { NetlinkSession } from '../../src/kernel/linux/session.js';
import type { NftElementRule, NftTableRule } from '../../src/model/index.js';
import { TestNamespace } from '../support/namespace.js';
import { vocabulary, vocabularyElements, word } from '../support/nft-vocabulary.js';

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

it('is made as nft shows it', async () => {
  await add(vocabulary, ...vocabularyElements);
  expect(namespace.run('nft list table inet meshd-words')).toMatchInlineSnapshot(`
    "table inet meshd-words {
    	set devices {
    		type ifname
    		elements = { "eth0",
    			     "mesh-e0",
    			     "fifteen-letters" }
    	}

    	set macs {
    		type ether_addr
    		elements = { 02:42:0a:00:00:01 }
    	}

    	set marks {
    		type mark
    		elements = { 0x4d000001 }
    	}

    	set ports {
    		type inet_service
    		elements = { 4789 }
    	}

    	map entries {
    		type ether_addr : mark
    		elements = { 02:42:0a:00:00:01 : 0x4d000001 }
    	}

    	map published {
    		type inet_proto . inet_service : mark
    		flags interval
    		elements = { tcp . 80 : 0x4d010050,
    			     udp . 8000-8999 : 0x4d021f40 }
    	}

    	set limited {
    		type inet_proto . inet_service
    		flags interval
    		elements = { tcp . 80,
    			     sctp . 1-65535 }
    	}

    	map bound6 {
    		type ipv6_addr . inet_proto . inet_service : mark
    		flags interval
    		elements = { fd00::/64 . tcp . 8000-8999 : 0x4d011f40 }
    	}

    	set vnis {
    		typeof @th,96,24
    		elements = { 0x1000, 0xffffff }
    	}

    	map queries {
    		type ipv4_addr . inet_proto . inet_service : inet_service
    		elements = { 127.0.0.11 . udp . 53 : 63053 }
    	}

    	set all {
    		type ifname . ether_addr . mark . ipv4_addr . inet_service
    		elements = { "eth0" . 02:42:0a:00:00:01 . 0x00000001 . 10.0.0.1 . 80 }
    	}

    	chain prerouting {
    		type filter hook prerouting priority mangle; policy accept;
    		meta mark set ether saddr map @entries ct mark set meta mark comment "entries"
    		ct direction reply ct mark 0x4d000000/8 meta mark set ct mark counter packets 0 bytes 0 accept comment "replies"
    		fib daddr type local meta mark set meta l4proto . th dport map @published comment "published ports"
    		iifgroup 109 fib daddr type != local accept comment "of others"
    		meta mark @marks notrack comment "untracked"
    		meta mark set ip6 daddr . meta l4proto . th dport map @bound6 comment "one address"
    		ether saddr @macs iifname . ether saddr . meta mark . ip saddr . th dport @all ether saddr != @macs ct mark @marks drop comment "two guards, each once"
    	}

    	chain output {
    		type filter hook output priority mangle; policy accept;
    		meta oiftype != loopback accept comment "to others"
    		th dport set ip daddr . meta l4proto . th dport map @queries notrack comment "another port"
    		th sport set ip saddr . meta l4proto . th sport map @queries comment "of answers"
    		oifgroup 109 oifgroup != 1 accept comment "between others"
    		udp dport @ports @th,96,24 @vnis meta skuid >= 0 drop comment "of processes"
    	}

    	chain forward {
    		type filter hook forward priority mangle; policy accept;
    		iifname @devices oifname @devices drop comment "of devices"
    		tcp sport @ports drop comment "only tcp"
    		meta l4proto sctp accept comment "only sctp"
    		meta l4proto != tcp goto others comment "elsewhere"
    	}

    	chain others {
    		counter packets 0 bytes 0 comment "counted"
    	}

    	chain postrouting {
    		type filter hook postrouting priority 150; policy accept;
    		meta mark 0x4d000000/8 meta mark set 0x00000000 comment "the mark has done its work"
    		meta mark @marks counter packets 0 bytes 0 comment "marks"
    	}
    }
    "
  `);
});

it('is read back as it was asked for', async () => {
  await add(vocabulary, ...vocabularyElements);
  const { tables, elements } = await observeNft(session);
  expect(tables).toEqual([vocabulary]);
  expect(sorted(elements)).toEqual(sorted(vocabularyElements));
});

it('holds 10,000 published ports', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) =>
    word('published', `${i % 2 === 0 ? 'tcp' : 'udp'} . ${i + 1}`, `0x${(i + 1).toString(16)}`),
  );
  await add(vocabulary, ...many);
  const { elements } = await observeNft(session);
  expect(sorted(elements)).toEqual(sorted(many));
});

function sorted(list: readonly NftElementRule[]): string[] {
  return list.map((each) => JSON.stringify(each)).toSorted();
}
