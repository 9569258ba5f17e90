import { z } from 'zod';
import { parseAddress, parsePrefix } from '../model/index.js';
import { choice, duration, list, mapping, oneOfKinds, text } from './fields.js';
import { completeDns, dnsEntry, type DnsConfig } from './dns-entry.js';
import { completeMesh, meshEntry, type MeshConfig } from './mesh-entry.js';
import { defaultsEntry, type ServiceDefaults } from './service-entry.js';
import { limits, reconcileTunables } from './tunables.js';
import { parseEndpoint } from './usable.js';

/** Where the daemon listens. */
export type ListenAddress =
  { readonly address: string; readonly port: number } | { readonly socketPath: string };

/** The part of the configuration that is not services: checked, every default filled in. */
export interface DaemonConfig {
  readonly api: {
    readonly socketPath: string;
    /** May use the socket beside root; absent = `meshd`. A name, or a number as text. */
    readonly group?: string;
  };
  /** Absent = no metrics are served. */
  readonly metrics?: ListenAddress;
  readonly log: { readonly level: LogLevel };
  readonly stateDir: string;
  /** Path of the network namespace to program; absent = the daemon's own. */
  readonly netnsPath?: string;
  /** What carries the packets of virtual services; `auto`: IPVS where the kernel has it, else nftables. */
  readonly dataPath: (typeof dataPaths)[number];
  /** Canonical prefixes that do not overlap. */
  readonly pools: readonly string[];
  /** How long IPVS keeps an idle connection. */
  readonly idleTimeouts: {
    readonly tcpS: number;
    readonly tcpFinS: number;
    readonly udpS: number;
  };
  readonly reconcile: {
    readonly repairIntervalMs: number;
    /** Of the time, for repairs; a long one puts off the next. Range 0-1. */
    readonly repairShareMax: number;
  };
  /** Absent = the host stands alone. */
  readonly mesh?: MeshConfig;
  /** Absent = names are not answered. */
  readonly dns?: DnsConfig;
  /** Applied to the services of the file; the API's callers may do the same. */
  readonly serviceDefaults: ServiceDefaults;
}

const dataPaths = ['auto', 'ipvs', 'nftables'] as const;
const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

const absolutePath = text('an absolute path', /^\/[^\0\n]{0,4094}$/);
/** sockaddr_un.sun_path holds 107 bytes and a zero (unix(7)). */
const socketPath = text('an absolute path of at most 107 characters', /^\/[\x20-\x7e]{1,106}$/);

const listen = oneOfKinds<ListenAddress>(
  'address:port such as 127.0.0.1:9464 or [::1]:9464, or unix:/path',
  {
    text: (value) => {
      if (!value.startsWith('unix:')) return parseEndpoint(value);
      const path = socketPath.safeParse(value.slice('unix:'.length));
      return path.success ? { socketPath: path.data } : undefined;
    },
  },
);

const group = oneOfKinds('the name or number of a group', {
  text: (value) => (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/.test(value) ? value : undefined),
  number: (value) => (Number.isInteger(value) && value >= 0 ? String(value) : undefined),
});

const pool = oneOfKinds('a prefix such as 10.96.0.0/16 or fd00:96::/112, host bits zero', {
  text: (value) => {
    const prefix = parsePrefix(value);
    if (prefix === undefined) return undefined;
    const base = parseAddress(value.slice(0, value.indexOf('/')));
    return base === prefix.slice(0, prefix.indexOf('/')) ? prefix : undefined;
  },
});

const idleMaxMs = 31 * 86_400_000;
const idle = duration(1_000, idleMaxMs, 1_000).optional();

/** The whole file, with `services` unread. */
export const daemonEntry = mapping({
  api: mapping({ socket: socketPath.optional(), group: group.optional() }).optional(),
  metrics: mapping({ listen }).optional(),
  log: mapping({ level: choice(logLevels).optional() }).optional(),
  stateDir: absolutePath.optional(),
  netns: absolutePath.optional(),
  dataPath: choice(dataPaths).optional(),
  pools: list(`a list of at most ${limits.pools} prefixes`, pool, {
    min: 0,
    max: limits.pools,
  }).optional(),
  idleTimeouts: mapping({ tcp: idle, tcpFin: idle, udp: idle }).optional(),
  reconcile: mapping({ repairInterval: duration(1_000, 86_400_000).optional() }).optional(),
  mesh: meshEntry.optional(),
  dns: dnsEntry.optional(),
  defaults: defaultsEntry.optional(),
  services: z.unknown().optional(),
});
export type DaemonEntry = z.infer<typeof daemonEntry>;

/** No default have metrics, netns and mesh: off, the daemon's own namespace, alone. */
export function completeConfig(entry: DaemonEntry): DaemonConfig {
  const timeouts = entry.idleTimeouts;
  const dns = completeDns(entry.dns ?? {});
  return {
    api: {
      socketPath: entry.api?.socket ?? '/run/meshd/meshd.sock',
      ...(entry.api?.group === undefined ? {} : { group: entry.api.group }),
    },
    ...(entry.metrics === undefined ? {} : { metrics: entry.metrics.listen }),
    log: { level: entry.log?.level ?? 'info' },
    stateDir: entry.stateDir ?? '/var/lib/meshd',
    ...(entry.netns === undefined ? {} : { netnsPath: entry.netns }),
    dataPath: entry.dataPath ?? 'auto',
    pools: entry.pools ?? [],
    // The kernel's own defaults (ip_vs_proto_tcp.c, ip_vs_proto_udp.c).
    idleTimeouts: {
      tcpS: (timeouts?.tcp ?? 900_000) / 1_000,
      tcpFinS: (timeouts?.tcpFin ?? 120_000) / 1_000,
      udpS: (timeouts?.udp ?? 300_000) / 1_000,
    },
    reconcile: repairs(entry.reconcile?.repairInterval),
    ...(entry.mesh === undefined ? {} : { mesh: completeMesh(entry.mesh) }),
    ...(dns === undefined ? {} : { dns }),
    serviceDefaults: entry.defaults ?? {},
  };
}

function repairs(askedMs: number | undefined): DaemonConfig['reconcile'] {
  const { repairIntervalMs, repairShareMax, askedRepairShareMax } = reconcileTunables;
  return askedMs === undefined
    ? { repairIntervalMs, repairShareMax }
    : { repairIntervalMs: askedMs, repairShareMax: askedRepairShareMax };
}
