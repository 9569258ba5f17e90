import {
  addressBits,
  familyOf,
  prefixContains,
  prefixOf,
  type NftElementRule,
  type NftTableRule,
  type Rule,
  type Service,
} from '../model/index.js';
import type { OnLink } from './on-link.js';

/**
 * Source NAT for clients whose replies would not come back through this host.
 *
 * A client on the same link as the destination would get its reply from the destination directly,
 * from an address it never called. Only such pairs are masqueraded; everybody else keeps the
 * client's address. Fixed rules look up (client, destination) in sets; without a service that
 * needs them neither the table nor connection tracking is there, and nobody pays for them.
 */
export const snatTable: NftTableRule = {
  kind: 'nft-table',
  name: 'meshd-snat',
  sets: [
    { name: 'auto4', key: ['ipv4_addr'], interval: false },
    { name: 'auto6', key: ['ipv6_addr'], interval: false },
    { name: 'links4', key: ['ipv4_addr', 'ipv4_addr'], interval: true },
    { name: 'links6', key: ['ipv6_addr', 'ipv6_addr'], interval: true },
    { name: 'always4', key: ['ipv4_addr'], interval: false },
    { name: 'always6', key: ['ipv6_addr'], interval: false },
  ],
  chains: [
    {
      name: 'postrouting',
      type: 'nat',
      hook: 'postrouting',
      priority: 100,
      rules: [
        {
          comment: 'client and destination share a link',
          statements: [
            { type: 'lookup', fields: ['ct original ip daddr'], set: 'auto4' },
            { type: 'lookup', fields: ['ip saddr', 'ip daddr'], set: 'links4' },
            { type: 'masquerade' },
          ],
        },
        {
          comment: 'client and destination share a link',
          statements: [
            { type: 'lookup', fields: ['ct original ip6 daddr'], set: 'auto6' },
            { type: 'lookup', fields: ['ip6 saddr', 'ip6 daddr'], set: 'links6' },
            { type: 'masquerade' },
          ],
        },
        {
          comment: 'snat: always',
          statements: [
            { type: 'lookup', fields: ['ct original ip daddr'], set: 'always4' },
            { type: 'masquerade' },
          ],
        },
        {
          comment: 'snat: always',
          statements: [
            { type: 'lookup', fields: ['ct original ip6 daddr'], set: 'always6' },
            { type: 'masquerade' },
          ],
        },
      ],
    },
  ],
};

/** IPVS shows its packets to connection tracking, which masquerade builds on, only when asked. */
const conntrack: Rule = { kind: 'sysctl', name: 'net/ipv4/vs/conntrack', value: '1' };

/** The rules that `service` needs for source NAT on this host; none when it needs none. */
export function compileSnat(service: Service, onLink: OnLink): Rule[] {
  if (service.forwarding !== 'masq' || service.snat === 'never') return [];
  const elements =
    service.snat === 'always' ? alwaysElements(service) : autoElements(service, onLink);
  return elements.length === 0 ? [] : [conntrack, snatTable, ...elements];
}

function alwaysElements(service: Service): NftElementRule[] {
  return service.vips.map((vip) => element(`always${familyOf(vip)}`, [vip]));
}

function autoElements(service: Service, onLink: OnLink): NftElementRule[] {
  const prefixes = new Set<string>();
  for (const { address } of service.destinations) {
    const prefix = onLink.linkPrefixOf(address);
    if (prefix !== undefined) prefixes.add(prefix);
  }
  const families = new Set([...prefixes].map(familyOf));
  return [
    ...service.vips
      .filter((vip) => families.has(familyOf(vip)))
      .map((vip) => element(`auto${familyOf(vip)}`, [vip])),
    ...[...prefixes].map((prefix) => element(`links${familyOf(prefix)}`, [prefix, prefix])),
  ];
}

function element(set: string, key: readonly string[]): NftElementRule {
  return { kind: 'nft-element', table: snatTable.name, set, key };
}

/** True when a packet from `client` to `destination` would be masqueraded by `rules`. */
export function isMasqueraded(
  rules: ReadonlyMap<string, Rule>,
  packet: { readonly client: string; readonly vip: string; readonly destination: string },
): boolean {
  const family = familyOf(packet.vip);
  if (rules.has(`nft element ${snatTable.name} always${family} ${packet.vip}`)) return true;
  if (!rules.has(`nft element ${snatTable.name} auto${family} ${packet.vip}`)) return false;
  // Whoever put a link into the set, it holds for every VIP there.
  for (let length = 1; length < addressBits(family); length++) {
    const prefix = prefixOf(packet.destination, length);
    const isLink = rules.has(`nft element ${snatTable.name} links${family} ${prefix} . ${prefix}`);
    if (isLink && prefixContains(prefix, packet.client)) return true;
  }
  return false;
}
