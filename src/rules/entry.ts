import { familyOf, type NftElementRule, type Rule } from '../model/index.js';
import { ingressTable, ingressTableName } from './ingress-table.js';

/** Table `local` (RT_TABLE_LOCAL, linux/rtnetlink.h). */
const localTable = 255;

/** What a host needs to be an entry, whatever is published. */
export interface EntryOptions {
  /** The bridge of the ingress network. */
  readonly device: string;
  /** Of the ingress network. */
  readonly subnets: readonly string[];
  /** Addresses there of tasks that may not call the world. */
  readonly internal: readonly string[];
}

/**
 * The host as entry of published ports and as the way of its tasks to the world. Clients on the
 * host that call a loopback address need connection tracking, and answers to them that come in
 * from a device (route_localnet).
 */
export function compileEntry({ device, subnets, internal }: EntryOptions): Rule[] {
  return [
    { kind: 'sysctl', name: 'net/ipv4/vs/conntrack', value: '1' },
    { kind: 'sysctl', name: `net/ipv4/conf/${device}/route_localnet`, value: '1', device },
    // An answer to ::1 comes in by the device: the kernel's own route to it is of lo alone.
    { kind: 'route', type: 'local', destination: '::1/128', table: localTable, device },
    ingressTable,
    element('links', device),
    element('loopback4', '127.0.0.0/8'),
    element('loopback6', '::1'),
    ...subnets.map((subnet) => element(`inside${familyOf(subnet)}`, subnet)),
    ...internal.map((address) => element(`internal${familyOf(address)}`, address)),
  ];
}

function element(set: string, key: string): NftElementRule {
  return { kind: 'nft-element', table: ingressTableName, set, key: [key] };
}
