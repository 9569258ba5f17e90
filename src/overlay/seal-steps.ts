import { sealGenerationMax } from './names.js';
import { wayTo, type Proven, type SealPeer, type SealView } from './seals.js';

/*
 * How the keys of all nodes change without a manager and without a lost packet. Each node looks at
 * what it and the others announce, and takes one step:
 *
 *     make      a key of the newest generation that anybody has; from then on it takes packets by it
 *     (routes)  to each peer that has answered by the newer key, by the newer key (wayTo)
 *     withdraw  the older key, when nothing is sent by it: so it tells the others
 *     drop      the older key, when none of the others announces its own: nothing comes by it
 */
export type SealStep =
  | { readonly kind: 'make'; readonly generation: number }
  | { readonly kind: 'withdraw'; readonly generation: number }
  | { readonly kind: 'drop'; readonly generation: number };

export interface SealMoment {
  /** This node has endpoints on sealed networks. */
  readonly isWanted: boolean;
  readonly proven: Proven;
  /** The kernel was seen to hold what follows from the view. */
  readonly isSettled: boolean;
  /** Age at which a generation gives way to the next; absent = never. Unit: milliseconds. */
  readonly rotationMs?: number;
}

/**
 * Nodes that are not heard of are waited for this long; their hosts may forward on, and are cut
 * off then until their daemons are back. Unit: milliseconds.
 */
const awayMs = 3_600_000;

/** What this node does next about its keys; undefined = nothing until something changes. */
export function nextSealStep(view: SealView, moment: SealMoment): SealStep | undefined {
  const [low, top] = [view.own[0], view.own.at(-1)];
  if (low === undefined || top === undefined) {
    return moment.isWanted ? make(Math.max(view.latest, 0)) : undefined;
  }
  if (!moment.isWanted) return { kind: 'drop', generation: low.generation };
  if (low !== top) return retire(view, moment);
  if (view.latest > top.generation) return follow(view, moment);
  const isDue = moment.rotationMs !== undefined && top.ageMs >= moment.rotationMs;
  return isDue && top.generation < sealGenerationMax ? make(top.generation + 1) : undefined;
}

function make(generation: number): SealStep {
  return { kind: 'make', generation };
}

/** Others are ahead. Two of a host's generations are never both odd or both even. */
function follow({ own, latest, peers }: SealView, { proven }: SealMoment): SealStep {
  const { generation } = own[0]!;
  if ((latest - generation) % 2 === 1) return make(latest);
  const isUsed = peers.some((peer) => !peer.isAway && wayTo({ own }, peer, proven) === generation);
  return isUsed ? make(latest - 1) : { kind: 'drop', generation };
}

function retire(view: SealView, { proven, isSettled }: SealMoment): SealStep | undefined {
  if (!isSettled) return undefined;
  const [low, top] = [view.own[0]!, view.own.at(-1)!];
  const { generation } = low;
  const isWaitedFor = ({ isAway }: SealPeer): boolean => !isAway || top.ageMs < awayMs;
  const peers = view.peers.filter(isWaitedFor);
  if (low.isAnnounced) {
    const isUsed = peers.some((peer) => wayTo(view, peer, proven) === generation);
    return isUsed ? undefined : { kind: 'withdraw', generation };
  }
  const isAwaited = peers.some(({ seals }) => seals.some((one) => one.generation === generation));
  return isAwaited ? undefined : { kind: 'drop', generation };
}
