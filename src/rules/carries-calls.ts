import { formatMatch, type Rule, type Service, type VirtualServiceMatch } from '../model/index.js';
import { publishedMark } from './packet-marks.js';
import { isLoopback } from './published.js';

/**
 * For load balancers in front of the hosts: true when a client's call of each port of the service,
 * in some address family at least, leads to somebody who takes new connections. Undefined when
 * clients outside networks cannot call the service at all.
 */
export function carriesCalls(
  service: Service,
  ruleOf: (key: string) => Rule | undefined,
): boolean | undefined {
  const ports = callable(service);
  if (ports.length === 0) return undefined;
  return ports.every((matches) =>
    matches.some((match) => isOpen(ruleOf(`ipvs ${formatMatch(match)}`))),
  );
}

/** The virtual services of each port, one per address. Ranges are alike in all their ports. */
function callable({ network, vips, ports, publish }: Service): VirtualServiceMatch[][] {
  const outside = publish.filter(({ bind }) => !isLoopback(bind));
  const published = outside.map(({ protocol, port }) => {
    const fwmark = publishedMark(protocol, port);
    return ([4, 6] as const).map((family) => ({ fwmark, family }));
  });
  if (network !== undefined) return published;
  const own = ports.map(({ protocol, port }) =>
    vips.map((address) => ({ protocol, address, port })),
  );
  return [...own, ...published];
}

function isOpen(rule: Rule | undefined): boolean {
  return rule?.kind === 'virtual-service' && rule.destinations.some(({ weight }) => weight > 0);
}
