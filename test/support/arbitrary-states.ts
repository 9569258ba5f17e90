import fc from 'fast-check';
import type {
  DestinationState,
  Explanation,
  NamedConnection,
  Plan,
  ServiceState,
  Status,
  Traffic,
} from '../../src/api/index.js';
import type { Counters } from '../../src/kernel/index.js';
import {
  schedulers,
  type HealthCheck,
  type PublishedPort,
  type ServiceSpec,
} from '../../src/model/index.js';

/*
 * Whatever the types of the API allow, whether or not a daemon would ever say it.
 */

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('__proto__', ''),
);
const u16 = fc.nat(65_535);
const u32 = fc.nat(2 ** 31 - 1);
const count = fc.nat(Number.MAX_SAFE_INTEGER);
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 4 });
const protocol = fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const);

/** A record of which the fields `optional` may be absent. */
function record<T extends object>(
  required: { [K in keyof T as undefined extends T[K] ? never : K]: fc.Arbitrary<T[K]> },
  optional: {
    [K in keyof T as undefined extends T[K] ? K : never]-?: fc.Arbitrary<NonNullable<T[K]>>;
  },
): fc.Arbitrary<T> {
  const all = { ...required, ...optional } as Record<string, fc.Arbitrary<unknown>>;
  return fc.record(all, { requiredKeys: Object.keys(required) }) as fc.Arbitrary<T>;
}

const timing = { intervalMs: u32, timeoutMs: u32, rise: fc.nat(100), fall: fc.nat(100) };

const healthCheck: fc.Arbitrary<HealthCheck> = fc.oneof(
  fc.record(
    { type: fc.constant('tcp' as const), port: u16, ...timing },
    {
      requiredKeys: ['type', 'intervalMs', 'timeoutMs', 'rise', 'fall'],
    },
  ),
  fc.record(
    {
      type: fc.constant('http' as const),
      path: text,
      status: list(fc.record({ from: u16, to: u16 })),
      ...timing,
      port: u16,
      host: text,
      body: text,
    },
    { requiredKeys: ['type', 'path', 'status', 'intervalMs', 'timeoutMs', 'rise', 'fall'] },
  ),
);

export const anySpec: fc.Arbitrary<ServiceSpec> = record<ServiceSpec>(
  {
    name: text,
    aliases: list(text),
    vips: list(text),
    endpointMode: fc.constantFrom('vip' as const, 'dnsrr' as const),
    ports: list(fc.record({ protocol, port: u16, targetPort: u16, count: u16 })),
    publish: list(
      record<PublishedPort>(
        {
          protocol,
          port: u16,
          targetPort: u16,
          count: u16,
          mode: fc.constantFrom('ingress' as const, 'host' as const),
          source: fc.constantFrom('preserve' as const, 'snat' as const),
          policy: fc.constantFrom('any' as const, 'prefer-local' as const, 'local' as const),
          allowFrom: list(text),
        },
        { bind: text, device: text },
      ),
    ),
    scheduler: fc.constantFrom(...schedulers),
    schedulerFlags: list(fc.constantFrom('fallback' as const, 'port' as const)),
    onePacket: fc.boolean(),
    affinity: fc.record({ timeoutS: u32, prefix4: fc.nat(32), prefix6: fc.nat(128) }),
    forwarding: fc.constantFrom('masq' as const, 'route' as const, 'tunnel' as const),
    snat: fc.constantFrom('auto' as const, 'never' as const, 'always' as const),
    limits: fc.record({ maxConnections: u32, resumeConnections: u32 }),
    drainDeadlineMs: count,
    destinations: list(
      fc.record({ name: text, address: text, weight: u16, draining: fc.boolean() }),
    ),
  },
  {
    network: text,
    dnsTtlS: u32,
    tunnel: fc.record({
      type: fc.constantFrom('ipip' as const, 'gue' as const, 'gre' as const),
      port: u16,
      checksum: fc.boolean(),
    }),
    healthCheck,
  },
);

const anyDestination = record<DestinationState>(
  {
    name: text,
    address: text,
    weight: u16,
    effectiveWeight: u16,
    draining: fc.boolean(),
    health: fc.constantFrom('healthy', 'unhealthy', 'unknown', 'unchecked'),
  },
  { healthCause: text },
);

export const anyState: fc.Arbitrary<ServiceState> = record<ServiceState>(
  {
    spec: anySpec,
    vips: list(text),
    revision: count,
    source: fc.constantFrom('file', 'api', 'mesh'),
    programmed: fc.boolean(),
    destinations: list(anyDestination),
  },
  { withheld: text, owner: text },
);

const counters: { [K in keyof Counters]: fc.Arbitrary<number> } = {
  connections: count,
  inPackets: count,
  outPackets: count,
  inBytes: count,
  outBytes: count,
  connectionsPerS: count,
  inPacketsPerS: count,
  outPacketsPerS: count,
  inBytesPerS: count,
  outBytesPerS: count,
};

export const anyTraffic: fc.Arbitrary<Traffic> = fc.record({
  atMs: count,
  services: list(
    fc.record({
      service: text,
      listen: text,
      ...counters,
      destinations: list(
        fc.record({
          name: text,
          address: text,
          port: u16,
          weight: u16,
          active: count,
          inactive: count,
          persistent: count,
          ...counters,
        }),
      ),
    }),
  ),
});

export const anyStatus: fc.Arbitrary<Status> = record<Status>(
  {
    version: text,
    instance: text,
    uptimeMs: count,
    sandbox: text,
    revision: count,
    services: u32,
    destinations: u32,
    withheld: u32,
    dataPath: fc.record({ kind: fc.constantFrom('ipvs', 'nftables'), detail: text }),
    drift: record<Status['drift']>({ detected: count, repaired: count }, { lastAtMs: count }),
  },
  {
    reconcile: record<NonNullable<Status['reconcile']>>(
      { atMs: count, durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }), ops: u32 },
      { error: text },
    ),
    config: record<NonNullable<Status['config']>>(
      { path: text },
      { loadedAtMs: count, error: text },
    ),
  },
);

export const anyPlan: fc.Arbitrary<Plan> = fc.record({
  ops: list(record<Plan['ops'][number]>({ text, cutsConnections: count }, { service: text })),
  foreign: list(text),
});

export const anyExplanation: fc.Arbitrary<Explanation> = fc.record({
  steps: list(
    record<Explanation['steps'][number]>(
      { kind: text, title: text, detail: text },
      {
        ...{ rule: text, counters: fc.record(counters) },
        ...{ node: text, task: text, kernel: text, destination: text },
      },
    ),
  ),
  outcome: fc.record({
    verdict: fc.constantFrom('balanced', 'refused', 'passed'),
    text,
    destinations: list(text),
  }),
});

export const anyConnection: fc.Arbitrary<NamedConnection> = record<NamedConnection>(
  {
    protocol: fc.constantFrom('tcp', 'udp', 'sctp', 'ip'),
    client: text,
    clientPort: u16,
    virtual: text,
    virtualPort: u16,
    destination: text,
    destinationPort: u16,
    state: text,
    expiresS: u32,
  },
  { service: text, destinationName: text },
);
