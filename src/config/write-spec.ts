import { formatPort, type HealthCheck, type ServiceSpec } from '../model/index.js';
import { formatDuration } from './fields.js';

/**
 * The entry of `services` that `checkSpec` reads as this spec, whatever the defaults are: for the
 * state file and for `meshctl service inspect`. Invariant: checkSpec(writeSpec(spec)) equals spec,
 * but for `draining`, which nobody writes.
 */
export function writeSpec(spec: ServiceSpec): Record<string, unknown> {
  const { timeoutS, prefix4, prefix6 } = spec.affinity;
  return {
    name: spec.name,
    // Nodes of a version that does not know these fields refuse them: they are for those who need them.
    ...(spec.aliases.length === 0 ? {} : { aliases: [...spec.aliases] }),
    ...(spec.dnsTtlS === undefined ? {} : { dnsTtl: formatDuration(spec.dnsTtlS * 1_000) }),
    vip: spec.vips.length === 0 ? 'auto' : [...spec.vips],
    ...(spec.network === undefined
      ? { ports: spec.ports.map(formatPort) }
      : {
          network: spec.network,
          endpointMode: spec.endpointMode,
          publish: spec.publish.map(({ port, ...rest }) => {
            return { port: port === 0 ? 'auto' : port, ...rest };
          }),
        }),
    scheduler: { name: spec.scheduler, flags: [...spec.schedulerFlags] },
    affinity: timeoutS === 0 ? 'off' : { timeout: `${timeoutS}s`, prefix4, prefix6 },
    forwarding: writeForwarding(spec),
    snat: spec.snat,
    onePacket: spec.onePacket,
    limits: { ...spec.limits },
    drainDeadline: formatDuration(spec.drainDeadlineMs),
    healthCheck: spec.healthCheck === undefined ? 'none' : writeCheck(spec.healthCheck),
    destinations: spec.destinations.map(({ name, address, weight }) =>
      name === address ? { address, weight } : { name, address, weight },
    ),
  };
}

function writeForwarding(spec: ServiceSpec): unknown {
  const tunnel = spec.tunnel;
  if (tunnel === undefined) return spec.forwarding;
  return {
    method: 'tunnel',
    type: tunnel.type,
    ...(tunnel.type === 'gue' ? { port: tunnel.port } : {}),
    ...(tunnel.type === 'ipip' ? {} : { checksum: tunnel.checksum }),
  };
}

function writeCheck(check: HealthCheck): Record<string, unknown> {
  const { type, intervalMs, timeoutMs, ...rest } = check;
  const timing = { interval: formatDuration(intervalMs), timeout: formatDuration(timeoutMs) };
  if (!('status' in rest)) return { type, ...timing, ...rest };
  const status = rest.status.map(({ from, to }) => (from === to ? from : `${from}-${to}`));
  return { type, ...timing, ...rest, status };
}
