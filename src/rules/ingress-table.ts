import {
  ingressGroup,
  type NftField,
  type NftRule,
  type NftSet,
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

const protocolAndPort: readonly NftField[] = ['meta l4proto', 'th dport'];

/** IPVS refuses loopback addresses as source, so nftables balances for them. */
const looped: readonly NftRule[] = families.map(({ daddr, suffix }) => ({
  comment: 'published ports, for clients on this host by loopback',
  statements: [
    { type: 'lookup', fields: [daddr], set: `loopback${suffix}` },
    { type: 'mark-from-map', fields: protocolAndPort, map: 'looped' },
    accept,
  ],
}));

/** A task that is led to itself needs its address replaced, which costs IPVS more. */
const fromTasks: NftRule = {
  comment: 'published ports, for tasks of this host',
  statements: [{ type: 'mark-from-map', fields: protocolAndPort, map: 'inner' }, accept],
};

/** What most packets ask for: a look-up by hash, and nothing more. */
const plain: readonly NftRule[] = [
  {
    comment: 'published ports that IPVS carries',
    statements: [
      { type: 'mark-from-map', fields: protocolAndPort, map: 'untracked' },
      { type: 'notrack' },
      accept,
    ],
  },
  {
    comment: 'published ports',
    statements: [{ type: 'mark-from-map', fields: protocolAndPort, map: 'ports' }, accept],
  },
];

const wideOrBound: readonly NftRule[] = [
  {
    comment: 'ranges of published ports',
    statements: [{ type: 'mark-from-map', fields: protocolAndPort, map: 'ranges' }],
  },
  ...families.map(({ daddr, suffix }): NftRule => {
    return {
      comment: 'ports published on one address',
      statements: [
        { type: 'mark-from-map', fields: [daddr, ...protocolAndPort], map: `bound${suffix}` },
      ],
    };
  }),
];

const onDevice: NftRule = {
  comment: 'ports published on one device',
  statements: [{ type: 'mark-from-map', fields: ['iifname', ...protocolAndPort], map: 'devices' }],
};

const restricted: readonly NftRule[] = families.map(({ saddr, suffix }) => ({
  comment: 'allowFrom: other clients',
  statements: [
    { type: 'lookup', fields: ['meta mark'], set: 'limited' },
    { type: 'lookup', fields: [saddr, 'meta mark'], set: `allowed${suffix}`, negate: true },
    drop,
  ],
}));

const untracked: NftRule = {
  comment: 'what IPVS carries',
  statements: [{ type: 'lookup', fields: ['meta mark'], set: 'carried' }, { type: 'notrack' }],
};

/** What crosses between the ingress network and the world is an answer, or a task's own call. */
const crossing: readonly NftRule[] = [
  // Here, not where addresses are translated: packets that no connection is known of pass that by.
  ...families.map(({ saddr, suffix }): NftRule => {
    return {
      comment: 'of tasks that may call the world',
      statements: [
        fromInside,
        { type: 'lookup', fields: [saddr], set: `internal${suffix}`, negate: true },
        accept,
      ],
    };
  }),
  { comment: 'answers', statements: [{ type: 'reply-direction' }, accept] },
  { comment: 'tasks on internal networks alone', statements: [fromInside, toOutside, drop] },
  { comment: 'between tasks', statements: [fromInside, accept] },
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

const port = ['inet_proto', 'inet_service'] as const;

/** Fixed rules, and the sets that they look into. */
export const ingressTable: NftTableRule = {
  kind: 'nft-table',
  name: ingressTableName,
  sets: [
    { name: 'untracked', key: port, value: 'mark', interval: false },
    { name: 'ports', key: port, value: 'mark', interval: false },
    { name: 'ranges', key: port, value: 'mark', interval: true },
    { name: 'devices', key: ['ifname', ...port], value: 'mark', interval: true },
    { name: 'looped', key: port, value: 'mark', interval: true },
    { name: 'inner', key: port, value: 'mark', interval: true },
    { name: 'carried', key: ['mark'], interval: false },
    { name: 'limited', key: ['mark'], interval: false },
    { name: 'snat', key: ['mark'], interval: false },
    { name: 'answers', key: ['inet_service'], interval: false },
    ...families.flatMap(({ address, suffix }): NftSet[] => [
      { name: `bound${suffix}`, key: [address, ...port], value: 'mark', interval: true },
      { name: `allowed${suffix}`, key: [address, 'mark'], interval: true },
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
        { comment: 'of tasks', statements: [fromInside, { type: 'goto', chain: 'inside' }] },
        notForUs,
        ...plain,
        ...wideOrBound,
        onDevice,
        ...restricted,
        untracked,
      ],
    },
    {
      name: 'inside',
      rules: [
        ...answers,
        notForUs,
        {
          comment: 'loopback addresses do not come in',
          statements: [{ type: 'lookup', fields: ['ip daddr'], set: 'loopback4' }, drop],
        },
        ...wideOrBound,
        ...restricted,
        fromTasks,
        ...plain,
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
        ...plain,
        ...wideOrBound,
        untracked,
      ],
    },
    { name: 'forward', type: 'filter', hook: 'forward', priority: afterIpvs, rules: crossing },
    { name: 'postrouting', type: 'nat', hook: 'postrouting', priority: 100, rules: translated },
  ],
};
