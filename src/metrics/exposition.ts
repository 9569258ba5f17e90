import type { Counters } from '../kernel/index.js';
import type { ServiceTraffic } from '../api/index.js';

/**
 * Kernel counters in Prometheus' text format 0.0.4, written directly: a registry would hold an
 * object for each of the series, and there are twelve per destination.
 */
export function* trafficSeries(services: readonly ServiceTraffic[]): Generator<string> {
  for (const metric of serviceMetrics) {
    yield header(`meshd_service_${metric.name}`, metric);
    for (const service of services) {
      yield `meshd_service_${metric.name}{${serviceLabels(service)}} ${metric.read(service)}\n`;
    }
  }
  for (const metric of destinationMetrics) {
    yield header(`meshd_destination_${metric.name}`, metric);
    for (const service of services) {
      const labels = serviceLabels(service);
      for (const destination of service.destinations) {
        const name = `destination="${escape(destination.name)}"`;
        const address = `address="${destination.address}",port="${destination.port}"`;
        const value = metric.read(destination);
        yield `meshd_destination_${metric.name}{${labels},${name},${address}} ${value}\n`;
      }
    }
  }
}

interface Metric<T> {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  read(of: T): number;
}

const serviceMetrics: readonly Metric<Counters>[] = [
  counter('connections_total', 'Connections scheduled.', (c) => c.connections),
  counter('in_packets_total', 'Packets from clients.', (c) => c.inPackets),
  counter('out_packets_total', 'Packets to clients.', (c) => c.outPackets),
  counter('in_bytes_total', 'Bytes from clients.', (c) => c.inBytes),
  counter('out_bytes_total', 'Bytes to clients.', (c) => c.outBytes),
  gauge('connections_per_second', "The kernel's estimate over 2 s.", (c) => c.connectionsPerS),
  gauge('in_bytes_per_second', "The kernel's estimate over 2 s.", (c) => c.inBytesPerS),
  gauge('out_bytes_per_second', "The kernel's estimate over 2 s.", (c) => c.outBytesPerS),
];

type DestinationCounters = ServiceTraffic['destinations'][number];

const destinationMetrics: readonly Metric<DestinationCounters>[] = [
  ...serviceMetrics,
  gauge('weight', 'Weight in force; 0 = no new connections.', (d) => d.weight),
  gauge('active_connections', 'Established connections.', (d) => d.active),
  gauge('inactive_connections', 'Connections in other states, and UDP flows.', (d) => d.inactive),
  gauge('persistent_connections', 'Affinity templates.', (d) => d.persistent),
];

function counter<T>(name: string, help: string, read: (of: T) => number): Metric<T> {
  return { name, type: 'counter', help, read };
}

function gauge<T>(name: string, help: string, read: (of: T) => number): Metric<T> {
  return { name, type: 'gauge', help, read };
}

export function header(name: string, { type, help }: { type: string; help: string }): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function serviceLabels(service: ServiceTraffic): string {
  return `service="${escape(service.service)}",listen="${service.listen}"`;
}

export function escape(text: string): string {
  return text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
