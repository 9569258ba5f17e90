import type { ServiceSpec } from '../model/index.js';
import type { ServiceDefaults, ServiceEntry } from './service-entry.js';

/**
 * What holds when neither the service nor `defaults` says anything. `wrr` because weights are the
 * usual wish and it equals `rr` without them; no affinity, no limits and no health check, because
 * each of them may refuse or move connections that nobody asked to be moved.
 */
const builtin = {
  scheduler: { name: 'wrr', flags: [] },
  affinity: { timeoutS: 0, prefix4: 32, prefix6: 128 },
  forwarding: { method: 'masq' },
  limits: { maxConnections: 0, resumeConnections: 0 },
  drainDeadlineMs: 30_000,
  /** IANA's assignment for GUE. */
  guePort: 6_080,
} as const;

/**
 * The spec that an entry means. A field of the entry replaces the whole field of `defaults`;
 * nothing is merged within fields, so that an entry can be read without its defaults.
 */
export function completeSpec(entry: ServiceEntry, defaults: ServiceDefaults): ServiceSpec {
  const scheduler = entry.scheduler ?? defaults.scheduler ?? builtin.scheduler;
  const affinity = { ...builtin.affinity, ...set(entry.affinity ?? defaults.affinity ?? {}) };
  // Defaults of fields that a service on a network has not are for the others.
  const others = entry.network === undefined ? defaults : {};
  const forwarding = entry.forwarding ?? others.forwarding ?? builtin.forwarding;
  const healthCheck = entry.healthCheck ?? others.healthCheck ?? 'none';
  // A default for masq must not make a mistake of a service that is forwarded otherwise.
  const snatDefault = forwarding.method === 'masq' ? (others.snat ?? 'auto') : 'never';
  return {
    name: entry.name,
    aliases: entry.aliases ?? [],
    ...(entry.dnsTtl === undefined ? {} : { dnsTtlS: entry.dnsTtl / 1_000 }),
    ...(entry.network === undefined ? {} : { network: entry.network }),
    endpointMode: entry.endpointMode ?? 'vip',
    vips: entry.vip ?? [],
    ports: entry.ports ?? [],
    publish: entry.publish ?? [],
    scheduler: scheduler.name,
    schedulerFlags: scheduler.flags,
    onePacket: entry.onePacket ?? defaults.onePacket ?? false,
    affinity,
    forwarding: forwarding.method,
    ...(forwarding.method === 'tunnel' ? { tunnel: tunnelOf(forwarding) } : {}),
    snat: entry.snat ?? snatDefault,
    limits: entry.limits ?? defaults.limits ?? builtin.limits,
    drainDeadlineMs: entry.drainDeadline ?? defaults.drainDeadline ?? builtin.drainDeadlineMs,
    ...(healthCheck === 'none' ? {} : { healthCheck }),
    destinations: (entry.destinations ?? []).map(({ address, name, weight }) => ({
      name: name ?? address,
      address,
      weight,
      draining: false,
    })),
  };
}

type ForwardingEntry = NonNullable<ServiceEntry['forwarding']>;

function tunnelOf(forwarding: ForwardingEntry): NonNullable<ServiceSpec['tunnel']> {
  const type = forwarding.type ?? 'ipip';
  return {
    type,
    port: type === 'gue' ? (forwarding.port ?? builtin.guePort) : 0,
    checksum: forwarding.checksum ?? false,
  };
}

/** Without the fields that are undefined, so that a spread keeps what it would overwrite. */
function set<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: NonNullable<T[K]> };
}
