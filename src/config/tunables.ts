/**
 * Every number that somebody may want to turn and that is not a field of the configuration file:
 * unit, why it has this value, and how it relates to the others.
 */

/** What one configuration may hold. Passing a limit refuses the file; nothing is cut off. */
export const limits = {
  /** Length of the file. Unit: UTF-16 units. 100,000 destinations written at length need 12 M. */
  textLength: 64 * 1024 * 1024,
  /**
   * Characters that begin or separate values (`, : [ {` and line ends). A parsed value takes up to
   * 200 bytes, so this bounds the memory of a load to about 1 GB, where `textLength` alone would
   * let 64 MiB of commas take 6 GB. 100,000 destinations written at length need 2 million.
   */
  marks: 5_000_000,
  /** Nesting of the text; what is accepted needs 6. */
  depth: 32,
  /** Uses of YAML aliases; each is resolved by reference, never copied. */
  aliases: 10_000,
  /** Problems reported at once. */
  problems: 20,
  services: 65_536,
  /** Of all services. */
  destinations: 100_000,
  /** An IPVS service keeps its destinations in a list that every change walks. */
  destinationsPerService: 4_096,
  aliasesPerService: 16,
  /** Consecutive ports of one entry. */
  portCount: 1_024,
  /** Ports of one service, ranges counted in full: each is an IPVS service of its own. */
  portsPerService: 4_096,
  /** Kernel destinations of all services: ports times destinations. A dump of them takes 1 s. */
  kernelDestinations: 1_000_000,
  pools: 16,
} as const;

/** How the daemon keeps the kernel at what is asked for. Unit: milliseconds. */
export const reconcileTunables = {
  /**
   * Between two looks at devices, addresses and routes after they changed: hosts that start and
   * stop containers change theirs many times a second, and none of it concerns us.
   */
  networkIntervalMs: 200,
  /** First wait after a failed pass; doubles with each failure in a row. */
  retryMinMs: 100,
  /** Invariant: retryMinMs <= retryMaxMs <= the repair interval, which retries anyway. */
  retryMaxMs: 10_000,
  /** Default of `reconcile.repairInterval`: what changed behind our back lives at most this long. */
  repairIntervalMs: 60_000,
  /**
   * Share of the time that passes over everything may take: with 100,000 destinations one takes
   * most of a second, so the repair interval grows to keep the idle daemon idle. Range 0-1.
   */
  repairShareMax: 0.001,
  /** The same where the file asks for an interval: who asks for often gets it, within reason. */
  askedRepairShareMax: 0.1,
  /** Between two looks at the connections of destinations that are on their way out. */
  retireePollMs: 500,
  /** For destinations of which no service is known any more to say how long they may finish. */
  drainDeadlineMs: 30_000,
} as const;

/** Health checks beyond what a service asks for. */
export const healthTunables = {
  /**
   * Probes in flight; each holds one socket. Enough for 500 silent destinations at an interval and
   * a time limit of a second; Node raises its limit of descriptors to the hard one, 4,096 or more.
   */
  probesMax: 512,
  /**
   * Share of the interval by which each probe is moved at random, so that checks which started
   * together drift apart. Range 0-1.
   */
  jitter: 0.1,
} as const;

/** The watch on the configuration file. Unit: milliseconds. */
export const fileWatchTunables = {
  /** A file is read again when it was quiet for so long; editors write in several steps. */
  quietMs: 50,
  /** A longest wait, for a file that never is quiet. Invariant: >= quietMs. */
  quietMaxMs: 1_000,
  /** For file systems that announce no changes. */
  pollMs: 5_000,
} as const;
