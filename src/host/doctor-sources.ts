import type { DoctorCheck, MeshControl, NetworkControl, Status } from '../api/index.js';
import type { Kernel, PacketFaults } from '../kernel/index.js';
import type { ServiceTable } from '../store/index.js';
import type { HostController } from './controller.js';
import type { HealthView } from './health-view.js';

export interface DoctorSources {
  readonly controller: HostController;
  readonly table: ServiceTable;
  readonly kernel: Kernel;
  readonly health: HealthView;
  readonly status: () => Promise<Status>;
  /** A file below /proc/sys; undefined when it does not exist. */
  readonly sysctl: (name: string) => Promise<string | undefined>;
  /** Absent on a host that stands alone, as the next two are. */
  readonly mesh?: MeshControl | undefined;
  readonly networks?: Pick<NetworkControl, 'list'> | undefined;
  readonly underlay?: (() => Promise<OverlayFacts>) | undefined;
}

/** What lies under the networks of this host. */
export interface OverlayFacts {
  /** Where this host takes VXLAN packets. */
  readonly vtep: string;
  /** The device that has this address now, and its MTU in bytes. */
  readonly link?: { readonly device: string; readonly mtu: number } | undefined;
  readonly faults: RecentFaults;
}

/** What was counted in this time. */
export interface RecentFaults extends PacketFaults {
  readonly overMs: number;
}

export type Finding = Omit<DoctorCheck, 'name'>;
export type Check = (sources: DoctorSources) => Finding | Promise<Finding>;

export function ok(cause: string): Finding {
  return { state: 'ok', cause, fix: '' };
}

export function warn(cause: string, fix: string): Finding {
  return { state: 'warn', cause, fix };
}

export function fail(cause: string, fix: string): Finding {
  return { state: 'fail', cause, fix };
}

/** A few of many: `a, b, c and 7 more`. */
export function listed(items: readonly string[]): string {
  const shown = items.slice(0, 5).join(', ');
  return items.length <= 5 ? shown : `${shown} and ${items.length - 5} more`;
}
