import { formatRule, ruleKey, type Rule, type RuleSet } from '../model/index.js';
import { isSetting, sameRule } from '../rules/index.js';

export interface DriftedRule {
  /** `missing` from the kernel, `changed` there, or `unexpected`: carries our mark, is not ours. */
  readonly difference: 'missing' | 'changed' | 'unexpected';
  readonly rule: string;
  /** `ruleKey` of it. */
  readonly key: string;
}

/** How the kernel differs from what the last pass left in it, but for the identities `unsure`. */
export function findDrift(
  left: RuleSet,
  observed: RuleSet,
  unsure: ReadonlySet<string>,
): DriftedRule[] {
  const drifted: DriftedRule[] = [];
  for (const [key, rule] of left) {
    if (unsure.has(key)) continue;
    const held = observed.get(key);
    if (held === undefined) drifted.push({ difference: 'missing', rule: firstLine(rule), key });
    else if (!sameRule(rule, held))
      drifted.push({ difference: 'changed', rule: firstLine(held), key });
  }
  for (const [key, rule] of observed) {
    if (left.has(key) || unsure.has(key) || isSetting(rule)) continue;
    drifted.push({ difference: 'unexpected', rule: firstLine(rule), key });
  }
  return drifted;
}

function firstLine(rule: Rule): string {
  return formatRule(rule).split('\n', 1)[0] ?? ruleKey(rule);
}
