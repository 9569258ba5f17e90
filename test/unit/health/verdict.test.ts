import { describe, expect, test } from 'vitest';
import { isUsable, step, unknownVerdict, type Verdict } from '../../../src/health/index.js';

/** `+` a success, `-` a failure; the state after each: `?` unknown, `U` usable, `X` not. */
function run(results: string, rule = { rise: 2, fall: 3 }): string {
  let verdict: Verdict = unknownVerdict;
  let text = '';
  for (const result of results) {
    verdict = step(verdict, result === '+', rule);
    text += { unknown: '?', healthy: 'U', unhealthy: 'X' }[verdict.state];
  }
  return text;
}

describe('a verdict', () => {
  const cases: [name: string, results: string, want: string][] = [
    ['is healthy after rise successes', '+++', '?UU'],
    ['is unhealthy after fall failures', '----', '??XX'],
    ['counts in a row only', '+-+-+--+++', '????????UU'],
    ['forgives fewer failures than fall', '++--+--+', '?UUUUUUU'],
    ['falls and rises again', '++---+-++', '?UUUXXXXU'],
  ];
  test.each(cases)('%s', (_name, results, want) => {
    expect(run(results)).toBe(want);
  });

  test('with rise and fall 1 each result decides', () => {
    expect(run('+-+-', { rise: 1, fall: 1 })).toBe('UXUX');
  });

  test('unknown is usable', () => {
    expect(isUsable(unknownVerdict)).toBe(true);
  });
});
