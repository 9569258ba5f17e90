import { MeshError, messageOf } from '../base/index.js';
import { parseKey, type Keyring } from '../gossip/index.js';

/** What one node shall do with its keys; they are named by their fingerprints. */
export type NodeKeyChange =
  | { readonly action: 'list' }
  | { readonly action: 'install'; readonly key: string }
  | { readonly action: 'use' | 'remove'; readonly fingerprint: string };

/** The keys of this node, kept in a file. */
export class NodeKeyring {
  private changing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly keyring: Keyring | undefined,
    /** Keeps these keys in base64, the primary first, over a restart. */
    private readonly save: (keys: readonly string[]) => Promise<void>,
  ) {}

  /**
   * One change after the other. Answers the fingerprints, the primary first; changes nothing unless
   * the new keys were kept.
   * Errors: failed_precondition (no keys at all, the primary), not_found, invalid_argument.
   */
  change(change: NodeKeyChange): Promise<readonly string[]> {
    const changed = this.changing.then(() => this.changeNow(change));
    this.changing = changed.catch(() => undefined);
    return changed;
  }

  private async changeNow(change: NodeKeyChange): Promise<readonly string[]> {
    const keyring = this.keyring;
    if (keyring === undefined) {
      throw new MeshError('failed_precondition', 'gossip is in the clear (keyFile: none)');
    }
    if (change.action !== 'list') {
      const before = textsOf(keyring);
      apply(keyring, change);
      try {
        await this.save(textsOf(keyring));
      } catch (error) {
        restore(keyring, before);
        throw new MeshError('unavailable', `keep the keys: ${messageOf(error)}`, { cause: error });
      }
    }
    return keyring.accepted.map(({ fingerprint }) => fingerprint);
  }
}

function apply(keyring: Keyring, change: Exclude<NodeKeyChange, { action: 'list' }>): void {
  if (change.action === 'install') {
    keyring.install(parseKey(change.key));
    return;
  }
  const { fingerprint } = change;
  const key = keyring.accepted.find((one) => one.fingerprint === fingerprint);
  if (key === undefined) {
    throw new MeshError('not_found', `key ${fingerprint}: it is not installed`);
  }
  if (change.action === 'use') keyring.use(key.secret.export());
  else keyring.remove(key.secret.export());
}

function textsOf(keyring: Keyring): string[] {
  return keyring.accepted.map(({ secret }) => secret.export().toString('base64'));
}

function restore(keyring: Keyring, texts: readonly string[]): void {
  for (const text of texts) keyring.install(parseKey(text));
  keyring.use(parseKey(texts[0]!));
  for (const text of textsOf(keyring)) {
    if (!texts.includes(text)) keyring.remove(parseKey(text));
  }
}
