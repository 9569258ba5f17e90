import type { ServiceState } from '../../src/api/index.js';
import { checkSpec } from '../../src/config/index.js';
import type { Counters } from '../../src/kernel/index.js';
import type { ServiceSpec } from '../../src/model/index.js';

/** 2026-01-02T03:04:05Z. */
export const epoch = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Counts that can be told apart, all made from one number. */
export function counters(n: number): Counters {
  return {
    connections: n,
    inPackets: n * 10,
    outPackets: n * 9,
    inBytes: n * 1_500,
    outBytes: n * 150_000,
    connectionsPerS: n / 10,
    inPacketsPerS: n,
    outPacketsPerS: n - 1,
    inBytesPerS: n * 150,
    outBytesPerS: n * 15_000,
  };
}

export interface Settled {
  readonly vips: readonly string[];
  readonly revision: number;
}

/** The state of a service that the kernel holds and nothing ails. */
export function stateOf(spec: ServiceSpec, { vips, revision }: Settled): ServiceState {
  return {
    spec,
    vips,
    revision,
    source: 'file',
    programmed: true,
    destinations: spec.destinations.map(({ name, address, weight, draining }) => ({
      name,
      address,
      weight,
      effectiveWeight: draining ? 0 : weight,
      draining,
      health: spec.healthCheck === undefined ? 'unchecked' : 'healthy',
    })),
  };
}

/** `web`: two destinations, one ill. `dns`: UDP, IPv6. `legacy`: kept out of the kernel. */
export function sampleStates(): ServiceState[] {
  const web = checkSpec(
    {
      name: 'web',
      vip: '10.96.0.10',
      ports: ['80:8080/tcp', '443:8443/tcp'],
      scheduler: 'wrr',
      affinity: '5m',
      healthCheck: { type: 'http', path: '/healthz' },
      destinations: [
        { name: 'web-1', address: '10.0.0.11', weight: 2 },
        { name: 'web-2', address: '10.0.0.12' },
      ],
    },
    '',
  );
  const dns = checkSpec(
    {
      name: 'dns',
      ports: ['53/udp'],
      destinations: [
        { name: 'dns-1', address: '10.0.0.53' },
        { name: 'dns-2', address: 'fd00::53' },
      ],
    },
    '',
  );
  const legacy = checkSpec(
    {
      name: 'legacy',
      aliases: ['mail', 'smtp.old'],
      dnsTtl: '90s',
      vip: '192.0.2.7',
      ports: [25],
      destinations: [{ address: '10.0.0.25' }],
    },
    '',
  );
  const settledWeb = stateOf(web, { vips: ['10.96.0.10'], revision: 1 });
  return [
    stateOf(dns, { vips: ['10.96.0.53', 'fd00:96::53'], revision: 1 }),
    {
      ...stateOf(legacy, { vips: ['192.0.2.7'], revision: 3 }),
      source: 'api',
      programmed: false,
      withheld: '192.0.2.7 is an address of eth0',
    },
    {
      ...settledWeb,
      destinations: settledWeb.destinations.map((destination) =>
        destination.name === 'web-2'
          ? {
              ...destination,
              effectiveWeight: 0,
              health: 'unhealthy',
              healthCause: 'connect: connection refused',
            }
          : destination,
      ),
    },
  ];
}
