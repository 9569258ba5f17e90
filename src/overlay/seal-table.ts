import type { NftElementRule, NftRule, NftStatement, NftTableRule, Rule } from '../model/index.js';
import { sealedVxlanPort, sealPrefix } from './names.js';

const tableName = 'meshd-seal';
const mainTable = 254;

const fromSeal: NftStatement = { type: 'lookup', fields: ['iifname'], set: 'links' };
const intoSeal: NftStatement = { type: 'lookup', fields: ['oifname'], set: 'links' };
const ofNetwork: readonly NftStatement[] = [
  { type: 'protocol', protocol: 'udp' },
  { type: 'lookup', fields: ['th dport'], set: 'ports' },
];

function dropped(comment: string, ...which: readonly NftStatement[]): NftRule {
  return { comment, statements: [...which, { type: 'counter' }, { type: 'drop' }] };
}

/**
 * Sealed networks and the world, kept apart by the port alone, which the first fragment of a packet
 * always has: frames come out of seals and go into them, and nothing else does either.
 */
const sealTable: NftTableRule = {
  kind: 'nft-table',
  name: tableName,
  sets: [
    { name: 'links', key: ['ifname'], interval: false },
    { name: 'ports', key: ['inet_service'], interval: false },
  ],
  chains: [
    {
      name: 'prerouting',
      type: 'filter',
      hook: 'prerouting',
      // Before connection tracking: what is dropped costs no entry.
      priority: -300,
      rules: [
        {
          comment: 'frames of sealed networks',
          statements: [fromSeal, ...ofNetwork, { type: 'accept' }],
        },
        dropped('what else a peer sends into its seal', fromSeal),
        dropped('frames of sealed networks in the clear', ...ofNetwork),
      ],
    },
    {
      name: 'forward',
      type: 'filter',
      hook: 'forward',
      priority: 0,
      rules: [dropped('frames made elsewhere', intoSeal)],
    },
    {
      name: 'output',
      type: 'filter',
      hook: 'output',
      priority: 0,
      rules: [
        dropped('frames made by a process', intoSeal, { type: 'socket-user' }),
        dropped('frames by a way that is not sealed', ...ofNetwork, { ...intoSeal, negate: true }),
      ],
    },
  ],
};

/**
 * What a host holds before it has a sealed network: without it a frame whose seal is gone would
 * leave by the default route, in the clear.
 */
export const sealGuard: readonly Rule[] = [
  sealTable,
  element('ports', String(sealedVxlanPort)),
  { kind: 'route', type: 'blackhole', destination: sealPrefix, table: mainTable },
];

/** Lets frames into and out of these devices. */
export function sealLinks(devices: readonly string[]): Rule[] {
  return devices.map((device) => element('links', device));
}

function element(set: string, key: string): NftElementRule {
  return { kind: 'nft-element', table: tableName, set, key: [key] };
}
