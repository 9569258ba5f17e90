import { z } from 'zod';
import {
  parseAddress,
  schedulers,
  type Scheduler,
  type SchedulerFlag,
  type TunnelType,
} from '../model/index.js';
import { dnsTtl } from './dns-entry.js';
import { healthCheck } from './health-entry.js';
import {
  choice,
  duration,
  durationExpected,
  durationReader,
  flag,
  integer,
  list,
  mapping,
  oneOfKinds,
  portNumber,
  text,
  wordOf,
} from './fields.js';
import { port, publishedPort } from './port-entry.js';
import { limits } from './tunables.js';

/*
 * A service as it is written: every field that may be left out may be absent here, each value is
 * in its final unit. complete.ts fills in the defaults, check-spec.ts relates the fields.
 */

const schedulerFlags = ['fallback', 'port'] as const;
const methods = ['masq', 'route', 'tunnel'] as const;
const tunnelTypes = ['ipip', 'gue', 'gre'] as const;
const snatModes = ['auto', 'never', 'always'] as const;

/** ip_vs holds the timeout in jiffies; ipvsadm has the same bound (ipvsadm.c, MAX_TIMEOUT). */
const affinityMaxMs = 31 * 86_400_000;
const connectionsMax = 2 ** 31 - 1;

export const address = oneOfKinds('an IPv4 or IPv6 address', { text: parseAddress });

const vips = oneOfKinds<string[]>('an IPv4 or IPv6 address, a list of one of each, or auto', {
  text: (value) => {
    if (value === 'auto') return [];
    const parsed = parseAddress(value);
    return parsed === undefined ? undefined : [parsed];
  },
  list: list('a list of 1 or 2 addresses', address, { min: 1, max: 2 }),
});

interface SchedulerEntry {
  name: Scheduler;
  flags: SchedulerFlag[];
}

const schedulerName = choice(schedulers);
const schedulerFlagList = list(`a list of ${schedulerFlags.join(', ')}`, choice(schedulerFlags), {
  min: 0,
  max: schedulerFlags.length,
});
const scheduler = oneOfKinds<SchedulerEntry>(
  `one of ${schedulers.join(', ')}, or a mapping with name`,
  {
    text: (value) => {
      const name = wordOf(schedulers, value);
      return name === undefined ? undefined : { name, flags: [] };
    },
    mapping: mapping({ name: schedulerName, flags: schedulerFlagList.optional() }).transform(
      ({ name, flags }) => ({ name, flags: flags ?? [] }),
    ),
  },
);

const affinityTimeout = durationReader(1_000, affinityMaxMs, 1_000);
const affinityExpected = durationExpected(1_000, affinityMaxMs, 1_000);
const wholeAffinity = (value: string | number) => {
  if (value === 'off') return { timeoutS: 0 };
  const milliseconds = affinityTimeout(value);
  return milliseconds === undefined ? undefined : { timeoutS: milliseconds / 1_000 };
};
const affinity = oneOfKinds<{
  timeoutS: number;
  prefix4?: number | undefined;
  prefix6?: number | undefined;
}>(`off, ${affinityExpected}, or a mapping with timeout`, {
  text: wholeAffinity,
  number: wholeAffinity,
  mapping: mapping({
    timeout: duration(1_000, affinityMaxMs, 1_000),
    prefix4: integer(1, 32).optional(),
    prefix6: integer(1, 128).optional(),
  }).transform(({ timeout, ...rest }) => ({ timeoutS: timeout / 1_000, ...rest })),
});

interface ForwardingEntry {
  method: (typeof methods)[number];
  type?: TunnelType | undefined;
  port?: number | undefined;
  checksum?: boolean | undefined;
}

const forwarding = oneOfKinds<ForwardingEntry>(
  `one of ${methods.join(', ')}, or a mapping with method`,
  {
    text: (value) => {
      const method = wordOf(methods, value);
      return method === undefined ? undefined : { method };
    },
    mapping: mapping({
      method: choice(methods),
      type: choice(tunnelTypes).optional(),
      port: portNumber.optional(),
      checksum: flag().optional(),
    }),
  },
);

const connectionLimits = mapping({
  maxConnections: integer(0, connectionsMax).optional(),
  resumeConnections: integer(0, connectionsMax).optional(),
}).transform((entry) => ({
  maxConnections: entry.maxConnections ?? 0,
  resumeConnections: entry.resumeConnections ?? 0,
}));

const destinationName = text(
  'a name of 1-63 letters, digits, ".", "_", "-" or ":"',
  /^[A-Za-z0-9]([A-Za-z0-9._:-]{0,61}[A-Za-z0-9])?$/,
);

const destination = oneOfKinds<{ address: string; name?: string | undefined; weight: number }>(
  'an IPv4 or IPv6 address, or a mapping with address',
  {
    text: (value) => {
      const parsed = parseAddress(value);
      return parsed === undefined ? undefined : { address: parsed, weight: 1 };
    },
    mapping: mapping({
      address,
      name: destinationName.optional(),
      weight: integer(0, 65_535, 'a weight').optional(),
    }).transform(({ weight, ...rest }) => ({ weight: weight ?? 1, ...rest })),
  },
);

const serviceName = text(
  'a name of 1-63 lower-case letters, digits, "-" and "."',
  /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
);

/** As the mesh has it. */
const networkName = text(
  'the name of a network: 1-63 letters, digits, "-", "." or "_"',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
);

const shared = {
  scheduler: scheduler.optional(),
  affinity: affinity.optional(),
  forwarding: forwarding.optional(),
  snat: choice(snatModes).optional(),
  onePacket: flag().optional(),
  limits: connectionLimits.optional(),
  drainDeadline: duration(0, 24 * 3_600_000).optional(),
  healthCheck: healthCheck.optional(),
};

/** The fields of `defaults`. */
export const defaultsEntry = mapping(shared);
export type ServiceDefaults = z.infer<typeof defaultsEntry>;

/** One entry of `services`. */
export const serviceEntry = mapping({
  name: serviceName,
  aliases: list(`a list of at most ${limits.aliasesPerService} names`, serviceName, {
    min: 0,
    max: limits.aliasesPerService,
  }).optional(),
  dnsTtl: dnsTtl.optional(),
  network: networkName.optional(),
  endpointMode: choice(['vip', 'dnsrr']).optional(),
  vip: vips.optional(),
  ports: list('a list of 1-1024 ports', port, { min: 1, max: 1_024 }).optional(),
  publish: list('a list of at most 1024 ports', publishedPort, { min: 0, max: 1_024 }).optional(),
  ...shared,
  destinations: list(
    `a list of at most ${limits.destinationsPerService} destinations`,
    destination,
    { min: 0, max: limits.destinationsPerService },
  ).optional(),
});
export type ServiceEntry = z.infer<typeof serviceEntry>;
