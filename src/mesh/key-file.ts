import { MeshError } from '../base/index.js';
import { Keyring, parseKey } from '../gossip/index.js';

/*
 * Keys in a file: base64, one a line, the primary first; empty lines and those that begin with #
 * are left out.
 */

/** Errors: invalid_argument, with the line but never with what stands there. */
export function readKeys(text: string, where: string): Keyring {
  const keys = text.split('\n').flatMap((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return [];
    try {
      return [parseKey(trimmed)];
    } catch (error) {
      const problem = (error as Error).message.replace('parse key: ', '');
      throw new MeshError('invalid_argument', `${where}, line ${index + 1}: ${problem}`);
    }
  });
  const [primary, ...others] = keys;
  if (primary === undefined) {
    throw new MeshError('invalid_argument', `${where}: no key in it; expected base64, one a line`);
  }
  return new Keyring(primary, others);
}

export function writeKeys(keys: readonly string[]): string {
  return `# Keys of the mesh, the primary first.\n${keys.map((key) => `${key}\n`).join('')}`;
}
