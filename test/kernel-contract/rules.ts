import type {
  AddressRule,
  Destination,
  LinkRule,
  Op,
  RouteRule,
  VirtualServiceMatch,
  VirtualServiceRule,
} from '../../src/model/index.js';
import { matchFamily } from '../../src/model/index.js';

/** Short ways to write the rules of the contract; everything not said has its plainest value. */
export function service(
  match: VirtualServiceMatch,
  rest: Partial<VirtualServiceRule> = {},
): VirtualServiceRule {
  return {
    kind: 'virtual-service',
    match,
    scheduler: 'wrr',
    schedulerFlags: [],
    affinityTimeoutS: 0,
    affinityPrefix: matchFamily(match) === 4 ? 32 : 128,
    onePacket: false,
    destinations: [],
    ...rest,
  };
}

export function destination(address: string, rest: Partial<Destination> = {}): Destination {
  return {
    address,
    port: 8080,
    weight: 1,
    forwarding: 'masq',
    upperThreshold: 0,
    lowerThreshold: 0,
    ...rest,
  };
}

/** mesh0, that holds the VIPs. */
export function vipDevice(rest: Partial<LinkRule> = {}): LinkRule {
  return { kind: 'link', name: 'mesh0', type: 'dummy', up: true, mtu: 1500, ...rest };
}

export function address(prefix: string): AddressRule {
  return { kind: 'address', device: 'mesh0', prefix };
}

export function localRoute(destination: string, source: string): RouteRule {
  return { kind: 'route', type: 'local', destination, table: 255, device: 'mesh0', source };
}

export const add = (target: Op['target']): Op => ({ verb: 'add', target });
export const set = (target: Op['target']): Op => ({ verb: 'set', target });
export const remove = (target: Op['target']): Op => ({ verb: 'delete', target });

/** A destination as a target of its own. */
export function of(rule: VirtualServiceRule, target: Destination): Op['target'] {
  return { kind: 'destination', service: rule, destination: target };
}

export const web4 = { protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
export const web6 = { protocol: 'tcp', address: 'fd96::1', port: 80 } as const;
export const dns4 = { protocol: 'udp', address: '10.96.0.1', port: 53 } as const;
export const mark4 = { fwmark: 257, family: 4 } as const;
export const mark6 = { fwmark: 257, family: 6 } as const;
