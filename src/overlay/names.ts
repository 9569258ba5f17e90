import { createHash } from 'node:crypto';
import { addressBytes, formatAddress, prefixBase } from '../model/index.js';

/** The network that published ports, and calls of tasks to the world, go over. */
export const ingressName = 'ingress';

/** VXLAN's own (RFC 7348, section 9.2). */
export const vxlanPort = 4_789;

/** Of VXLAN in sealed networks. It is seen inside seals alone: no firewall has to know it. */
export const sealedVxlanPort = 7_950;

/** Unique local addresses (RFC 4193) that nodes have towards each other inside seals. */
export const sealPrefix = 'fd6d:6573:6873::/48';
const sealPrefixBytes = 6;

/*
 * Names of devices follow from what they are for, so that a daemon that lost its memory finds its
 * own again. A name has at most 15 characters (IFNAMSIZ, linux/if.h).
 */

/** The bridge that joins a network's local endpoints and its VXLAN device. */
export function bridgeName(vni: number): string {
  return `meshb-${vni}`;
}

export function vxlanName(vni: number): string {
  return `meshx-${vni}`;
}

/** The host's end of an endpoint's veth pair. */
export function portName(vni: number, endpoint: string): string {
  return `meshp-${createHash('sha256').update(`${vni} ${endpoint}`).digest('hex').slice(0, 9)}`;
}

/** The endpoint's end, in its sandbox. */
export function interfaceName(vni: number): string {
  return `mesh-${vni}`;
}

/** A locally administered address: `02:4d` and the last four bytes of an IP address. */
export function macOf(address: string): string {
  const last = addressBytes(address)!.slice(-4);
  return ['02', '4d', ...Array.from(last, (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** Of a task's endpoint on the ingress network: one for each sandbox. */
export function ingressEndpointName(sandbox: string): string {
  return `task-${createHash('sha256').update(sandbox).digest('hex').slice(0, 12)}`;
}

/**
 * The address of a node inside seals. Everybody derives it from the name, so that no node can say
 * that another one's is its own: 80 bits of SHA-256.
 */
export function sealAddress(node: string): string {
  const bytes = addressBytes(prefixBase(sealPrefix))!;
  const hash = createHash('sha256').update(`meshd seal ${node}`).digest();
  bytes.set(hash.subarray(0, bytes.length - sealPrefixBytes), sealPrefixBytes);
  return formatAddress(bytes);
}

/** The wireguard device of a generation of keys. Range of it: 0-`sealGenerationMax`. */
export function sealDevice(generation: number): string {
  return `meshw-${generation}`;
}

/** Nine digits, and the name of the device is full. */
export const sealGenerationMax = 999_999_999;
