/** Low part of an epoch: drawn by lot, so that two lives that both know nothing differ. */
const lots = 2 ** 20;

/**
 * The epoch that outdoes `after` (0 = none known): the next generation, then a random part.
 * Two lives of a node that start from the same knowledge get different epochs, one of which wins;
 * the living node hears of the other one and goes a generation further.
 */
export function nextEpoch(after: number, random: () => number): number {
  return (Math.floor(after / lots) + 1) * lots + Math.floor(random() * lots);
}
