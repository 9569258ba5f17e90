import { ruleKey, type Rule } from '../../src/model/index.js';
import type { RuleBook } from '../../src/rules/index.js';

/** Rules that the kernel holds, but for those whose keys are in `lacking`. */
export function bookOf(rules: Iterable<Rule>, lacking: readonly string[] = []): RuleBook {
  return {
    rules: new Map(Array.from(rules, (rule) => [ruleKey(rule), rule])),
    stateOf: (key) => (lacking.includes(key) ? 'lacks' : 'holds'),
  };
}
