import type { NftElementRule, NftTableRule } from '../../src/model/index.js';

/** One of everything the model has. */
export const table: NftTableRule = {
  kind: 'nft-table',
  name: 'meshd-test',
  sets: [
    { name: 'vips4', key: ['ipv4_addr'], interval: false },
    { name: 'vips6', key: ['ipv6_addr'], interval: false },
    { name: 'nets4', key: ['ipv4_addr'], interval: true },
    { name: 'nets6', key: ['ipv6_addr'], interval: true },
    { name: 'ports', key: ['inet_service'], interval: true },
    { name: 'links4', key: ['ipv4_addr', 'ipv4_addr'], interval: true },
    { name: 'links6', key: ['ipv6_addr', 'ipv6_addr'], interval: true },
    { name: 'plain', key: ['ipv4_addr', 'inet_proto', 'inet_service'], interval: false },
    {
      name: 'marks4',
      key: ['ipv4_addr', 'inet_proto', 'inet_service'],
      value: 'mark',
      interval: true,
    },
    { name: 'marks6', key: ['ipv6_addr'], value: 'mark', interval: false },
  ],
  chains: [
    {
      name: 'prerouting',
      type: 'filter',
      hook: 'prerouting',
      priority: -150,
      rules: [
        {
          comment: 'published ports',
          statements: [
            {
              type: 'mark-from-map',
              fields: ['ip daddr', 'meta l4proto', 'th dport'],
              map: 'marks4',
            },
            { type: 'counter' },
          ],
        },
        {
          comment: 'virtual addresses',
          statements: [{ type: 'mark-from-map', fields: ['ip6 daddr'], map: 'marks6' }],
        },
        {
          comment: 'only counts',
          statements: [
            {
              type: 'lookup',
              fields: ['ip daddr', 'meta l4proto', 'th dport'],
              set: 'plain',
              negate: true,
            },
            { type: 'lookup', fields: ['th dport'], set: 'ports' },
            { type: 'counter' },
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
          comment: 'client and destination share a link',
          statements: [
            { type: 'lookup', fields: ['ct original ip daddr'], set: 'vips4' },
            { type: 'lookup', fields: ['ip saddr', 'ip daddr'], set: 'links4' },
            { type: 'counter' },
            { type: 'masquerade' },
          ],
        },
        {
          comment: 'client and destination share a link',
          statements: [
            { type: 'lookup', fields: ['ct original ip6 daddr'], set: 'vips6' },
            { type: 'lookup', fields: ['ip6 saddr', 'ip6 daddr'], set: 'links6' },
            { type: 'masquerade' },
          ],
        },
        {
          comment: 'elsewhere',
          statements: [
            { type: 'lookup', fields: ['ip saddr'], set: 'nets4', negate: true },
            { type: 'masquerade' },
          ],
        },
      ],
    },
    { name: 'mangle', type: 'route', hook: 'output', priority: -150, rules: [] },
  ],
};

export function element(set: string, key: string, value?: string): NftElementRule {
  return {
    kind: 'nft-element',
    table: table.name,
    set,
    key: key.split(' . '),
    ...(value === undefined ? {} : { value }),
  };
}
