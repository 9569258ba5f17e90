import { describe, expect, it } from 'vitest';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import { decodeElements } from '../../../src/kernel/linux/nftables-element.js';
import { nft, ownNftAttributes } from '../../../src/kernel/linux/nftables-message.js';
import { NftTablesReader } from '../../../src/kernel/linux/nftables-table.js';
import {
  encodeNftBatchBegin,
  encodeNftBatchEnd,
  encodeNftElementDump,
  encodeNftElementOp,
  encodeNftContentsDump,
  encodeNftGenerationGet,
  encodeNftTableDump,
  encodeNftTableOp,
} from '../../../src/kernel/linux/nftables.js';
import { errno } from '../../../src/kernel/index.js';
import type { NftElementRule, NftSet, NftTableRule, Op } from '../../../src/model/index.js';
import { readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { nftablesLayout } from '../../support/nftables-layout.js';
import { expectNoThrow } from '../../support/random-bytes.js';

const golden = new URL('../../golden/netlink/', import.meta.url);

const sets: NftSet[] = [
  { name: 'vips4', key: ['ipv4_addr'], interval: false },
  { name: 'ports', key: ['inet_service'], interval: true },
  { name: 'links6', key: ['ipv6_addr', 'ipv6_addr'], interval: true },
  { name: 'pairs', key: ['inet_proto', 'inet_service'], interval: false },
  {
    name: 'marks',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    value: 'mark',
    interval: true,
  },
];
const table: NftTableRule = {
  kind: 'nft-table',
  name: 'meshd',
  sets,
  chains: [
    {
      name: 'prerouting',
      type: 'filter',
      hook: 'prerouting',
      priority: -150,
      rules: [
        {
          comment: 'published',
          statements: [
            {
              type: 'mark-from-map',
              fields: ['ip daddr', 'meta l4proto', 'th dport'],
              map: 'marks',
            },
          ],
        },
      ],
    },
    {
      name: 'postrouting',
      type: 'nat',
      hook: 'postrouting',
      priority: 100,
      rules: [
        {
          comment: 'same link',
          statements: [
            { type: 'lookup', fields: ['ct original ip daddr'], set: 'vips4', negate: true },
            { type: 'counter' },
            { type: 'masquerade' },
          ],
        },
        {
          comment: 'IPv6 links',
          statements: [
            { type: 'lookup', fields: ['ip6 saddr', 'ip6 daddr'], set: 'links6' },
            { type: 'masquerade' },
          ],
        },
        {
          comment: 'any protocol',
          statements: [{ type: 'lookup', fields: ['meta l4proto', 'th dport'], set: 'pairs' }],
        },
      ],
    },
  ],
};
const setsByName = new Map(sets.map((set) => [set.name, set]));

function element(set: string, key: string, value?: string): NftElementRule {
  const rule = { kind: 'nft-element' as const, table: table.name, set, key: key.split(' . ') };
  return value === undefined ? rule : { ...rule, value };
}

describe('encoding nftables', () => {
  const tableOps: { name: string; verb: Op['verb']; rule: NftTableRule }[] = [
    { name: 'add the table', verb: 'add', rule: table },
    { name: 'replace the table', verb: 'set', rule: { ...table, sets: [], chains: [] } },
    { name: 'delete the table', verb: 'delete', rule: table },
  ];
  const elementOps: { name: string; verb: Op['verb']; rule: NftElementRule }[] = [
    { name: 'add an address', verb: 'add', rule: element('vips4', '10.96.0.1') },
    { name: 'delete an address', verb: 'delete', rule: element('vips4', '10.96.0.1') },
    { name: 'add a range', verb: 'add', rule: element('ports', '8000-8010') },
    { name: 'add a range to the last number', verb: 'add', rule: element('ports', '65000-65535') },
    { name: 'add two prefixes', verb: 'add', rule: element('links6', 'fd05::/64 . fd05::/64') },
    {
      name: 'replace the value of a range',
      verb: 'set',
      rule: element('marks', '192.168.5.1 . tcp . 30000-30010', '0x101'),
    },
  ];
  const reads: Record<string, (writer: MessageWriter) => void> = {
    'read the table': (writer) => {
      let sequence = 1;
      encodeNftContentsDump(writer, ['meshd'], () => sequence++);
    },
    'list the tables': (writer) => encodeNftTableDump(writer, 5),
    'read the elements of a set': (writer) => encodeNftElementDump(writer, 'meshd', 'vips4', 6),
    'read the generation': (writer) => encodeNftGenerationGet(writer, 7),
    'begin and end a batch': (writer) => {
      encodeNftBatchBegin(writer, 8);
      encodeNftBatchEnd(writer, 8);
    },
  };

  it('is as in the golden file', () => {
    const blocks = new Map<string, string>();
    const add = (name: string, encode: (writer: MessageWriter) => void): void => {
      const writer = new MessageWriter(16);
      encode(writer);
      blocks.set(name, describeMessages(writer.bytes(), nftablesLayout));
    };
    for (const { name, verb, rule } of tableOps) {
      add(name, (writer) => encodeNftTableOp(writer, verb, rule, 5));
    }
    for (const { name, verb, rule } of elementOps) {
      add(name, (writer) => {
        expect(encodeNftElementOp(writer, verb, rule, 5, setsByName)).toBe(0);
      });
    }
    for (const [name, encode] of Object.entries(reads)) add(name, encode);
    const file = new URL('nftables.txt', golden);
    expectGolden(file, 'Requests about the nftables table.', blocks);
  });

  it.each([
    ['an unknown set', element('nowhere', '10.0.0.1'), errno.ENOENT],
    ['too few parts', element('links6', 'fd05::1'), errno.EINVAL],
    ['another family', element('vips4', 'fd05::1'), errno.EINVAL],
    ['a range where only values go', element('vips4', '10.0.0.0/24'), errno.EINVAL],
    ['a range that goes backwards', element('ports', '90-80'), errno.EINVAL],
    ['a port that is none', element('ports', '65536'), errno.EINVAL],
    ['a value in a set', element('ports', '80', '0x1'), errno.EINVAL],
    ['no value in a map', element('marks', '10.0.0.1 . tcp . 80'), errno.EINVAL],
    ['a value that is no mark', element('marks', '10.0.0.1 . tcp . 80', 'red'), errno.EINVAL],
    ['an unknown protocol', element('pairs', 'http . 80'), errno.EINVAL],
  ])('writes nothing for %s', (_, rule, want) => {
    for (const verb of ['add', 'set', 'delete'] as const) {
      const writer = new MessageWriter();
      expect(encodeNftElementOp(writer, verb, rule, 5, setsByName)).toBe(want);
      expect(writer.length).toBe(0);
    }
  });
});

describe('decoding nftables', () => {
  const captured = readCaptured(new URL('nftables-replies.txt', golden));
  const bodies = captured.map(({ body }) => body);
  const types: Record<string, number> = {
    table: nft.newTable,
    set: nft.newSet,
    chain: nft.newChain,
    rule: nft.newRule,
    elements: nft.newElement,
  };
  const typeOf = (name: string): number => types[name.split(' ')[0]!]!;

  it('gives the table back that was asked for', () => {
    const reader = new NftTablesReader();
    for (const { name, body } of captured) reader.add(typeOf(name), body);
    expect(reader.tables()).toEqual([table]);
  });

  it('gives the elements back', () => {
    const found = sets.flatMap((set) => {
      const own = captured.filter(({ name }) => name === `elements ${set.name}`);
      return decodeElements(
        own.map(({ body }) => ownNftAttributes(body)!),
        table.name,
        set,
      );
    });
    expect(found).toEqual([
      element('vips4', '10.96.0.1'),
      element('ports', '80'),
      element('ports', '8000-8010'),
      element('ports', '65000-65535'),
      element('links6', 'fd05::/64 . fd05::/64'),
      element('pairs', 'sctp . 80'),
      element('marks', '192.168.5.1 . tcp . 30000-30010', '0x101'),
    ]);
  });

  it('keeps to its own table', () => {
    const reader = new NftTablesReader();
    const others = bodies.map((body) =>
      Buffer.from(body.toString('latin1').replace('meshd', 'other'), 'latin1'),
    );
    captured.forEach(({ name }, i) => reader.add(typeOf(name), others[i]!));
    captured.forEach(({ name, body }) => {
      const ip = Buffer.from(body);
      ip[0] = 2; // NFPROTO_IPV4: a table `ip meshd`
      reader.add(typeOf(name), ip);
    });
    expect(reader.tables()).toEqual([]);
  });

  it('survives anything', () => {
    for (const type of Object.values(types)) {
      const samples = captured.filter(({ name }) => typeOf(name) === type).map(({ body }) => body);
      expectNoThrow(samples, (body) => {
        const reader = new NftTablesReader();
        reader.add(nft.newTable, bodies[0]!);
        reader.add(type, body);
        const attributes = ownNftAttributes(body);
        const elements =
          attributes === undefined
            ? []
            : sets.map((set) => decodeElements([attributes], table.name, set));
        return [reader.tables(), elements];
      });
    }
  });
});
