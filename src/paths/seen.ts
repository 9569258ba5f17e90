/** Which of somebody's turns arrived: `highest`, and those before it that the mask has bits of. */
export interface Seen {
  /** 0 = none yet. */
  readonly highest: number;
  /** Bit i = turn `highest - i`. Unsigned, 32 bits. */
  readonly mask: number;
}

export const nothingSeen: Seen = { highest: 0, mask: 0 };

const maskBits = 32;

export function seenWith(seen: Seen, turn: number): Seen {
  const ahead = turn - seen.highest;
  if (seen.highest === 0 || ahead >= maskBits) return { highest: turn, mask: 1 };
  if (ahead > 0) return { highest: turn, mask: ((seen.mask << ahead) | 1) >>> 0 };
  if (-ahead >= maskBits) return seen;
  return { highest: seen.highest, mask: (seen.mask | (1 << -ahead)) >>> 0 };
}

/** Undefined for turns of which it says nothing: those after the highest, and old ones. */
export function hasSeen(seen: Seen, turn: number): boolean | undefined {
  const back = seen.highest - turn;
  if (seen.highest === 0 || back < 0 || back >= maskBits) return undefined;
  return ((seen.mask >>> back) & 1) === 1;
}
