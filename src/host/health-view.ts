import type { Health } from '../api/index.js';
import type { Service } from '../model/index.js';

/** The health of destinations, as the controller needs it. */
export interface HealthView {
  /** Checks the destinations of this service from now on, as its spec says. */
  put(service: Service): void;
  remove(service: string): void;
  /** False when checks hold that no new connection should go there. */
  isUsable(service: string, address: string): boolean;
  report(service: string, address: string): HealthReport;
  /** Calls back with the service when one of its destinations changed. */
  onChange(callback: (service: string) => void): void;
  stop(): void;
}

export interface HealthReport {
  readonly health: Health;
  /** Why the last check failed. */
  readonly cause?: string;
}
