import type { NftElementRule } from '../../src/model/index.js';
import type { Case } from './cases.js';
import { add, remove, set } from './rules.js';

export const nftTable = {
  kind: 'nft-table',
  name: 'meshd-a',
  sets: [{ name: 'clients', key: ['ipv4_addr'], interval: false }],
  chains: [],
} as const;
export const otherTable = { ...nftTable, name: 'meshd-b' } as const;
const element = (client: string, table: string = nftTable.name): NftElementRule => ({
  kind: 'nft-element',
  table,
  set: 'clients',
  key: [client],
});

/** Tables of nftables and their elements. */
export const tableCases: readonly Case[] = [
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
nft element meshd-a clients 10.0.0.1
nft table inet meshd-a
  set clients { type ipv4_addr; }`,
      },
      {
        ops: [set(nftTable), add(element('10.0.0.2'))],
        holds: `
nft element meshd-a clients 10.0.0.2
nft table inet meshd-a
  set clients { type ipv4_addr; }`,
      },
      { ops: [remove(nftTable), remove(nftTable)], refused: ['1 ENOENT'], holds: '' },
    ],
  },
  {
    name: 'of two tables, one is replaced and goes without the other and its elements',
    steps: [
      {
        ops: [
          add(nftTable),
          add(element('10.0.0.1', 'meshd-b')),
          add(element('10.0.0.1')),
          add(otherTable),
          add(element('10.0.0.1', 'meshd-b')),
          add(element('10.0.0.2', 'meshd-b')),
          remove(element('10.0.0.2')),
        ],
        refused: ['1 ENOENT', '6 ENOENT'],
        holds: `
nft element meshd-a clients 10.0.0.1
nft element meshd-b clients 10.0.0.1
nft element meshd-b clients 10.0.0.2
nft table inet meshd-a
  set clients { type ipv4_addr; }
nft table inet meshd-b
  set clients { type ipv4_addr; }`,
      },
      {
        ops: [
          remove(element('10.0.0.1', 'meshd-b')),
          set({ ...nftTable, sets: [{ ...nftTable.sets[0], interval: true }] }),
          add(element('10.0.0.0/24')),
          add(element('10.0.0.3', 'meshd-b')),
        ],
        holds: `
nft element meshd-a clients 10.0.0.0/24
nft element meshd-b clients 10.0.0.2
nft element meshd-b clients 10.0.0.3
nft table inet meshd-a
  set clients { type ipv4_addr; flags interval; }
nft table inet meshd-b
  set clients { type ipv4_addr; }`,
      },
      {
        ops: [remove(nftTable), add(element('10.0.0.4')), add(element('10.0.0.4', 'meshd-b'))],
        refused: ['1 ENOENT'],
        holds: `
nft element meshd-b clients 10.0.0.2
nft element meshd-b clients 10.0.0.3
nft element meshd-b clients 10.0.0.4
nft table inet meshd-b
  set clients { type ipv4_addr; }`,
      },
    ],
  },
];
