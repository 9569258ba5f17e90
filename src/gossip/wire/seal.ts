import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import type { Key, Keyring } from './keyring.js';

/*
 * AES-GCM as memberlist uses it. A block is: version (8 bits), nonce (12 bytes), ciphertext, tag
 * (16 bytes). Version 1 has no padding; version 0, of protocol version 1, is padded to 16 bytes as
 * in PKCS #7 (RFC 5652 6.3) before it is sealed.
 */

export type SealVersion = 0 | 1;

export const nonceBytes = 12;
const tagBytes = 16;
const paddingMax = 16;
const headBytes = 1 + nonceBytes;

/** Unit: bytes; for version 0 the most there can be. */
export function sealOverhead(version: SealVersion): number {
  return headBytes + tagBytes + (version === 0 ? paddingMax : 0);
}

/** Bytes of the block of a plain text. */
export function sealedSize(plainBytes: number, version: SealVersion): number {
  return headBytes + tagBytes + plainBytes + (version === 0 ? paddingOf(plainBytes) : 0);
}

export interface SealOptions {
  readonly key: Key;
  readonly version: SealVersion;
  /** 12 bytes, never the same twice with one key. */
  readonly nonce: Uint8Array;
  /** What is authenticated beside the text. */
  readonly additional: Uint8Array;
}

/** `prefix`, then the block of the text. */
export function seal(prefix: Uint8Array, plain: Uint8Array, options: SealOptions): Buffer {
  const { key, version, nonce, additional } = options;
  const cipher = createCipheriv(key.cipher, key.secret, nonce);
  if (additional.length > 0) cipher.setAAD(additional);
  const bytes = Buffer.allocUnsafe(prefix.length + sealedSize(plain.length, version));
  bytes.set(prefix, 0);
  const start = prefix.length;
  bytes[start] = version;
  bytes.set(nonce, start + 1);
  bytes.set(cipher.update(plain), start + headBytes);
  if (version === 0) {
    const padding = paddingOf(plain.length);
    bytes.set(cipher.update(Buffer.alloc(padding, padding)), start + headBytes + plain.length);
  }
  cipher.final();
  bytes.set(cipher.getAuthTag(), bytes.length - tagBytes);
  return bytes;
}

/** PKCS #7 always adds something: 1-16 bytes. */
function paddingOf(plainBytes: number): number {
  return paddingMax - (plainBytes % paddingMax);
}

/** The text of a block, opened by the first key that can; undefined when none can. */
export function open(block: Buffer, keyring: Keyring, additional: Uint8Array): Buffer | undefined {
  const version = block[0];
  if (version !== 0 && version !== 1) return undefined;
  if (block.length < sealOverhead(version)) return undefined;
  for (const key of keyring.accepted) {
    const plain = openWith(key, block, additional);
    if (plain !== undefined) return version === 0 ? withoutPadding(plain) : plain;
  }
  return undefined;
}

function openWith(key: Key, block: Buffer, additional: Uint8Array): Buffer | undefined {
  const tag = block.length - tagBytes;
  const nonce = block.subarray(1, headBytes);
  const decipher = createDecipheriv(key.cipher, key.secret, nonce, { authTagLength: tagBytes });
  if (additional.length > 0) decipher.setAAD(additional);
  decipher.setAuthTag(block.subarray(tag));
  const plain = decipher.update(block.subarray(headBytes, tag));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

/** Whoever sealed it had the key, but may have padded it wrongly all the same. */
function withoutPadding(plain: Buffer): Buffer | undefined {
  const padding = plain.at(-1) ?? 0;
  const end = plain.length - padding;
  if (padding < 1 || padding > paddingMax || end < 0) return undefined;
  for (let i = end; i < plain.length; i++) if (plain[i] !== padding) return undefined;
  return plain.subarray(0, end);
}

/** Random bytes are fetched for many nonces at once: one call costs as much as half a seal. */
const nonces = Buffer.alloc(256 * nonceBytes);
let nextNonce = nonces.length;

/** A nonce from the system's random source, valid until 256 more were taken. */
export function randomNonce(): Uint8Array {
  if (nextNonce === nonces.length) {
    randomFillSync(nonces);
    nextNonce = 0;
  }
  nextNonce += nonceBytes;
  return nonces.subarray(nextNonce - nonceBytes, nextNonce);
}
