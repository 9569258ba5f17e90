import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { MeshError } from '../../../src/base/index.js';
import { fingerprintOf, Keyring, parseKey } from '../../../src/gossip/index.js';

const first = Buffer.from('first key, 16 by');
const second = Buffer.from('second key, of 24 bytes.');
const third = Buffer.from('the third key, which has 32 byte');

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof MeshError) return `${error.code}: ${error.message}`;
  }
  return 'none';
}

function order(keyring: Keyring): readonly string[] {
  return keyring.accepted.map(({ cipher }) => cipher);
}

describe('a keyring', () => {
  it('changes the key in three steps', () => {
    const keyring = new Keyring(first);
    keyring.install(third);
    keyring.install(third);
    expect(order(keyring)).toEqual(['aes-128-gcm', 'aes-256-gcm']);
    keyring.use(third);
    expect(keyring.primary.fingerprint).toBe(fingerprintOf(third));
    expect(order(keyring)).toEqual(['aes-256-gcm', 'aes-128-gcm']);
    keyring.remove(first);
    expect(order(keyring)).toEqual(['aes-256-gcm']);
  });

  it('says what it refuses, by fingerprint', () => {
    const keyring = new Keyring(first, [second]);
    const name = fingerprintOf(first);
    expect(refusal(() => new Keyring(Buffer.alloc(15)))).toBe(
      'invalid_argument: create keyring: it has 15 bytes; a key has 16, 24 or 32',
    );
    expect(refusal(() => keyring.install(Buffer.alloc(0)))).toBe(
      'invalid_argument: install key: it has 0 bytes; a key has 16, 24 or 32',
    );
    expect(refusal(() => keyring.use(third))).toBe(
      `not_found: use key ${fingerprintOf(third)}: it is not installed`,
    );
    expect(refusal(() => keyring.remove(third))).toBe(
      `not_found: remove key ${fingerprintOf(third)}: it is not installed`,
    );
    expect(refusal(() => keyring.remove(first))).toBe(
      `failed_precondition: remove key ${name}: it is the primary; use another one first`,
    );
  });

  it('shows no key', () => {
    const keyring = new Keyring(first, [third]);
    const shown = [
      JSON.stringify({ keyring, keys: keyring.accepted }),
      inspect({ keyring }, { depth: 9, showHidden: true }),
      inspect(keyring.accepted, { depth: 9 }),
    ].join('\n');
    for (const key of [first, third]) {
      for (const encoding of ['utf8', 'hex', 'base64'] as const) {
        expect(shown).not.toContain(key.toString(encoding).slice(0, 12));
      }
      expect(shown).not.toContain([...key.subarray(0, 4)].join(','));
      expect(shown).toContain(fingerprintOf(key));
    }
  });

  it('parses what key generators print, and does not repeat it', () => {
    expect(parseKey(third.toString('base64'))).toEqual(third);
    for (const text of ['', 'c2VjcmV0', 'not base64 at all', `${first.toString('base64')}x`]) {
      const message = refusal(() => parseKey(text));
      expect(message).toMatch(/^invalid_argument: parse key: it (has|is)/);
      if (text !== '') expect(message).not.toContain(text);
    }
  });
});
