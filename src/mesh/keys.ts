import { MeshError, messageOf } from '../base/index.js';
import { parseKey, type Keyring } from '../gossip/index.js';

/** What to do with the keys of all nodes; keys are named by their fingerprints. */
export type KeyChange =
  | { readonly action: 'list' }
  | { readonly action: 'install'; readonly key: string }
  | { readonly action: 'use' | 'remove'; readonly fingerprint: string };

/** The keys of one node, the primary first, or why it did not do as asked. */
export interface NodeKeys {
  readonly node: string;
  readonly fingerprints: readonly string[];
  readonly problem?: string;
}

/** The keys of this node, kept in a file. */
export class NodeKeyring {
  constructor(
    private readonly keyring: Keyring | undefined,
    /** Keeps these keys in base64, the primary first, over a restart. */
    private readonly save: (keys: readonly string[]) => Promise<void>,
  ) {}

  /**
   * Changes nothing unless the new keys could be kept.
   * Errors: failed_precondition (no keys at all, the primary), not_found, invalid_argument.
   */
  async change(change: KeyChange): Promise<readonly string[]> {
    const keyring = this.keyring;
    if (keyring === undefined) {
      throw new MeshError('failed_precondition', 'this node gossips without keys (keyFile: none)');
    }
    if (change.action !== 'list') {
      const before = this.texts(keyring);
      this.apply(keyring, change);
      try {
        await this.save(this.texts(keyring));
      } catch (error) {
        this.restore(keyring, before);
        throw new MeshError('unavailable', `keep the keys: ${messageOf(error)}`, { cause: error });
      }
    }
    return keyring.accepted.map(({ fingerprint }) => fingerprint);
  }

  private apply(keyring: Keyring, change: Exclude<KeyChange, { readonly action: 'list' }>): void {
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

  private texts(keyring: Keyring): string[] {
    return keyring.accepted.map(({ secret }) => secret.export().toString('base64'));
  }

  private restore(keyring: Keyring, texts: readonly string[]): void {
    for (const text of texts) keyring.install(parseKey(text));
    keyring.use(parseKey(texts[0]!));
    for (const text of this.texts(keyring)) {
      if (!texts.includes(text)) keyring.remove(parseKey(text));
    }
  }
}
