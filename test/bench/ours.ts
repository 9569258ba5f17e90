import { startDaemon, type ServiceEntry } from './daemon.js';
import { balancer, serverAddresses, vips } from './topology.js';
import type { Variant } from './variants.js';

/** The daemon, told to keep every client's address, and left at its default. */
export const ours: readonly Variant[] = [
  {
    name: 'meshd, snat never',
    address: vips.routed,
    start: (ports) => start({ ...service(vips.routed, ports), snat: 'never' }),
  },
  {
    name: 'meshd, snat auto, client beside the servers',
    address: vips.onLink,
    start: (ports) => start(service(vips.onLink, ports)),
  },
  {
    name: 'meshd, snat auto, client elsewhere',
    address: vips.routed,
    start: (ports) => start(service(vips.routed, ports)),
  },
];

function service(vip: string, ports: readonly number[]): ServiceEntry {
  return {
    name: 'web',
    scheduler: 'rr',
    vip,
    ports: ports.map((port) => `${port}/tcp`),
    destinations: serverAddresses,
  };
}

async function start(entry: ServiceEntry): Promise<() => Promise<void>> {
  const daemon = await startDaemon(balancer, [entry]);
  return () => daemon.stop();
}
