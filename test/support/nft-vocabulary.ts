import type {
  NftElementRule,
  NftField,
  NftStatement,
  NftTableRule,
} from '../../src/model/index.js';

const any = 'all';
const rule = (comment: string, ...statements: NftStatement[]) => ({ comment, statements });
const lookup = (set: string, ...fields: NftField[]): NftStatement => ({
  type: 'lookup',
  fields,
  set,
});
const own = { mask: 0xff000000, value: 0x4d000000 } as const;
const drop = { type: 'drop' } as const;

/** Every type, field and statement that `nft-table.ts` does not have. */
export const vocabulary: NftTableRule = {
  kind: 'nft-table',
  name: 'meshd-words',
  sets: [
    { name: 'devices', key: ['ifname'], interval: false },
    { name: 'macs', key: ['ether_addr'], interval: false },
    { name: 'marks', key: ['mark'], interval: false },
    { name: 'ports', key: ['inet_service'], interval: false },
    { name: 'entries', key: ['ether_addr'], value: 'mark', interval: false },
    { name: 'published', key: ['inet_proto', 'inet_service'], value: 'mark', interval: true },
    { name: 'limited', key: ['inet_proto', 'inet_service'], interval: true },
    {
      name: 'bound6',
      key: ['ipv6_addr', 'inet_proto', 'inet_service'],
      value: 'mark',
      interval: true,
    },
    { name: 'vnis', key: ['@th,96,24'], interval: false },
    {
      name: 'queries',
      key: ['ipv4_addr', 'inet_proto', 'inet_service'],
      value: 'inet_service',
      interval: false,
    },
    {
      name: any,
      key: ['ifname', 'ether_addr', 'mark', 'ipv4_addr', 'inet_service'],
      interval: false,
    },
  ],
  chains: [
    {
      name: 'prerouting',
      type: 'filter',
      hook: 'prerouting',
      priority: -150,
      rules: [
        rule(
          'entries',
          { type: 'mark-from-map', fields: ['ether saddr'], map: 'entries' },
          { type: 'ct-mark-from-mark' },
        ),
        rule(
          'replies',
          { type: 'reply-direction' },
          { type: 'ct-mark-is', ...own },
          { type: 'mark-from-ct-mark' },
          { type: 'counter' },
          { type: 'accept' },
        ),
        rule(
          'published ports',
          { type: 'fib-local' },
          { type: 'mark-from-map', fields: ['meta l4proto', 'th dport'], map: 'published' },
        ),
        rule(
          'of others',
          { type: 'device-group', field: 'iifgroup', group: 109 },
          { type: 'fib-elsewhere' },
          { type: 'accept' },
        ),
        rule('untracked', lookup('marks', 'meta mark'), { type: 'notrack' }),
        rule('one address', {
          type: 'mark-from-map',
          fields: ['ip6 daddr', 'meta l4proto', 'th dport'],
          map: 'bound6',
        }),
        rule(
          'two guards, each once',
          lookup('macs', 'ether saddr'),
          lookup(any, 'iifname', 'ether saddr', 'meta mark', 'ip saddr', 'th dport'),
          { type: 'lookup', fields: ['ether saddr'], set: 'macs', negate: true },
          lookup('marks', 'ct mark'),
          drop,
        ),
      ],
    },
    {
      name: 'output',
      type: 'filter',
      hook: 'output',
      priority: -150,
      rules: [
        rule('to others', { type: 'leaves-host' }, { type: 'accept' }),
        rule(
          'another port',
          {
            type: 'port-from-map',
            port: 'th dport',
            fields: ['ip daddr', 'meta l4proto', 'th dport'],
            map: 'queries',
          },
          { type: 'notrack' },
        ),
        rule('of answers', {
          type: 'port-from-map',
          port: 'th sport',
          fields: ['ip saddr', 'meta l4proto', 'th sport'],
          map: 'queries',
        }),
        rule(
          'between others',
          { type: 'device-group', field: 'oifgroup', group: 109 },
          { type: 'device-group', field: 'oifgroup', group: 1, negate: true },
          { type: 'accept' },
        ),
        rule(
          'of processes',
          { type: 'protocol', protocol: 'udp' },
          lookup('ports', 'th dport'),
          lookup('vnis', '@th,96,24'),
          { type: 'socket-user' },
          drop,
        ),
      ],
    },
    {
      name: 'forward',
      type: 'filter',
      hook: 'forward',
      priority: -150,
      rules: [
        rule('of devices', lookup('devices', 'iifname'), lookup('devices', 'oifname'), drop),
        rule('only tcp', { type: 'protocol', protocol: 'tcp' }, lookup('ports', 'th sport'), drop),
        rule('only sctp', { type: 'protocol', protocol: 'sctp' }, { type: 'accept' }),
        rule(
          'elsewhere',
          { type: 'protocol', protocol: 'tcp', negate: true },
          { type: 'goto', chain: 'others' },
        ),
      ],
    },
    { name: 'others', rules: [rule('counted', { type: 'counter' })] },
    {
      name: 'postrouting',
      type: 'filter',
      hook: 'postrouting',
      priority: 150,
      rules: [
        rule('the mark has done its work', { type: 'mark-is', ...own }, { type: 'mark-clear' }),
        rule('marks', lookup('marks', 'meta mark'), { type: 'counter' }),
      ],
    },
  ],
};

export const vocabularyElements: readonly NftElementRule[] = [
  word('devices', 'eth0'),
  word('devices', 'mesh-e0'),
  word('devices', 'fifteen-letters'),
  word('macs', '02:42:0a:00:00:01'),
  word('marks', '0x4d000001'),
  word('ports', '4789'),
  word('entries', '02:42:0a:00:00:01', '0x4d000001'),
  word('published', 'tcp . 80', '0x4d010050'),
  word('published', 'udp . 8000-8999', '0x4d021f40'),
  word('limited', 'tcp . 80'),
  word('limited', 'sctp . 1-65535'),
  word('bound6', 'fd00::/64 . tcp . 8000-8999', '0x4d011f40'),
  word('queries', '127.0.0.11 . udp . 53', '63053'),
  word('vnis', '0x1000'),
  word('vnis', '0xffffff'),
  word(any, 'eth0 . 02:42:0a:00:00:01 . 0x1 . 10.0.0.1 . 80'),
];

/** An element of the table above. */
export function word(set: string, key: string, value?: string): NftElementRule {
  const named = { kind: 'nft-element', table: 'meshd-words', set, key: key.split(' . ') } as const;
  return value === undefined ? named : { ...named, value };
}
