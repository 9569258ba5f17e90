import type { Profile } from './profile.js';

/**
 * The numbers of the protocol that depend on the size of the cluster. `members` counts oneself and
 * the dead that are not forgotten yet. Source: memberlist; the suspicion is Lifeguard's.
 */

/** How often one broadcast is put into a packet by one member. */
export function transmitLimit(retransmitMult: number, members: number): number {
  return retransmitMult * Math.ceil(Math.log10(members + 1));
}

/** What a suspicion about one member lasts. Unit: milliseconds. */
export interface SuspicionTimes {
  readonly minMs: number;
  readonly maxMs: number;
  /** Confirmations by others that bring it from `maxMs` down to `minMs`; 0 = it lasts `minMs`. */
  readonly confirmations: number;
}

/** `lifeguard` false: one fixed time, as in SWIM. */
export function suspicionTimes(
  profile: Profile,
  members: number,
  lifeguard: boolean,
): SuspicionTimes {
  const scale = Math.max(1, Math.log10(Math.max(1, members)));
  const minMs = (profile.suspicionMult * Math.floor(scale * 1000) * profile.probeIntervalMs) / 1000;
  const wanted = Math.max(0, profile.suspicionMult - 2);
  // With fewer others than that, waiting for them all would be waiting for the maximum.
  const confirmations = lifeguard && members - 2 >= wanted ? wanted : 0;
  return { minMs, maxMs: minMs * profile.suspicionMaxTimeoutMult, confirmations };
}

/** What a suspicion lasts from its beginning, after `confirmed` confirmations. */
export function suspicionTimeoutMs(times: SuspicionTimes, confirmed: number): number {
  const { minMs, maxMs, confirmations } = times;
  if (confirmations === 0) return minMs;
  const share = Math.log(confirmed + 1) / Math.log(confirmations + 1);
  return Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));
}

/** Above this many members, each exchanges everything less often, so that the sum stays low. */
const pushPullScaleFrom = 32;

export function pushPullIntervalMs(intervalMs: number, members: number): number {
  if (members <= pushPullScaleFrom) return intervalMs;
  return intervalMs * (Math.ceil(Math.log2(members) - Math.log2(pushPullScaleFrom)) + 1);
}
