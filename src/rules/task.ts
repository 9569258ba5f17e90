import {
  addressBits,
  familyOf,
  ingressGroup,
  type Endpoint,
  type Family,
  type NftElementRule,
  type NftTableRule,
  type Rule,
  type Service,
} from '../model/index.js';
import { virtualServiceOf } from './compile.js';
import { entryMark, ownMark, vipMark } from './packet-marks.js';
import { destinationsOf } from './published.js';

/*
 * What a task's own sandbox holds: VIPs of the services on its networks, balanced where the call
 * begins; and the way back of connections that came in by a published port.
 */

/** Table `local` (RT_TABLE_LOCAL, linux/rtnetlink.h). */
const localTable = 255;
const mainTable = 254;
/** Before main's, behind local's. */
const policyPriority = 1_000;
/** A default route of somebody else comes first. */
const defaultMetric = 4_096;
const raw = -300;
const mangle = -150;
const taskTableName = 'meshd-task';

const fromIngress = { type: 'device-group', field: 'iifgroup', group: ingressGroup } as const;
const marked = { type: 'mark-is', ...ownMark } as const;

/** Fixed rules of a task's sandbox, and the sets that they look into. */
export const taskTable: NftTableRule = {
  kind: 'nft-table',
  name: taskTableName,
  sets: [
    { name: 'entries', key: ['ether_addr'], value: 'mark', interval: false },
    { name: 'vips4', key: ['ipv4_addr'], value: 'mark', interval: false },
    { name: 'vips6', key: ['ipv6_addr'], value: 'mark', interval: false },
  ],
  chains: [
    {
      name: 'in-untracked',
      type: 'filter',
      hook: 'prerouting',
      priority: raw,
      rules: [
        {
          // Sockets of TCP keep the mark (tcp_fwmark_accept), so nobody else needs to.
          comment: 'which node it came in by',
          statements: [
            fromIngress,
            { type: 'mark-from-map', fields: ['ether saddr'], map: 'entries' },
            { type: 'protocol', protocol: 'tcp' },
            { type: 'notrack' },
          ],
        },
      ],
    },
    {
      name: 'out-untracked',
      type: 'filter',
      hook: 'output',
      priority: raw,
      rules: [
        {
          comment: 'answers of TCP',
          statements: [marked, { type: 'protocol', protocol: 'tcp' }, { type: 'notrack' }],
        },
      ],
    },
    {
      name: 'prerouting',
      type: 'filter',
      hook: 'prerouting',
      priority: mangle,
      rules: [
        {
          comment: 'remember which node it came in by',
          statements: [fromIngress, marked, { type: 'ct-mark-from-mark' }, { type: 'accept' }],
        },
        {
          comment: 'nobody else comes in by the ingress network',
          statements: [fromIngress, { type: 'drop' }],
        },
      ],
    },
    {
      name: 'output',
      type: 'route',
      hook: 'output',
      priority: mangle,
      rules: [
        { comment: 'answers of TCP', statements: [marked, { type: 'accept' }] },
        {
          comment: 'answers leave by the node that the call came in by',
          statements: [
            { type: 'ct-mark-is', ...ownMark },
            { type: 'mark-from-ct-mark' },
            { type: 'accept' },
          ],
        },
        {
          comment: 'VIPs',
          statements: [{ type: 'mark-from-map', fields: ['ip daddr'], map: 'vips4' }],
        },
        {
          comment: 'VIPs',
          statements: [{ type: 'mark-from-map', fields: ['ip6 daddr'], map: 'vips6' }],
        },
      ],
    },
  ],
};

/**
 * A sandbox on the ingress network: its way out is by the entry of its own node, answers go by the
 * entry that the call came in by. `entries` holds that of its own node too.
 */
export function compileIngressTask(
  device: string,
  ownEntry: Endpoint,
  entries: readonly Endpoint[],
): Rule[] {
  return [
    taskTable,
    // A client's address is not on this network, and may be the task's own.
    ...['rp_filter=2', 'accept_local=1'].map((setting): Rule => {
      const [name, value] = setting.split('=') as [string, string];
      return { kind: 'sysctl', name: `net/ipv4/conf/${device}/${name}`, value, device };
    }),
    // Connections that are accepted have the mark from the start, and their way is looked up once.
    { kind: 'sysctl', name: 'net/ipv4/tcp_fwmark_accept', value: '1' },
    // Refusals belong to no socket.
    ...ownEntry.addresses.map((address): Rule => {
      const name = `net/ipv${familyOf(address)}/fwmark_reflect`;
      return { kind: 'sysctl', name, value: '1' };
    }),
    ...ownEntry.addresses.map((gateway): Rule => {
      const destination = everything(familyOf(gateway));
      const route = { kind: 'route', type: 'unicast', table: mainTable } as const;
      return { ...route, destination, device, gateway, metric: defaultMetric };
    }),
    ...entries.flatMap((entry) => wayBack(device, entry)),
  ];
}

function wayBack(device: string, { addresses, mac }: Endpoint): Rule[] {
  const fwmark = entryMark(addresses[0]!);
  return [
    element('entries', [mac], hex(fwmark)),
    ...addresses.flatMap((gateway): Rule[] => {
      const family = familyOf(gateway);
      const destination = everything(family);
      const route = { kind: 'route', type: 'unicast', table: fwmark } as const;
      return [
        { ...route, destination, device, gateway },
        { kind: 'policy', family, priority: policyPriority, fwmark, table: fwmark },
      ];
    }),
  ];
}

/**
 * A service as a task calls it. The VIP is an address of the sandbox itself, by a route that names
 * the task's own address as source: a packet to the task itself then comes home as any other.
 */
export function compileVip(
  service: Service,
  endpoints: readonly Endpoint[],
  { addresses }: Endpoint,
): Rule[] {
  const rules = service.vips.flatMap((vip): Rule[] => {
    const family = familyOf(vip);
    const source = addresses.find((one) => familyOf(one) === family);
    if (source === undefined) return [];
    const fwmark = vipMark(vip);
    const destinations = destinationsOf(service, endpoints, family, { port: 0 });
    return [
      virtualServiceOf(service, { fwmark, family }, undefined, destinations),
      element(`vips${family}`, [vip], hex(fwmark)),
      {
        kind: 'route',
        type: 'local',
        destination: `${vip}/${addressBits(family)}`,
        table: localTable,
        device: 'lo',
        source,
      },
    ];
  });
  return rules.length === 0 ? [] : [...taskSysctls, taskTable, ...rules];
}

/** As on the host (compileBase), where they are explained. */
const taskSysctls: readonly Rule[] = [
  { kind: 'sysctl', name: 'net/ipv4/vs/conn_reuse_mode', value: '1' },
  { kind: 'sysctl', name: 'net/ipv4/vs/expire_nodest_conn', value: '1' },
  { kind: 'sysctl', name: 'net/ipv4/vs/expire_quiescent_template', value: '1' },
];

function everything(family: Family): string {
  return family === 4 ? '0.0.0.0/0' : '::/0';
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

function element(set: string, key: readonly string[], value?: string): NftElementRule {
  const rule = { kind: 'nft-element', table: taskTableName, set, key } as const;
  return value === undefined ? rule : { ...rule, value };
}
