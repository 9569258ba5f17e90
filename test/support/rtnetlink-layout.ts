import type { AttributeLayout, Field, MessageLayout } from './netlink-text.js';

/** Names as in linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, fib_rules.h. */
const linkFields: readonly Field[] = [
  ['family', 'u8'],
  ['', 'u8'],
  ['device type', 'u16'],
  ['index', 's32'],
  ['flags', 'u32'],
  ['change', 'u32'],
];
const addressFields: readonly Field[] = [
  ['family', 'u8'],
  ['prefix length', 'u8'],
  ['flags', 'u8'],
  ['scope', 'u8'],
  ['index', 'u32'],
];
const routeFields: readonly Field[] = [
  ['family', 'u8'],
  ['destination length', 'u8'],
  ['source length', 'u8'],
  ['tos', 'u8'],
  ['table', 'u8'],
  ['protocol', 'u8'],
  ['scope', 'u8'],
  ['type', 'u8'],
  ['flags', 'u32'],
];
const neighborFields: readonly Field[] = [
  ['family', 'u8'],
  ['', 'u8'],
  ['', 'u16'],
  ['index', 's32'],
  ['state', 'u16'],
  ['flags', 'u8'],
  ['type', 'u8'],
];
const ruleFields: readonly Field[] = [
  ['family', 'u8'],
  ['destination length', 'u8'],
  ['source length', 'u8'],
  ['tos', 'u8'],
  ['table', 'u8'],
  ['', 'u8'],
  ['', 'u8'],
  ['action', 'u8'],
  ['flags', 'u32'],
];

const vxlan: AttributeLayout = {
  1: ['IFLA_VXLAN_ID', 'u32'],
  4: ['IFLA_VXLAN_LOCAL', 'address'],
  7: ['IFLA_VXLAN_LEARNING', 'u8'],
  11: ['IFLA_VXLAN_PROXY', 'u8'],
  15: ['IFLA_VXLAN_PORT', 'u16be'],
  17: ['IFLA_VXLAN_LOCAL6', 'address'],
};
const linkBase: AttributeLayout = {
  1: ['IFLA_ADDRESS', 'bytes'],
  3: ['IFLA_IFNAME', 'text'],
  4: ['IFLA_MTU', 'u32'],
  10: ['IFLA_MASTER', 'u32'],
  20: ['IFLA_IFALIAS', 'text'],
  28: ['IFLA_NET_NS_FD', 'u32'],
  29: ['IFLA_EXT_MASK', 'u32'],
};
const infoData = {
  vxlan: { attributes: vxlan },
  veth: {
    attributes: { 1: ['VETH_INFO_PEER', { fields: linkFields, attributes: linkBase }] },
  },
} as const;
const link: AttributeLayout = {
  ...linkBase,
  18: [
    'IFLA_LINKINFO',
    {
      attributes: {
        1: ['IFLA_INFO_KIND', 'text'],
        2: [
          'IFLA_INFO_DATA',
          (siblings) => infoData[siblings.get(1)?.toString() === 'vxlan\0' ? 'vxlan' : 'veth'],
        ],
      },
    },
  ],
};
const address: AttributeLayout = {
  1: ['IFA_ADDRESS', 'address'],
  2: ['IFA_LOCAL', 'address'],
  8: ['IFA_FLAGS', 'u32'],
};
const route: AttributeLayout = {
  1: ['RTA_DST', 'address'],
  4: ['RTA_OIF', 'u32'],
  5: ['RTA_GATEWAY', 'address'],
  6: ['RTA_PRIORITY', 'u32'],
  7: ['RTA_PREFSRC', 'address'],
  15: ['RTA_TABLE', 'u32'],
};
const neighbor: AttributeLayout = {
  1: ['NDA_DST', 'address'],
  2: ['NDA_LLADDR', 'bytes'],
  12: ['NDA_PROTOCOL', 'u8'],
};
const rule: AttributeLayout = {
  1: ['FRA_DST', 'address'],
  2: ['FRA_SRC', 'address'],
  6: ['FRA_PRIORITY', 'u32'],
  10: ['FRA_FWMARK', 'u32'],
  15: ['FRA_TABLE', 'u32'],
  16: ['FRA_FWMASK', 'u32'],
  21: ['FRA_PROTOCOL', 'u8'],
};

/** Message types come in fours: NEW, DEL, GET, SET of one kind. */
const kinds: readonly { fields: readonly Field[]; attributes: AttributeLayout }[] = [
  { fields: linkFields, attributes: link },
  { fields: addressFields, attributes: address },
  { fields: routeFields, attributes: route },
  { fields: neighborFields, attributes: neighbor },
  { fields: ruleFields, attributes: rule },
];

export const rtnetlinkLayout: MessageLayout = {
  types: {
    16: 'RTM_NEWLINK',
    17: 'RTM_DELLINK',
    18: 'RTM_GETLINK',
    19: 'RTM_SETLINK',
    20: 'RTM_NEWADDR',
    21: 'RTM_DELADDR',
    22: 'RTM_GETADDR',
    24: 'RTM_NEWROUTE',
    25: 'RTM_DELROUTE',
    26: 'RTM_GETROUTE',
    28: 'RTM_NEWNEIGH',
    29: 'RTM_DELNEIGH',
    30: 'RTM_GETNEIGH',
    32: 'RTM_NEWRULE',
    33: 'RTM_DELRULE',
    34: 'RTM_GETRULE',
  },
  header: (type) => kinds[(type - 16) >> 2]?.fields ?? [],
  attributes: (type) => kinds[(type - 16) >> 2]?.attributes ?? {},
};
