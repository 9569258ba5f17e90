import type { NftElementRule, NftTableRule, Rule } from '../model/index.js';

/*
 * Names are asked for at port 53 of a loopback address of each sandbox. That port may be a
 * task's own: so nobody listens there but for packets to that address, whose port is changed on
 * the way. Connection tracking, which NAT needs, would look at all packets of the task.
 */

const tableName = 'meshd-names';
/** Before whoever looks at ports: raw is -300. */
const priority = -310;

const endpoint = ['ipv4_addr', 'inet_proto', 'inet_service'] as const;

const namesTable: NftTableRule = {
  kind: 'nft-table',
  name: tableName,
  sets: [
    { name: 'queries', key: endpoint, value: 'inet_service', interval: false },
    { name: 'answers', key: endpoint, value: 'inet_service', interval: false },
  ],
  chains: [
    {
      name: 'output',
      type: 'filter',
      hook: 'output',
      priority,
      rules: [
        {
          comment: 'to others',
          statements: [{ type: 'leaves-host' }, { type: 'accept' }],
        },
        {
          comment: 'questions',
          statements: [
            {
              type: 'port-from-map',
              port: 'th dport',
              fields: ['ip daddr', 'meta l4proto', 'th dport'],
              map: 'queries',
            },
            { type: 'notrack' },
          ],
        },
        {
          comment: 'answers',
          statements: [
            {
              type: 'port-from-map',
              port: 'th sport',
              fields: ['ip saddr', 'meta l4proto', 'th sport'],
              map: 'answers',
            },
            { type: 'notrack' },
          ],
        },
      ],
    },
  ],
};

/** Where names are answered in a sandbox. */
export interface NamesAt {
  /** IPv4, a loopback one. */
  readonly address: string;
  /** That programs ask. */
  readonly port: number;
  /** That is listened on, UDP and TCP. */
  readonly boundPort: number;
}

/** What a sandbox holds so that names are asked for at a port that nobody has taken. */
export function compileNames({ address, port, boundPort }: NamesAt): Rule[] {
  return [
    namesTable,
    ...(['udp', 'tcp'] as const).flatMap((protocol): NftElementRule[] => [
      element('queries', [address, protocol, String(port)], String(boundPort)),
      element('answers', [address, protocol, String(boundPort)], String(port)),
    ]),
  ];
}

function element(set: string, key: readonly string[], value: string): NftElementRule {
  return { kind: 'nft-element', table: tableName, set, key, value };
}
