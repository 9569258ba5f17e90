import type { AttributeLayout, MessageLayout } from './netlink-text.js';

/** Names as in linux/ip_vs.h and linux/genetlink.h. */
export const ipvsFamily = 0x1e;

const service: AttributeLayout = {
  1: ['IPVS_SVC_ATTR_AF', 'u16'],
  2: ['IPVS_SVC_ATTR_PROTOCOL', 'u16'],
  3: ['IPVS_SVC_ATTR_ADDR', 'address'],
  4: ['IPVS_SVC_ATTR_PORT', 'u16be'],
  5: ['IPVS_SVC_ATTR_FWMARK', 'u32'],
  6: ['IPVS_SVC_ATTR_SCHED_NAME', 'text'],
  7: ['IPVS_SVC_ATTR_FLAGS', 'bytes'],
  8: ['IPVS_SVC_ATTR_TIMEOUT', 'u32'],
  9: ['IPVS_SVC_ATTR_NETMASK', (siblings) => (siblings.get(1)?.[0] === 10 ? 'u32' : 'address')],
};
const destination: AttributeLayout = {
  1: ['IPVS_DEST_ATTR_ADDR', 'address'],
  2: ['IPVS_DEST_ATTR_PORT', 'u16be'],
  3: ['IPVS_DEST_ATTR_FWD_METHOD', 'u32'],
  4: ['IPVS_DEST_ATTR_WEIGHT', 'u32'],
  5: ['IPVS_DEST_ATTR_U_THRESH', 'u32'],
  6: ['IPVS_DEST_ATTR_L_THRESH', 'u32'],
  11: ['IPVS_DEST_ATTR_ADDR_FAMILY', 'u16'],
  13: ['IPVS_DEST_ATTR_TUN_TYPE', 'u8'],
  14: ['IPVS_DEST_ATTR_TUN_PORT', 'u16be'],
  15: ['IPVS_DEST_ATTR_TUN_FLAGS', 'u16'],
};
const command: AttributeLayout = {
  1: ['IPVS_CMD_ATTR_SERVICE', { attributes: service }],
  2: ['IPVS_CMD_ATTR_DEST', { attributes: destination }],
  4: ['IPVS_CMD_ATTR_TIMEOUT_TCP', 'u32'],
  5: ['IPVS_CMD_ATTR_TIMEOUT_TCP_FIN', 'u32'],
  6: ['IPVS_CMD_ATTR_TIMEOUT_UDP', 'u32'],
};
const controller: AttributeLayout = { 2: ['CTRL_ATTR_FAMILY_NAME', 'text'] };

export const ipvsLayout: MessageLayout = {
  types: { 16: 'GENL_ID_CTRL', [ipvsFamily]: 'IPVS' },
  flags: { 0x1: 'request', 0x4: 'ack', 0x300: 'dump' },
  header: () => [
    ['command', 'u8'],
    ['version', 'u8'],
    ['', 'u16'],
  ],
  attributes: (type) => (type === ipvsFamily ? command : controller),
};
