import { YAMLException, loadAll } from 'js-yaml';
import { MeshError, messageOf } from '../base/index.js';

/** Against documents that grow when they are read; the daemon's own bounds are narrower. */
const options = { maxDepth: 64, maxAliases: 1_000 };

/**
 * The one value in a text of YAML, and so of JSON; what it means is the daemon's to judge.
 * Errors: invalid_argument with the line of the mistake.
 */
export function parseDocument(text: string, fileName: string): unknown {
  const documents = load(text, fileName);
  if (documents.length > 1) {
    const found = `expected one YAML document, got ${documents.length}`;
    throw new MeshError('invalid_argument', `${fileName}: ${found}`);
  }
  return documents[0] ?? {};
}

function load(text: string, fileName: string): unknown[] {
  try {
    return loadAll(text, options);
  } catch (error) {
    const line = error instanceof YAMLException ? error.mark?.line : undefined;
    const place = line === undefined ? fileName : `${fileName}:${line + 1}`;
    const reason = error instanceof YAMLException ? error.reason : messageOf(error);
    throw new MeshError('invalid_argument', `${place}: YAML: ${reason}`);
  }
}
