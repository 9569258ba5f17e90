import type { Service } from '../model/index.js';
import { HealthMonitor, type HealthMonitorOptions, type TargetHealth } from './monitor.js';
import type { HealthTarget } from './probe.js';
import { isUsable } from './verdict.js';

/** `unchecked`: the service has no health check. `unknown`: too few results so far. */
export interface DestinationReport {
  readonly health: 'healthy' | 'unhealthy' | 'unknown' | 'unchecked';
  /** Why the last check failed; absent when it did not. */
  readonly cause?: string;
}

/** The health of the destinations of services, by service and address. */
export class HealthChecks {
  private readonly monitor: HealthMonitor;
  /** Keys of the destinations of each service that is checked. */
  private readonly keys = new Map<string, Set<string>>();

  constructor(options: HealthMonitorOptions) {
    this.monitor = new HealthMonitor(options);
  }

  /** Checks the destinations of this service from now on, as its spec says. */
  put(service: Service): void {
    const targets = targetsOf(service);
    const keys = new Set(targets.map(({ key }) => key));
    this.forget(service.name, keys);
    if (keys.size > 0) this.keys.set(service.name, keys);
    for (const target of targets) this.monitor.put(target);
  }

  remove(service: string): void {
    this.forget(service, new Set());
  }

  /** False when checks hold that no new connection should go there. */
  isUsable(service: string, address: string): boolean {
    // Most services have no check, and a compilation asks for each of 100,000 destinations.
    if (!this.keys.has(service)) return true;
    const known = this.monitor.get(keyOf(service, address));
    return known === undefined || isUsable(known);
  }

  report(service: string, address: string): DestinationReport {
    const known = this.monitor.get(keyOf(service, address));
    if (known === undefined) return { health: 'unchecked' };
    const cause = known.last?.ok === false ? known.last.reason : undefined;
    return { health: known.state, ...(cause === undefined ? {} : { cause }) };
  }

  /** Calls back with the service when a destination of it became healthy or unhealthy. */
  onChange(callback: (service: string) => void): void {
    this.monitor.onChange((key) => callback(serviceOf(key)));
  }

  /** All that is known, for diagnosis. */
  snapshot(): TargetHealth[] {
    return this.monitor.snapshot();
  }

  stop(): void {
    this.keys.clear();
    this.monitor.stop();
  }

  private forget(service: string, except: ReadonlySet<string>): void {
    for (const key of this.keys.get(service) ?? []) if (!except.has(key)) this.monitor.remove(key);
    this.keys.delete(service);
  }
}

function targetsOf({ name, healthCheck, ports, destinations }: Service): HealthTarget[] {
  if (healthCheck === undefined) return [];
  const port = healthCheck.port ?? ports.find(({ protocol }) => protocol === 'tcp')?.targetPort;
  // A spec that was checked has one of the two.
  if (port === undefined) return [];
  return destinations.map(({ address }) => ({
    key: keyOf(name, address),
    address,
    port,
    check: healthCheck,
  }));
}

/** Neither a name nor an address holds a space. */
function keyOf(service: string, address: string): string {
  return `${service} ${address}`;
}

function serviceOf(key: string): string {
  return key.slice(0, key.indexOf(' '));
}
