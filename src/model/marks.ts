/**
 * The marks that say "meshd made this". Only kernel objects that carry one are ever changed or
 * removed; everything else is foreign. Each mark lives in the kernel object itself, so that it
 * survives a crash, an upgrade and the loss of every file of ours.
 */

/** Network devices: name prefix. `mesh0` holds the VIPs. */
export const linkPrefix = 'mesh';

/** The device that holds the VIPs of a host. */
export const vipLink = 'mesh0';

/** nftables: tables of family inet, `meshd-snat` for instance; `meshd` alone is of older versions. */
const nftTablePrefix = 'meshd';

export function isOurNftTable(name: string): boolean {
  return name === nftTablePrefix || name.startsWith(`${nftTablePrefix}-`);
}

/**
 * Routes, policy rules and neighbors: `protocol` (rtm_protocol, FRA_PROTOCOL, NDA_PROTOCOL).
 * Values above RTPROT_STATIC are free for user space; linux/rtnetlink.h assigns up to 99 and 186+.
 */
export const routeProtocol = 0x6d;

/**
 * IPVS virtual services: a bit in the service flags. The kernel knows bits 0-5 (linux/ip_vs.h,
 * IP_VS_SVC_F_*), stores all 32 as given (ip_vs_ctl.c, ip_vs_add_service) and returns them in dumps.
 */
export const ipvsServiceFlag = 0x4d000000;

/** Group (IFLA_GROUP) of devices on the network that published ports go over. */
export const ingressGroup = 0x6d;
