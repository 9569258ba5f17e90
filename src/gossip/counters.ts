/** What happened since the start, for metrics. */
export interface Counters {
  packetsSent: number;
  /** In those packets. */
  messagesSent: number;
  messagesReceived: number;
  probes: number;
  probesFailed: number;
  /** Probes that only the stream answered. */
  probesByStream: number;
  /** Pings sent in the place of others. */
  relayed: number;
  suspicions: number;
  /** Members that we declared dead. */
  deathsDeclared: number;
  refutations: number;
  conflicts: number;
  pushPulls: number;
  pushPullsFailed: number;
  mergesRefused: number;
  joinAttempts: number;
  /** Times that this process did not run for so long that the lost time was left out. */
  stalls: number;
  /** Unknown members that were not taken up: too many, or too many from one source. */
  membersRefused: number;
  /** Requests over streams that were not answered: too many from one source. */
  requestsRefused: number;
  /** Requests to ping somebody that were dropped: too many under way. */
  relaysRefused: number;
}

export function newCounters(): Counters {
  return {
    packetsSent: 0,
    messagesSent: 0,
    messagesReceived: 0,
    probes: 0,
    probesFailed: 0,
    probesByStream: 0,
    relayed: 0,
    suspicions: 0,
    deathsDeclared: 0,
    refutations: 0,
    conflicts: 0,
    pushPulls: 0,
    pushPullsFailed: 0,
    mergesRefused: 0,
    joinAttempts: 0,
    stalls: 0,
    membersRefused: 0,
    requestsRefused: 0,
    relaysRefused: 0,
  };
}
