import {
  familyOf,
  type NftElementRule,
  type NftRule,
  type NftStatement,
  type NftTableRule,
  type Rule,
} from '../model/index.js';

export const vxlanTableName = 'meshd-vxlan';

const udp = { type: 'protocol', protocol: 'udp' } as const;
const ofNetworks: readonly NftStatement[] = [
  udp,
  { type: 'lookup', fields: ['th dport'], set: 'ports' },
];
// Before connection tracking, to which each connection inside would be one more outside.
const raw = -300;

/** Takes VXLAN only from nodes that have endpoints on a network that this one is on. */
const vxlanTable: NftTableRule = {
  kind: 'nft-table',
  name: vxlanTableName,
  sets: [
    { name: 'ports', key: ['inet_service'], interval: false },
    { name: 'members4', key: ['ipv4_addr'], interval: false },
    { name: 'members6', key: ['ipv6_addr'], interval: false },
  ],
  chains: [
    {
      name: 'prerouting',
      type: 'filter',
      hook: 'prerouting',
      priority: raw,
      rules: [
        { comment: 'no VXLAN', statements: [{ ...udp, negate: true }, { type: 'accept' }] },
        ...(['4', '6'] as const).map((family): NftRule => {
          const saddr = family === '4' ? 'ip saddr' : 'ip6 saddr';
          return {
            comment: 'VXLAN from members',
            statements: [
              ...ofNetworks,
              { type: 'lookup', fields: [saddr], set: `members${family}` },
              { type: 'notrack' },
              { type: 'accept' },
            ],
          };
        }),
        {
          comment: 'VXLAN from who is not a member',
          statements: [...ofNetworks, { type: 'counter' }, { type: 'drop' }],
        },
      ],
    },
    {
      name: 'output',
      type: 'filter',
      hook: 'output',
      priority: raw,
      rules: [
        {
          // The mark of the packet inside would lead this one to a virtual service.
          comment: 'VXLAN',
          statements: [...ofNetworks, { type: 'mark-clear' }, { type: 'notrack' }],
        },
      ],
    },
  ],
};

/** Lets in what comes from `members` to the UDP port `port`. */
export function compileMembers(port: number, members: Iterable<string>): Rule[] {
  const elements = Array.from(new Set(members), (vtep) =>
    element(`members${familyOf(vtep)}`, vtep),
  );
  return [vxlanTable, element('ports', String(port)), ...elements];
}

function element(set: string, key: string): NftElementRule {
  return { kind: 'nft-element', table: vxlanTableName, set, key: [key] };
}
