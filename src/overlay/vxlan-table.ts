import { familyOf, type NftElementRule, type NftTableRule, type Rule } from '../model/index.js';

export const vxlanTableName = 'meshd-vxlan';

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
      // Before connection tracking: what is dropped costs no entry.
      priority: -300,
      rules: (['4', '6'] as const).map((family) => {
        return {
          comment: 'VXLAN from who is not a member',
          statements: [
            { type: 'protocol', protocol: 'udp' },
            { type: 'lookup', fields: ['th dport'], set: 'ports' },
            {
              type: 'lookup',
              fields: [family === '4' ? 'ip saddr' : 'ip6 saddr'],
              set: `members${family}`,
              negate: true,
            },
            { type: 'counter' },
            { type: 'drop' },
          ],
        };
      }),
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
