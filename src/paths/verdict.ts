import type { ProbeSize } from './packet.js';
import { hasSeen, type Seen } from './seen.js';

/**
 * How packets fare on the way to another node and back; `out` is what this node sends, `in` what
 * comes from there. `unknown`: too few probes so far. `silent`: nothing was ever heard from there.
 * `lost`: nothing comes any more; whether ours arrive there nobody here can know.
 */
export const pathVerdicts = [
  'unknown',
  'ok',
  'silent',
  'lost',
  'lost out',
  'lost in',
  'large lost',
  'large lost out',
  'large lost in',
] as const;
export type PathVerdict = (typeof pathVerdicts)[number];

/** One request of each size, sent together. */
export interface Turn {
  readonly number: number;
  readonly sentMs: number;
  readonly outcome: Readonly<Record<ProbeSize, Outcome>>;
  /** The small request arrived there, as the peer says; absent = it has not said yet. */
  readonly arrived?: boolean;
}

export type Outcome = 'pending' | 'answered' | 'lost';

/** What is known of the way to one address. */
export interface WayFacts {
  /** The latest, oldest first. */
  readonly turns: readonly Turn[];
  /** When any request or answer last came from there; absent = never. */
  readonly heardMs?: number;
  /** The peer's turns that arrived here, since `firstSeen`. */
  readonly seen: Readonly<Record<ProbeSize, Seen>>;
  readonly firstSeen: number;
}

/** A verdict is about this many turns, of which that many must agree: one lost packet is no fault. */
const judgedTurns = 4;
const agreeing = 3;

export function judgeWay(facts: WayFacts): PathVerdict {
  const judged = facts.turns
    .filter(({ outcome }) => outcome.small !== 'pending')
    .slice(-judgedTurns);
  const lost = judged.filter(({ outcome }) => outcome.small === 'lost');
  if (lost.length >= agreeing) return judgeLost(facts, lost);
  if (judged.length < agreeing) return 'unknown';
  const [isOut, isIn] = [largeLostOut(facts), largeLostIn(facts)];
  if (isOut) return isIn ? 'large lost' : 'large lost out';
  return isIn ? 'large lost in' : 'ok';
}

function judgeLost({ turns, heardMs }: WayFacts, lost: readonly Turn[]): PathVerdict {
  if (heardMs === undefined) return turns.length > agreeing ? 'silent' : 'unknown';
  // What came before the last but one was sent may be older than the fault.
  if (heardMs < lost.at(-2)!.sentMs) return 'lost';
  const arrived = lost.filter((turn) => turn.arrived === true);
  return arrived.length > lost.length / 2 ? 'lost in' : 'lost out';
}

/** Of turns whose small request was answered: answers are small, so only the request can be lost. */
function largeLostOut({ turns }: WayFacts): boolean {
  const judged = turns
    .filter(({ outcome }) => outcome.small === 'answered' && outcome.large !== 'pending')
    .slice(-judgedTurns);
  return judged.filter(({ outcome }) => outcome.large === 'lost').length >= agreeing;
}

/** Of the peer's turns whose small request came: the large one of the last may be on its way. */
function largeLostIn({ seen, firstSeen }: WayFacts): boolean {
  let [judged, lost] = [0, 0];
  for (let turn = seen.small.highest - 1; turn >= firstSeen && judged < judgedTurns; turn--) {
    const came = hasSeen(seen.small, turn);
    if (came === undefined) break;
    if (!came) continue;
    judged++;
    if (hasSeen(seen.large, turn) !== true) lost++;
  }
  return lost >= agreeing;
}

/** What the other end says of the same way, in the words of this end. */
export function mirrored(verdict: PathVerdict): PathVerdict {
  if (verdict.endsWith(' out')) return verdict.replace(' out', ' in') as PathVerdict;
  return verdict.replace(' in', ' out') as PathVerdict;
}

/** Of several ways to one node: the worst. */
export function worstOf(verdicts: readonly PathVerdict[]): PathVerdict {
  const worst = badness.find((verdict) => verdicts.includes(verdict));
  return worst ?? (verdicts.includes('ok') ? 'ok' : 'unknown');
}

const badness: readonly PathVerdict[] = [
  'lost',
  'silent',
  'lost out',
  'lost in',
  'large lost',
  'large lost out',
  'large lost in',
];

export function isTrouble(verdict: PathVerdict): boolean {
  return badness.includes(verdict);
}
