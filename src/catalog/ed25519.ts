import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Proofs, Trust } from './model.js';

/** PKCS#8 and SPKI around a bare Ed25519 key (RFC 8410, section 7 and 4). */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Parsed public keys kept; parsing one costs as much as a check. */
const parsedMax = 4_096;

/** Signatures with Ed25519 (RFC 8032). `seed`: the private key, 32 bytes. */
export class Ed25519Proofs implements Proofs {
  readonly publicKey: Uint8Array;
  private readonly privateKey: KeyObject;
  private readonly parsed = new Map<string, KeyObject>();

  constructor(seed: Uint8Array) {
    const key = Buffer.concat([privatePrefix, seed]);
    this.privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.privateKey).export({ format: 'der', type: 'spki' });
    this.publicKey = Uint8Array.from(spki.subarray(publicPrefix.length));
  }

  sign(bytes: Uint8Array): Uint8Array {
    return sign(null, bytes, this.privateKey);
  }

  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
    return verify(null, bytes, this.parse(publicKey), signature);
  }

  private parse(publicKey: Uint8Array): KeyObject {
    const name = Buffer.from(publicKey).toString('latin1');
    const known = this.parsed.get(name);
    if (known !== undefined) return known;
    const der = Buffer.concat([publicPrefix, publicKey]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (this.parsed.size >= parsedMax) this.parsed.clear();
    this.parsed.set(name, key);
    return key;
  }
}

/** Binds a name to the first key that it proves; the host may keep `entries` over restarts. */
export class FirstSightTrust implements Trust {
  private readonly keys: Map<string, Uint8Array>;

  /** `namesMax`: more names than this are not believed. */
  constructor(
    known: Iterable<readonly [string, Uint8Array]> = [],
    private readonly namesMax = 16_384,
  ) {
    this.keys = new Map(known);
  }

  keyOf(owner: string): Uint8Array | undefined {
    return this.keys.get(owner);
  }

  bind(owner: string, publicKey: Uint8Array): boolean {
    if (this.keys.has(owner) || this.keys.size >= this.namesMax) return false;
    this.keys.set(owner, Uint8Array.from(publicKey));
    return true;
  }

  unbind(owner: string): void {
    this.keys.delete(owner);
  }

  entries(): IterableIterator<[string, Uint8Array]> {
    return this.keys.entries();
  }
}
