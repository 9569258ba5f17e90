import { describe, expect, test } from 'vitest';
import type { NodeKeys } from '../../../src/api/index.js';
import { messageOf } from '../../../src/base/index.js';
import { checkKeyStep } from '../../../src/mesh/key-steps.js';

/** `a=1+2` has two keys, the primary first; `b?` gave no answer. */
function nodesOf(text: string): NodeKeys[] {
  return text.split(' ').map((word): NodeKeys => {
    if (word.endsWith('?'))
      return { node: word.slice(0, -1), fingerprints: [], problem: 'no answer' };
    const [node, keys] = word.split('=') as [string, string];
    return { node, fingerprints: keys.split('+') };
  });
}

function outcome(step: 'use' | 'remove', nodes: string): string {
  try {
    checkKeyStep(step, '2', nodesOf(nodes));
    return 'begun';
  } catch (error) {
    return messageOf(error);
  }
}

describe('a step of changing keys', () => {
  test.each([
    ['use', 'a=1+2 b=1+2', 'begun'],
    ['use', 'a=2+1 b=1+2', 'begun'],
    ['use', 'a=1+2 b=1', 'use key 2: it is not installed on b'],
    ['use', 'a=1+2 b? c=1', 'use key 2: it is not installed on b (no answer), c'],
    ['remove', 'a=1+2 b=1+2', 'begun'],
    ['remove', 'a=1 b=1+2', 'begun'],
    ['remove', 'a=2+1 b=1+2', 'remove key 2: it is the primary of a'],
    ['remove', 'a=1+2 b?', 'remove key 2: it may be the primary of b (no answer)'],
    ['remove', 'a=1 b=1', 'remove key 2: no node has it'],
  ] as const)('%s 2, nodes %s: %s', (step, nodes, expected) => {
    expect(outcome(step, nodes)).toBe(expected);
  });
});
