import type { Service, ServiceSpec } from '../model/index.js';

/** The service that was asked for, with what was chosen for it and what is told to drain. */
export function withDrained(
  spec: ServiceSpec,
  { vips, publish }: Pick<Service, 'vips' | 'publish'>,
  drained: ReadonlySet<string>,
): Service {
  if (drained.size === 0) return { ...spec, vips, publish };
  const destinations = spec.destinations.map((destination) =>
    drained.has(destination.address) ? { ...destination, draining: true } : destination,
  );
  return { ...spec, vips, publish, destinations };
}
