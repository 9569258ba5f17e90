import type { AttributeLayout, MessageLayout } from './netlink-text.js';

/** Names as in linux/wireguard.h. The kernel gives the family another number at each boot. */
export const wireguardFamilyId = 0x1f;

const allowedIp: AttributeLayout = {
  1: ['WGALLOWEDIP_A_FAMILY', 'u16'],
  2: ['WGALLOWEDIP_A_IPADDR', 'address'],
  3: ['WGALLOWEDIP_A_CIDR_MASK', 'u8'],
};
const peer: AttributeLayout = {
  1: ['WGPEER_A_PUBLIC_KEY', 'bytes'],
  3: ['WGPEER_A_FLAGS', 'u32'],
  4: ['WGPEER_A_ENDPOINT', 'bytes'],
  5: ['WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL', 'u16'],
  9: ['WGPEER_A_ALLOWEDIPS', { attributes: { 0: ['allowed', { attributes: allowedIp }] } }],
};

export const wireguardLayout: MessageLayout = {
  types: { [wireguardFamilyId]: 'wireguard' },
  flags: { 0x1: 'request', 0x4: 'ack', 0x300: 'dump' },
  header: () => [
    ['command', 'u8'],
    ['version', 'u8'],
    ['', 'u16'],
  ],
  attributes: () => ({
    2: ['WGDEVICE_A_IFNAME', 'text'],
    3: ['WGDEVICE_A_PRIVATE_KEY', 'bytes'],
    6: ['WGDEVICE_A_LISTEN_PORT', 'u16'],
    7: ['WGDEVICE_A_FWMARK', 'u32'],
    8: ['WGDEVICE_A_PEERS', { attributes: { 0: ['peer', { attributes: peer }] } }],
  }),
};
