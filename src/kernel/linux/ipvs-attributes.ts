/** Numbers of the generic netlink family IPVS. Source: linux/ip_vs.h. */
import type { GenericFamily } from './generic-family.js';

export const ipvsFamily: GenericFamily = { name: 'IPVS', title: 'IPVS', module: 'ip_vs' };
export const familyVersion = 1;

/** IPVS_CMD_* */
export const command = {
  newService: 1,
  setService: 2,
  delService: 3,
  getService: 4,
  newDest: 5,
  setDest: 6,
  delDest: 7,
  getDest: 8,
  setConfig: 12,
  getConfig: 13,
  setInfo: 14,
  getInfo: 15,
  flush: 17,
} as const;

/** IPVS_CMD_ATTR_* */
export const commandAttribute = {
  service: 1,
  dest: 2,
  timeoutTcp: 4,
  timeoutTcpFin: 5,
  timeoutUdp: 6,
} as const;

/** IPVS_INFO_ATTR_* */
export const infoAttribute = { version: 1, connectionTableSize: 2 } as const;

/** IPVS_SVC_ATTR_*; the netmask is network order in IPv4 and a prefix length, host order, in IPv6. */
export const serviceAttribute = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  fwmark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
  stats: 10,
  stats64: 12,
} as const;

/** IPVS_DEST_ATTR_* */
export const destAttribute = {
  address: 1,
  port: 2,
  forwarding: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  active: 7,
  inactive: 8,
  persistent: 9,
  stats: 10,
  family: 11,
  stats64: 12,
  tunnelType: 13,
  tunnelPort: 14,
  tunnelFlags: 15,
} as const;

/** IP_VS_SVC_F_*; SCHED1 and SCHED2 mean the same to sh and mh. */
export const serviceFlag = {
  persistent: 0x1,
  onePacket: 0x4,
  fallback: 0x8,
  port: 0x10,
} as const;

/** IP_VS_CONN_F_*: how packets are forwarded; bits 0-2 of the connection flags. */
export const forwardingMethod = { masq: 0, tunnel: 2, route: 3 } as const;
export const forwardingMask = 0x7;

/** IP_VS_CONN_F_TUNNEL_TYPE_*, in this order. */
export const tunnelTypes = ['ipip', 'gue', 'gre'] as const;
/** IP_VS_TUNNEL_ENCAP_FLAG_CSUM */
export const tunnelChecksum = 0x1;

/** IPPROTO_* */
export const protocolNumber = { tcp: 6, udp: 17, sctp: 132 } as const;

/** AF_INET, AF_INET6 */
export const addressFamily = { 4: 2, 6: 10 } as const;
