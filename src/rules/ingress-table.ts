import {
  ingressGroup,
  type NftRule,
  type NftStatement,
  type NftTableRule,
} from '../model/index.js';
import { ownMark } from './packet-marks.js';

/*
 * The table of a host that answers published ports. Its rules are fixed; ports, clients and
 * devices are elements of its sets, so that a change costs its own elements and a packet the same
 * few look-ups however many ports there are.
 */

/** The name of the table. */
export const ingressTableName = 'meshd-ingress';

const ofIngress = { type: 'device-group', group: ingressGroup } as const;
const fromInside: NftStatement = { ...ofIngress, field: 'iifgroup' };
const toInside: NftStatement = { ...ofIngress, field: 'oifgroup' };
const toOutside: NftStatement = { ...toInside, negate: true };
const drop: NftStatement = { type: 'drop' };
const accept: NftStatement = { type: 'accept' };
const masquerade: NftStatement = { type: 'masquerade' };

const families = [
  { address: 'ipv4_addr', saddr: 'ip saddr', daddr: 'ip daddr', suffix: '4' },
  { address: 'ipv6_addr', saddr: 'ip6 saddr', daddr: 'ip6 daddr', suffix: '6' },
] as const;

/**
 * IPVS needs no connection tracking, which costs each packet more than all rules here. Answers are
 * told by the port that they come from, which is never one that a task's kernel chose for a call.
 */
const answers: readonly NftRule[] = families.map(({ daddr, suffix }) => ({
  comment: 'answers that IPVS carries, but not to who was led here by nftables',
  statements: [
    fromInside,
    { type: 'protocol', protocol: 'tcp' },
    { type: 'lookup', fields: ['th sport'], set: 'answers' },
    { type: 'lookup', fields: [daddr], set: `insiders${suffix}`, negate: true },
    { type: 'notrack' },
    accept,
  ],
}));

/** It spares what only passes through every other look-up. */
const notForUs: NftRule = {
  comment: 'to other hosts and tasks',
  statements: [{ type: 'fib-elsewhere' }, accept],
};

/** IPVS refuses loopback addresses as source, so nftables balances for them. */
const looped: readonly NftRule[] = families.flatMap(({ daddr, suffix }): NftRule[] => {
  return [
    {
      comment: 'published ports, for clients on this host by loopback',
      statements: [
        { type: 'lookup', fields: [daddr], set: `loopback${suffix}` },
        { type: 'mark-from-map', fields: ['meta l4proto', 'th dport'], map: 'looped' },
        accept,
      ],
    },
  ];
});

/** A task that is led to itself needs its address replaced, which costs IPVS more. */
const fromTasks: readonly NftRule[] = [
  {
    comment: 'published ports, for tasks of this host',
    statements: [
      fromInside,
      { type: 'mark-from-map', fields: ['meta l4proto', 'th dport'], map: 'inner' },
      accept,
    ],
  },
];

const untracked: NftRule = {
  comment: 'what IPVS carries',
  statements: [{ type: 'lookup', fields: ['meta mark'], set: 'untracked' }, { type: 'notrack' }],
};

const published: readonly NftRule[] = [
  ...['ports', 'ranges'].map((map): NftRule => {
    return {
      comment: 'published ports',
      statements: [{ type: 'mark-from-map', fields: ['meta l4proto', 'th dport'], map }],
    };
  }),
  ...families.map(({ daddr, suffix }): NftRule => {
    return {
      comment: 'ports published on one address',
      statements: [
        {
          type: 'mark-from-map',
          fields: [daddr, 'meta l4proto', 'th dport'],
          map: `bound${suffix}`,
        },
      ],
    };
  }),
];

const restricted = families.map(({ saddr, suffix }): NftRule => {
  return {
    comment: 'allowFrom: other clients',
    statements: [
      { type: 'lookup', fields: ['meta mark'], set: 'limited' },
      {
        type: 'lookup',
        fields: [saddr, 'meta mark'],
        set: `allowed${suffix}`,
        negate: true,
      },
      drop,
    ],
  };
});

/** What crosses between the ingress network and the world is an answer, or a task's own call. */
const crossing: readonly NftRule[] = [
  { comment: 'answers', statements: [{ type: 'reply-direction' }, accept] },
  // Not where addresses are translated: packets that no connection is known of pass that by.
  ...families.map(({ saddr, suffix }): NftRule => {
    return {
      comment: 'tasks on internal networks alone',
      statements: [
        fromInside,
        toOutside,
        { type: 'lookup', fields: [saddr], set: `internal${suffix}` },
        drop,
      ],
    };
  }),
  { comment: 'of tasks', statements: [fromInside, accept] },
  {
    // Translated before they come here where nftables balances; IPVS sends them past this hook.
    comment: 'published ports',
    statements: [toInside, { type: 'mark-is', ...ownMark }, accept],
  },
  { comment: 'nothing else reaches tasks unpublished', statements: [toInside, drop] },
];

/** First packets of connections alone come here, and none that IPVS carries. */
const translated: readonly NftRule[] = [
  {
    comment: 'source: snat',
    statements: [{ type: 'lookup', fields: ['meta mark'], set: 'snat' }, masquerade],
  },
  ...families.map(({ saddr, suffix }): NftRule => {
    return {
      comment: 'clients on this host by loopback',
      statements: [
        toInside,
        { type: 'lookup', fields: [saddr], set: `loopback${suffix}` },
        masquerade,
      ],
    };
  }),
  ...families.map(({ saddr, daddr, suffix }): NftRule => {
    return {
      comment: 'a task that is led to itself',
      statements: [
        toInside,
        { type: 'lookup', fields: [saddr, daddr], set: `hairpin${suffix}` },
        masquerade,
      ],
    };
  }),
  ...families.map(({ saddr, suffix }): NftRule => {
    return {
      comment: 'calls of tasks to the world',
      statements: [
        toOutside,
        { type: 'lookup', fields: [saddr], set: `inside${suffix}` },
        masquerade,
      ],
    };
  }),
];

const raw = -300;
/** Behind IPVS (ip_vs_core.c, ip_vs_ops4), which gives answers the address that was called. */
const afterIpvs = 110;

/** Fixed rules, and the sets that they look into. */
export const ingressTable: NftTableRule = {
  kind: 'nft-table',
  name: ingressTableName,
  sets: [
    // What most packets ask for is found by hash; ranges cost twice that.
    { name: 'ports', key: ['inet_proto', 'inet_service'], value: 'mark', interval: false },
    { name: 'ranges', key: ['inet_proto', 'inet_service'], value: 'mark', interval: true },
    { name: 'looped', key: ['inet_proto', 'inet_service'], value: 'mark', interval: true },
    { name: 'inner', key: ['inet_proto', 'inet_service'], value: 'mark', interval: true },
    { name: 'limited', key: ['mark'], interval: false },
    { name: 'snat', key: ['mark'], interval: false },
    { name: 'untracked', key: ['mark'], interval: false },
    { name: 'answers', key: ['inet_service'], interval: false },
    ...families.flatMap(({ address, suffix }) => [
      {
        name: `bound${suffix}`,
        key: [address, 'inet_proto', 'inet_service'] as const,
        value: 'mark' as const,
        interval: true,
      },
      {
        name: `allowed${suffix}`,
        key: [address, 'mark'] as const,
        interval: true,
      },
      { name: `insiders${suffix}`, key: [address], interval: false },
      { name: `inside${suffix}`, key: [address], interval: true },
      { name: `loopback${suffix}`, key: [address], interval: true },
      { name: `internal${suffix}`, key: [address], interval: false },
      { name: `hairpin${suffix}`, key: [address, address], interval: false },
    ]),
  ],
  chains: [
    {
      name: 'prerouting',
      type: 'filter',
      hook: 'prerouting',
      priority: raw,
      rules: [
        ...answers,
        notForUs,
        {
          comment: 'loopback addresses do not come in',
          statements: [
            fromInside,
            { type: 'lookup', fields: ['ip daddr'], set: 'loopback4' },
            drop,
          ],
        },
        ...published,
        ...restricted,
        ...fromTasks,
        untracked,
      ],
    },
    {
      name: 'output',
      type: 'filter',
      hook: 'output',
      priority: raw,
      rules: [
        { comment: 'to other hosts and tasks', statements: [{ type: 'leaves-host' }, accept] },
        ...looped,
        ...published,
        untracked,
      ],
    },
    { name: 'forward', type: 'filter', hook: 'forward', priority: afterIpvs, rules: crossing },
    { name: 'postrouting', type: 'nat', hook: 'postrouting', priority: 100, rules: translated },
    {
      name: 'last',
      type: 'filter',
      hook: 'postrouting',
      priority: 150,
      rules: [
        {
          // It would survive the encapsulation and lead the outer packet to the service again.
          comment: 'the mark has done its work',
          statements: [toInside, { type: 'mark-is', ...ownMark }, { type: 'mark-clear' }],
        },
      ],
    },
  ],
};
