/** Chi-square values that chance exceeds once in 1,000 times, by degrees of freedom, from 1. */
const critical = [10.828, 13.816, 16.266, 18.467, 20.515];

export interface Spread {
  /** Sum of (observed - expected)^2 / expected. */
  readonly chiSquare: number;
  /** False when chance would give a spread as uneven as this less than once in 1,000 times. */
  readonly plausible: boolean;
  readonly text: string;
}

/** How well the counts per server fit the weights. */
export function spreadOf(
  counts: Readonly<Record<string, number>>,
  weights: Readonly<Record<string, number>>,
): Spread {
  const names = Object.keys(weights);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const weightTotal = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  let chiSquare = 0;
  for (const name of names) {
    const expected = (total * weights[name]!) / weightTotal;
    chiSquare += ((counts[name] ?? 0) - expected) ** 2 / expected;
  }
  const strangers = Object.keys(counts).some((name) => !(name in weights));
  const text = names.map((name) => `${name} ${counts[name] ?? 0}`).join(', ');
  return {
    chiSquare,
    plausible: total > 0 && !strangers && chiSquare < critical[names.length - 2]!,
    text: `${text}; chi-square ${chiSquare.toFixed(2)}`,
  };
}
