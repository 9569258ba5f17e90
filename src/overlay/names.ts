import { createHash } from 'node:crypto';
import { addressBytes } from '../model/index.js';

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
