import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { MeshError } from '../../base/index.js';

/** A key as the ciphers take it. */
export interface Key {
  readonly secret: KeyObject;
  readonly cipher: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';
  readonly fingerprint: string;
}

const ciphers: Readonly<Record<number, Key['cipher']>> = {
  16: 'aes-128-gcm',
  24: 'aes-192-gcm',
  32: 'aes-256-gcm',
};

/**
 * The keys of a cluster: the primary seals, all of them open. A key is changed in three steps, each
 * at every member before the next: install, use, remove.
 *
 * Keys have 16, 24 or 32 bytes. They never appear in errors, JSON or what inspect prints; people
 * see fingerprints.
 */
export class Keyring {
  /** Never empty; the primary first. Replaced as a whole. */
  #keys: readonly Key[];

  /** Errors: invalid_argument for a key of another size. */
  constructor(primary: Uint8Array, others: readonly Uint8Array[] = []) {
    this.#keys = [keyOf('create keyring', primary)];
    for (const key of others) this.install(key);
  }

  /** What seals. */
  get primary(): Key {
    return this.#keys[0]!;
  }

  /** What opens, in the order of trying; the primary first. */
  get accepted(): readonly Key[] {
    return this.#keys;
  }

  /** Accepts a key from now on; nothing happens when it is accepted already. Errors: invalid_argument. */
  install(key: Uint8Array): void {
    const added = keyOf('install key', key);
    if (this.#find(added) === undefined) this.#keys = [...this.#keys, added];
  }

  /** Seals with an installed key from now on. Errors: invalid_argument, not_found. */
  use(key: Uint8Array): void {
    const installed = this.#installed('use key', key);
    this.#keys = [installed, ...this.#keys.filter((other) => other !== installed)];
  }

  /** Errors: invalid_argument, not_found; failed_precondition for the primary. */
  remove(key: Uint8Array): void {
    const installed = this.#installed('remove key', key);
    if (installed === this.primary) {
      throw new MeshError(
        'failed_precondition',
        `remove key ${installed.fingerprint}: it is the primary; use another one first`,
      );
    }
    this.#keys = this.#keys.filter((other) => other !== installed);
  }

  /** For people and logs. */
  toJSON(): { readonly primary: string; readonly accepted: readonly string[] } {
    const accepted = this.#keys.map(({ fingerprint }) => fingerprint);
    return { primary: this.primary.fingerprint, accepted };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { accepted } = this.toJSON();
    return `Keyring [ ${accepted.join(', ')} ]`;
  }

  #find(key: Key): Key | undefined {
    return this.#keys.find((other) => other.secret.equals(key.secret));
  }

  #installed(action: string, bytes: Uint8Array): Key {
    const key = keyOf(action, bytes);
    const installed = this.#find(key);
    if (installed !== undefined) return installed;
    throw new MeshError('not_found', `${action} ${key.fingerprint}: it is not installed`);
  }
}

function keyOf(action: string, bytes: Uint8Array): Key {
  const cipher = ciphers[bytes.length];
  if (cipher === undefined) {
    throw new MeshError(
      'invalid_argument',
      `${action}: it has ${bytes.length} bytes; a key has 16, 24 or 32`,
    );
  }
  return { secret: createSecretKey(bytes), cipher, fingerprint: fingerprintOf(bytes) };
}

/** 16 hexadecimal digits that tell keys apart and do not give them away. */
export function fingerprintOf(key: Uint8Array): string {
  return createHash('sha256').update('gossip key\0').update(key).digest('hex').slice(0, 16);
}

/** A key from the base64 that `serf keygen` and its like print. Errors: invalid_argument. */
export function parseKey(text: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.toString('base64') !== text) {
    throw new MeshError('invalid_argument', 'parse key: it is not base64');
  }
  if (ciphers[key.length] === undefined) {
    throw new MeshError(
      'invalid_argument',
      `parse key: it has ${key.length} bytes; a key has 16, 24 or 32`,
    );
  }
  return key;
}
