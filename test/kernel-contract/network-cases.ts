import type { Case } from './cases.js';
import { add, address, localRoute, remove, set, vipDevice } from './rules.js';
import { tableCases } from './table-cases.js';

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
const tunnel = vipDevice({
  name: 'meshx',
  type: 'vxlan',
  vxlan: { vni: 4096, port: 4789, local: '127.0.0.1', proxy: true },
});
export const vxlan = { ...tunnel, master: 'meshb' };
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
const macs = ['02:42:0a:00:00:01', '02:42:0a:00:00:02'] as const;
/** All that a case asks for; others are the kernel's choice. */
export const chosenMacs: ReadonlySet<string> = new Set(macs);
const group = '03:42:0a:00:00:01';
export const end = vipDevice({ name: 'mesh-e0', type: 'veth-end', mac: macs[0] });
const pair = vipDevice({ name: 'meshv', type: 'veth', mac: macs[0], peer: { name: 'eth1' } });
const onEnd = { kind: 'address', device: 'mesh-e0', prefix: '10.0.0.2/24' } as const;
const way = {
  kind: 'route',
  type: 'unicast',
  destination: '0.0.0.0/0',
  table: 254,
  device: 'mesh-e0',
  gateway: '10.0.0.1',
} as const;

const inMesh0 = { ...way, device: 'mesh0' };

const devices: Case[] = [
  {
    name: 'a device keeps its MAC until another is asked for; one of a group is refused',
    steps: [
      {
        ops: [
          add({ ...bridge, mac: group }),
          add({ ...pair, peer: { name: 'eth1', mac: group } }),
          set({ ...bridge, mac: group }),
          add({ ...bridge, mac: macs[0] }),
          set({ ...bridge, mac: group }),
        ],
        refused: ['0 EADDRNOTAVAIL', '1 EADDRNOTAVAIL', '2 ENODEV', '4 EADDRNOTAVAIL'],
        holds: 'link meshb type bridge mac 02:42:0a:00:00:01 mtu 1500 up',
      },
      {
        ops: [set({ ...bridge, mtu: 1400 })],
        holds: 'link meshb type bridge mac 02:42:0a:00:00:01 mtu 1400 up',
      },
      {
        ops: [set({ ...bridge, mac: macs[1] })],
        holds: 'link meshb type bridge mac 02:42:0a:00:00:02 mtu 1500 up',
      },
    ],
  },
  {
    name: 'another MAC costs a device its neighbors, not its addresses and entries',
    steps: [
      {
        ops: [
          add({ ...tunnel, mac: macs[0] }),
          add({ ...onEnd, device: 'meshx' }),
          add({ ...neighbor, device: 'meshx' }),
          add({ ...neighbor, device: 'meshx', address: 'fd00::9' }),
          add(entry),
          set({ ...tunnel, mac: macs[0], mtu: 1400 }),
        ],
        holds: `
addr 10.0.0.2/24 dev meshx
fdb 02:42:0a:00:00:09 dev meshx dst 127.0.0.2
link meshx type vxlan id 4096 dstport 4789 local 127.0.0.1 nolearning proxy mac 02:42:0a:00:00:01 mtu 1400 up
neigh 10.0.0.9 dev meshx lladdr 02:42:0a:00:00:09
neigh fd00::9 dev meshx lladdr 02:42:0a:00:00:09`,
      },
      {
        ops: [set({ ...tunnel, mac: macs[1] })],
        holds: `
addr 10.0.0.2/24 dev meshx
fdb 02:42:0a:00:00:09 dev meshx dst 127.0.0.2
link meshx type vxlan id 4096 dstport 4789 local 127.0.0.1 nolearning proxy mac 02:42:0a:00:00:02 mtu 1500 up`,
      },
    ],
  },
  {
    name: 'a pair is one device to the sandbox that made it, wherever its other end lies',
    steps: [
      {
        ops: [add({ ...pair, peer: { name: 'mesh-e1', mac: macs[1] } })],
        holds:
          'link meshv type veth mac 02:42:0a:00:00:01 peer mesh-e1 mac 02:42:0a:00:00:02 mtu 1500 up',
      },
      { ops: [remove(pair)], holds: '' },
    ],
  },
  {
    name: 'the end of a pair is there when its other side made it, and ours when asked for',
    steps: [
      {
        ops: [add(end), set(end), remove(end), add(onEnd)],
        refused: ['0 ENODEV', '1 ENODEV', '2 ENODEV', '3 ENODEV'],
        holds: '',
      },
      {
        farEnd: end.name,
        ops: [add(end), add(end), add(onEnd), add(way), add({ ...neighbor, device: end.name })],
        holds: `
addr 10.0.0.2/24 dev mesh-e0
link mesh-e0 type veth-end mac 02:42:0a:00:00:01 mtu 1500 up
neigh 10.0.0.9 dev mesh-e0 lladdr 02:42:0a:00:00:09
route 0.0.0.0/0 via 10.0.0.1 dev mesh-e0 table 254`,
      },
      {
        ops: [set({ ...end, mtu: 1400 }), remove({ ...neighbor, device: end.name })],
        holds: `
addr 10.0.0.2/24 dev mesh-e0
link mesh-e0 type veth-end mac 02:42:0a:00:00:01 mtu 1400 up
route 0.0.0.0/0 via 10.0.0.1 dev mesh-e0 table 254`,
      },
      { ops: [remove(end), remove(end)], refused: ['1 ENODEV'], holds: '' },
    ],
  },
];

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
    name: 'routes of one destination are told apart by metric',
    steps: [
      {
        ops: [
          add(vips),
          add({ ...onEnd, device: 'mesh0' }),
          add(inMesh0),
          add({ ...inMesh0, metric: 4096 }),
          add({ ...inMesh0, metric: 4096 }),
          add({ ...inMesh0, metric: 7 }),
          remove({ ...inMesh0, metric: 8 }),
        ],
        refused: ['4 EEXIST', '6 ESRCH'],
        holds: `
addr 10.0.0.2/24 dev mesh0
link mesh0 type bridge mtu 1500 up
route 0.0.0.0/0 via 10.0.0.1 dev mesh0 table 254
route 0.0.0.0/0 via 10.0.0.1 dev mesh0 table 254 metric 4096
route 0.0.0.0/0 via 10.0.0.1 dev mesh0 table 254 metric 7`,
      },
      {
        ops: [remove({ ...inMesh0, metric: 4096 }), remove(inMesh0)],
        holds: `
addr 10.0.0.2/24 dev mesh0
link mesh0 type bridge mtu 1500 up
route 0.0.0.0/0 via 10.0.0.1 dev mesh0 table 254 metric 7`,
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
link meshx type vxlan id 4096 dstport 4789 local 127.0.0.1 nolearning proxy mtu 1500 master meshb up`,
      },
      { ops: [remove(vxlan)], holds: 'link meshb type bridge mtu 1500 up' },
    ],
  },
];

/** What needs no IPVS. */
export const networkCases: readonly Case[] = [...devices, ...network, ...tableCases];
