import type { NftElementRule } from '../../src/model/index.js';
import type { Case } from './cases.js';
import { add, address, localRoute, remove, set, vipDevice } from './rules.js';

/** Not a dummy device: not every kernel has those. */
export const vips = vipDevice({ type: 'bridge' });
export const policy = {
  kind: 'policy',
  family: 4,
  priority: 1000,
  fwmark: 1,
  fwmask: 0xff,
  table: 1001,
} as const;
const otherPolicy = { ...policy, priority: 1001 };
const otherMac = '02:42:0a:00:00:0b';
export const bridge = vipDevice({ name: 'meshb', type: 'bridge' });
export const vxlan = vipDevice({
  name: 'meshx',
  type: 'vxlan',
  master: 'meshb',
  vxlan: { vni: 4096, port: 4789, local: '127.0.0.1' },
});
export const neighbor = {
  kind: 'neighbor',
  device: 'meshb',
  address: '10.0.0.9',
  mac: '02:42:0a:00:00:09',
} as const;
export const entry = {
  kind: 'fdb',
  device: 'meshx',
  mac: neighbor.mac,
  vtep: '127.0.0.2',
} as const;
export const nftTable = {
  kind: 'nft-table',
  sets: [{ name: 'clients', key: ['ipv4_addr'], interval: false }],
  chains: [],
} as const;
const element = (client: string): NftElementRule => ({
  kind: 'nft-element',
  set: 'clients',
  key: [client],
});

const network: Case[] = [
  {
    name: 'a device exists once, and must be there to be changed or deleted',
    steps: [
      {
        ops: [set(vips), remove(vips), add(vips), add(vips)],
        refused: ['0 ENODEV', '1 ENODEV', '3 EEXIST'],
        holds: 'link mesh0 type bridge mtu 1500 up',
      },
      { ops: [set({ ...vips, mtu: 1400 })], holds: 'link mesh0 type bridge mtu 1400 up' },
      { ops: [remove(vips)], holds: '' },
    ],
  },
  {
    name: 'an address needs its device, exists once, goes with the device',
    steps: [
      { ops: [add(address('10.96.0.1/32'))], refused: ['0 ENODEV'], holds: '' },
      {
        ops: [
          add(vips),
          add(address('10.96.0.1/32')),
          add(address('fd96::1/128')),
          add(address('10.96.0.1/32')),
          remove(address('10.96.0.2/32')),
        ],
        refused: ['3 EEXIST', '4 EADDRNOTAVAIL'],
        holds: `
addr 10.96.0.1/32 dev mesh0
addr fd96::1/128 dev mesh0
link mesh0 type bridge mtu 1500 up`,
      },
      { ops: [remove(vips)], holds: '' },
    ],
  },
  {
    name: 'a local route prefers its source; it goes with the last address of its device',
    steps: [
      {
        ops: [
          add(vips),
          add(address('10.96.0.1/32')),
          add(localRoute('10.96.0.1/32', '127.0.0.1')),
          remove(localRoute('10.96.0.2/32', '127.0.0.1')),
        ],
        refused: ['3 ESRCH'],
        holds: `
addr 10.96.0.1/32 dev mesh0
link mesh0 type bridge mtu 1500 up
route local 10.96.0.1/32 dev mesh0 src 127.0.0.1 table 255`,
      },
      { ops: [remove(address('10.96.0.1/32'))], holds: 'link mesh0 type bridge mtu 1500 up' },
    ],
  },
  {
    name: 'a local route of IPv4 exists once: a second takes its place',
    steps: [
      {
        ops: [
          add(vips),
          add(address('10.96.0.1/32')),
          add(localRoute('10.96.0.1/32', '127.0.0.1')),
          add(localRoute('10.96.0.1/32', '10.96.0.1')),
        ],
        holds: `
addr 10.96.0.1/32 dev mesh0
link mesh0 type bridge mtu 1500 up
route local 10.96.0.1/32 dev mesh0 src 10.96.0.1 table 255`,
      },
      {
        ops: [remove(localRoute('10.96.0.1/32', '10.96.0.1'))],
        holds: `
addr 10.96.0.1/32 dev mesh0
link mesh0 type bridge mtu 1500 up`,
      },
    ],
  },
  {
    name: 'policy rules are told apart by family and priority',
    steps: [
      {
        ops: [add(policy), add(policy), add({ ...policy, family: 6 }), remove(otherPolicy)],
        refused: ['1 EEXIST', '3 ENOENT'],
        holds: `
rule v4 1000: fwmark 0x1/0xff lookup 1001
rule v6 1000: fwmark 0x1/0xff lookup 1001`,
      },
      {
        ops: [set({ ...policy, table: 1002 }), remove({ ...policy, family: 6 })],
        holds: 'rule v4 1000: fwmark 0x1/0xff lookup 1002',
      },
      { ops: [remove(policy)], holds: '' },
    ],
  },
  {
    name: 'neighbors need their device; add replaces, set and delete need one',
    steps: [
      { ops: [add(neighbor)], refused: ['0 ENODEV'], holds: '' },
      {
        ops: [add(bridge), set(neighbor), remove(neighbor), add(neighbor), add(neighbor)],
        refused: ['1 ENOENT', '2 ENOENT'],
        holds: `
link meshb type bridge mtu 1500 up
neigh 10.0.0.9 dev meshb lladdr 02:42:0a:00:00:09`,
      },
      {
        ops: [set({ ...neighbor, mac: '02:42:0a:00:00:0a' })],
        holds: `
link meshb type bridge mtu 1500 up
neigh 10.0.0.9 dev meshb lladdr 02:42:0a:00:00:0a`,
      },
      { ops: [remove(neighbor)], holds: 'link meshb type bridge mtu 1500 up' },
    ],
  },
  {
    name: 'forwarding entries go with their vxlan device, a port of a bridge stays one',
    steps: [
      {
        ops: [add(bridge), add(vxlan), add(entry), add(entry), remove({ ...entry, mac: otherMac })],
        refused: ['3 EEXIST', '4 ENOENT'],
        holds: `
fdb 02:42:0a:00:00:09 dev meshx dst 127.0.0.2
link meshb type bridge mtu 1500 up
link meshx type vxlan id 4096 dstport 4789 local 127.0.0.1 nolearning mtu 1500 master meshb up`,
      },
      { ops: [remove(vxlan)], holds: 'link meshb type bridge mtu 1500 up' },
    ],
  },
];

const tables: Case[] = [
  {
    name: 'the table exists once, its elements need it and their set, and go with it',
    steps: [
      { ops: [add(element('10.0.0.1'))], refused: ['0 ENOENT'], holds: '' },
      {
        ops: [
          add(nftTable),
          add(nftTable),
          add(element('10.0.0.1')),
          add(element('10.0.0.1')),
          add({ ...element('10.0.0.1'), set: 'no_such' }),
          remove(element('10.0.0.2')),
        ],
        refused: ['1 EEXIST', '3 EEXIST', '4 ENOENT', '5 ENOENT'],
        holds: `
nft element clients 10.0.0.1
nft table inet meshd
  set clients { type ipv4_addr; }`,
      },
      {
        ops: [set(nftTable), add(element('10.0.0.2'))],
        holds: `
nft element clients 10.0.0.2
nft table inet meshd
  set clients { type ipv4_addr; }`,
      },
      { ops: [remove(nftTable), remove(nftTable)], refused: ['1 ENOENT'], holds: '' },
    ],
  },
];

/** What needs no IPVS. */
export const networkCases: readonly Case[] = [...network, ...tables];
