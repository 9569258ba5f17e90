import type { NodeKeys } from '../api/index.js';
import { MeshError } from '../base/index.js';

/**
 * A step that would cut a node off is not begun; one that did not answer may be that node. Errors:
 * failed_precondition, not_found.
 */
export function checkKeyStep(
  action: 'use' | 'remove',
  fingerprint: string,
  nodes: readonly NodeKeys[],
): void {
  const step = `${action} key ${fingerprint}`;
  const has = ({ fingerprints }: NodeKeys): boolean => fingerprints.includes(fingerprint);
  const refuse = (why: string, against: readonly NodeKeys[]): void => {
    if (against.length === 0) return;
    const names = against.map(
      ({ node, problem }) => node + (problem === undefined ? '' : ` (${problem})`),
    );
    throw new MeshError('failed_precondition', `${step}: ${why} ${names.join(', ')}`);
  };
  if (action === 'use') {
    refuse(
      'it is not installed on',
      nodes.filter((node) => !has(node)),
    );
    return;
  }
  refuse(
    'it is the primary of',
    nodes.filter(({ fingerprints }) => fingerprints[0] === fingerprint),
  );
  refuse(
    'it may be the primary of',
    nodes.filter(({ problem }) => problem !== undefined),
  );
  if (!nodes.some(has)) throw new MeshError('not_found', `${step}: no node has it`);
}
