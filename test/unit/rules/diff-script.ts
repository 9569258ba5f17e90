import { formatOp } from '../../../src/model/index.js';
import { allKeys, diff } from '../../../src/rules/index.js';
import { parseRuleSet } from '../../support/rule-text.js';
import { StrictModel } from '../../support/strict-model.js';

/** `observed` and `desired`, each with indented rules, to the Ops between them. */
export function diffScript(input: readonly string[]): string {
  const desired = parseRuleSet(section(input, 'desired'));
  const observed = parseRuleSet(section(input, 'observed'));
  const ops = diff(desired, observed, allKeys(desired, observed));
  const model = new StrictModel(observed);
  for (const op of ops) model.apply(op);
  return ops.map(formatOp).join('\n');
}

function section(input: readonly string[], name: string): string[] {
  const lines: string[] = [];
  for (const line of input.slice(input.indexOf(name) + 1)) {
    if (!line.startsWith('  ')) break;
    lines.push(line.slice(2));
  }
  return lines;
}
