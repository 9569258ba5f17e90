import type { Kernel } from '../kernel/index.js';
import { sameVirtualService, type Rule, type RuleSet } from '../model/index.js';
import { sameRule, type KernelState, type RuleBook } from '../rules/index.js';

/** With more rules than these the kernel is not read again: what it was last seen to hold counts. */
const freshRulesMax = 20_000;

export interface BookSources {
  readonly kernel: Kernel;
  readonly desired: RuleSet;
  /** What the kernel was last seen to hold, or was made to. */
  readonly held: RuleSet;
}

/** The rules of a sandbox, as its kernel has them now. */
export async function openBook(sources: BookSources): Promise<RuleBook> {
  const { desired } = sources;
  const observed = await observedRules(sources);
  const rules = new Map(observed);
  for (const [key, rule] of desired) if (!rules.has(key)) rules.set(key, rule);
  return {
    rules,
    stateOf: (key): KernelState => {
      const found = observed.get(key);
      if (found === undefined) return 'lacks';
      const wanted = desired.get(key);
      return wanted === undefined || isSame(wanted, found) ? 'holds' : 'differs';
    },
  };
}

async function observedRules({ kernel, desired, held }: BookSources): Promise<RuleSet> {
  if (desired.size > freshRulesMax || held.size > freshRulesMax) return held;
  // A kernel that does not answer now was seen before.
  const found = await kernel
    .observe({ sysctls: [], withoutVirtualServices: true })
    .catch(() => undefined);
  if (found === undefined) return held;
  const observed = new Map(found.own);
  if (found.leftOut === 'none') return observed;
  for (const [key, rule] of held) {
    const isLeftOut = rule.kind === 'virtual-service' && rule.by !== 'nftables';
    if (isLeftOut) observed.set(key, rule);
  }
  return observed;
}

/** Destinations come and go by themselves: those that retire are kept beyond what is desired. */
function isSame(wanted: Rule, found: Rule): boolean {
  if (wanted.kind !== 'virtual-service' || found.kind !== 'virtual-service') {
    return sameRule(wanted, found);
  }
  return sameVirtualService(wanted, found);
}
