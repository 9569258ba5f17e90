/**
 * The times and counts of the protocol. All members of a cluster should use the same. Units:
 * milliseconds where the name ends in Ms. Names and values of lan, wan and local are memberlist's.
 */
export interface Profile {
  /** For a whole exchange over a stream. */
  readonly streamTimeoutMs: number;
  /** Members asked to ping a silent one in our place. */
  readonly indirectChecks: number;
  /** Copies of one broadcast per member: this times ceil(log10(n+1)). */
  readonly retransmitMult: number;
  /** Least time between suspicion and death: this times log10(n) times the probe interval. */
  readonly suspicionMult: number;
  /** Longest such time, as a multiple of the least. At least 1. */
  readonly suspicionMaxTimeoutMult: number;
  /** Between two exchanges of everything with one member, in clusters of up to 32. 0 = never. */
  readonly pushPullIntervalMs: number;
  /** Between two attempts of all members together to reach one that failed, as serf makes them. */
  readonly reconnectIntervalMs: number;
  /** How long a direct probe may take before others are asked. Less than the interval. */
  readonly probeTimeoutMs: number;
  readonly probeIntervalMs: number;
  /** The local health score stays below this. At least 1. */
  readonly awarenessMaxMult: number;
  /** Members told in one gossip tick. */
  readonly gossipNodes: number;
  readonly gossipIntervalMs: number;
  /** How long the dead are still told, and at least remembered. */
  readonly gossipToTheDeadMs: number;
}

/** Members within one network of low delay. */
export const lan: Profile = {
  streamTimeoutMs: 10_000,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  pushPullIntervalMs: 30_000,
  reconnectIntervalMs: 30_000,
  probeTimeoutMs: 500,
  probeIntervalMs: 1_000,
  awarenessMaxMult: 8,
  gossipNodes: 3,
  gossipIntervalMs: 200,
  gossipToTheDeadMs: 30_000,
};

/** Members on several continents. */
export const wan: Profile = {
  ...lan,
  streamTimeoutMs: 30_000,
  suspicionMult: 6,
  pushPullIntervalMs: 60_000,
  reconnectIntervalMs: 60_000,
  probeTimeoutMs: 3_000,
  probeIntervalMs: 5_000,
  gossipNodes: 4,
  gossipIntervalMs: 500,
  gossipToTheDeadMs: 60_000,
};

/** Members on one host. */
export const local: Profile = {
  ...lan,
  streamTimeoutMs: 1_000,
  indirectChecks: 1,
  retransmitMult: 2,
  suspicionMult: 3,
  pushPullIntervalMs: 15_000,
  reconnectIntervalMs: 15_000,
  probeTimeoutMs: 200,
  gossipIntervalMs: 100,
  gossipToTheDeadMs: 15_000,
};

/**
 * Ours, for up to some 100 members with less than 30 ms between them: a crash is known to all
 * within 2 s, for eight times the packets of lan (some 16 a second, below 1 kB/s). The crashed one
 * is asked by somebody within an interval or two (each member asks somebody eight times a second),
 * is suspected one interval later (0.125 s), and dead 0.5 s after that (4 * 0.125 s, up to ten
 * members; 1 s at 100) once two others have found the same; gossip then needs some 0.2 s. Measured
 * by the bench `gossip crash`. A member that does not run for longer than about half a second is
 * declared dead by the others, and comes back by itself; after a cut, however long, within 3 s.
 */
export const fast: Profile = {
  ...lan,
  streamTimeoutMs: 2_000,
  suspicionMaxTimeoutMult: 2,
  pushPullIntervalMs: 10_000,
  reconnectIntervalMs: 1_000,
  probeTimeoutMs: 60,
  probeIntervalMs: 125,
  gossipIntervalMs: 100,
  gossipToTheDeadMs: 15_000,
};

export const profiles = { lan, wan, local, fast } as const;
export type ProfileName = keyof typeof profiles;
