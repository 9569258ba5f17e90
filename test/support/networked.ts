import type { Endpoint, PublishedPort, Service } from '../../src/model/index.js';
import { macOf } from '../../src/overlay/index.js';

/** A service on network `front`, with every default. */
export function networkedService(change: Partial<Service> = {}): Service {
  return {
    name: 'web',
    aliases: [],
    network: 'front',
    endpointMode: 'vip',
    vips: ['10.64.0.200', 'fd00:64::c8'],
    ports: [],
    publish: [],
    scheduler: 'rr',
    schedulerFlags: [],
    onePacket: false,
    affinity: { timeoutS: 0, prefix4: 32, prefix6: 128 },
    forwarding: 'masq',
    snat: 'auto',
    limits: { maxConnections: 0, resumeConnections: 0 },
    drainDeadlineMs: 30_000,
    destinations: [],
    ...change,
  };
}

export function publishedPort(change: Partial<PublishedPort> = {}): PublishedPort {
  return {
    protocol: 'tcp',
    port: 80,
    targetPort: 8_080,
    count: 1,
    mode: 'ingress',
    source: 'preserve',
    policy: 'any',
    allowFrom: [],
    ...change,
  };
}

/** Number `n` of a network, on node `node`. */
export function endpointAt(n: number, node: string, change: Partial<Endpoint> = {}): Endpoint {
  const addresses = [`10.255.0.${n}`, `fd6d::${n.toString(16)}`];
  return {
    name: `t${n}`,
    network: 'ingress',
    node,
    vtep: `192.0.2.${node.charCodeAt(0) - 96}`,
    addresses,
    mac: macOf(addresses[0]!),
    services: { web: 1 },
    isEntry: false,
    isAway: false,
    ...change,
  };
}
