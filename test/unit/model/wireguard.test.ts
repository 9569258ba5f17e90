import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  PrivateKey,
  publicKeyBytes,
  sameWireguardPeer,
  type WireguardPeerRule,
} from '../../../src/model/index.js';

describe('keys', () => {
  /** RFC 7748, section 6.1: private keys and their public ones. */
  it.each([
    [
      '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    ],
    [
      '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    ],
  ])('%s', (secret, name) => {
    const key = new PrivateKey(Buffer.from(secret, 'hex'));
    expect(Buffer.from(key.publicKey, 'base64').toString('hex')).toBe(name);
    expect(Buffer.from(key.reveal()).toString('hex')).toBe(secret);
  });

  it('show their public half alone', () => {
    const key = new PrivateKey(Buffer.alloc(32, 0x5a));
    const { publicKey } = key;
    expect(JSON.stringify({ key })).toBe(`{"key":{"publicKey":"${publicKey}"}}`);
    expect(inspect(key, { showHidden: true, breakLength: Infinity })).toBe(
      `PrivateKey { publicKey: '${publicKey}' }`,
    );
    expect(Object.values(key)).toEqual([publicKey]);
  });

  it('do not change with the bytes they were made of, nor with those they gave', () => {
    const bytes = Buffer.alloc(32, 1);
    const key = new PrivateKey(bytes);
    bytes.fill(0);
    key.reveal().fill(0);
    expect(key.reveal()).toEqual(new Uint8Array(32).fill(1));
  });

  it.each([0, 31, 33, 64])('have 32 bytes, not %i', (size) => {
    expect(() => new PrivateKey(new Uint8Array(size))).toThrow(RangeError);
  });

  it.each([
    ['zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=', true],
    ['zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk', false],
    ['zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVl=', false],
    ['zo060cy2M-x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=', false],
    ['zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5Y', false],
    ['', false],
  ])('as text are canonical: %s', (text, isKey) => {
    expect(publicKeyBytes(text)?.length).toBe(isKey ? 32 : undefined);
  });
});

describe('a peer needs no change', () => {
  const peer: WireguardPeerRule = {
    kind: 'wireguard-peer',
    device: 'meshw-0',
    publicKey: 'zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=',
    allowedIps: ['fd00::2/128', '10.0.0.0/24'],
  };
  const [here, there] = ['192.0.2.1', '192.0.2.2'].map((address) => ({ address, port: 51820 }));

  it.each<[string, Partial<WireguardPeerRule>, Partial<WireguardPeerRule>, boolean]>([
    ['as it is', {}, {}, true],
    ['in another order', {}, { allowedIps: peer.allowedIps.toReversed() }, true],
    ['without a prefix', {}, { allowedIps: ['fd00::2/128'] }, false],
    ['of another keepalive', { keepaliveS: 25 }, {}, false],
    ['where it is wanted', { endpoint: here! }, { endpoint: here! }, true],
    ['elsewhere', { endpoint: here! }, { endpoint: there! }, false],
    ['elsewhere, alive', { endpoint: here! }, { endpoint: there!, live: true }, true],
    ['nowhere', { endpoint: here! }, {}, false],
    ['somewhere, wanted anywhere', {}, { endpoint: there! }, true],
    ['alive, of another keepalive', { keepaliveS: 25 }, { live: true }, false],
  ])('%s', (_, wanted, held, same) => {
    expect(sameWireguardPeer({ ...peer, ...wanted }, { ...peer, ...held })).toBe(same);
  });
});
