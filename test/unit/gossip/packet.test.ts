import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  encodeMessage,
  Keyring,
  openPacket,
  type Ping,
  sealPacket,
  wireOptions,
} from '../../../src/gossip/index.js';
import { joinParts } from '../../../src/gossip/wire/compound.js';
import { compressMessage } from '../../../src/gossip/wire/compress.js';
import { addCrc } from '../../../src/gossip/wire/crc.js';

const plain = wireOptions({});
const labelled = wireOptions({ label: 'east' });
const key = Buffer.alloc(32, 1);
const sealed = wireOptions({ keyring: new Keyring(key) });
const ping: Ping = { type: 'ping', sequence: 7, node: 'n1' };
const bytes = encodeMessage(ping);
const user = (size: number): Buffer => Buffer.concat([Buffer.from([8]), Buffer.alloc(size)]);

/** A block of version 0 with this text, padding included. */
function versionZero(text: Buffer): Buffer {
  const nonce = Buffer.alloc(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([Buffer.from([0]), nonce, body, cipher.getAuthTag()]);
}

describe('a packet', () => {
  it.each([
    ['nothing', Buffer.alloc(0), plain, 'truncated'],
    ['a type that there is not', Buffer.from([99, 1, 2]), plain, 'unknown-type'],
    ['a type of streams', Buffer.from([6, 0x80]), plain, 'unknown-type'],
    ['a map cut off', bytes.subarray(0, 9), plain, 'truncated'],
    ['text instead of a map', Buffer.from([0, 0xa1, 0x41]), plain, 'malformed'],
    [
      'a map announced with 4 billion entries',
      Buffer.from('00dfffffffff', 'hex'),
      plain,
      'truncated',
    ],
    ['an alive without an address', Buffer.from('0481a44e6f6465a161', 'hex'), plain, 'malformed'],
    ['more than a datagram can have', user(70_000), plain, 'too-large'],
    ['no label', bytes, labelled, 'label'],
    [
      'another label',
      sealPacket([bytes], wireOptions({ label: 'eash' }), false),
      labelled,
      'label',
    ],
    [
      'a longer label',
      sealPacket([bytes], wireOptions({ label: 'east1' }), false),
      labelled,
      'label',
    ],
    ['a label where none is', sealPacket([bytes], labelled, false), plain, 'label'],
    ['plain text with a type above 1', addCrc(bytes), sealed, 'not-encrypted'],
    ['plain text that might be version 0', bytes, sealed, 'undecryptable'],
    ['a block too short', Buffer.alloc(28, 1), sealed, 'undecryptable'],
    ['a text padded with 0', versionZero(Buffer.alloc(16, 0)), sealed, 'undecryptable'],
    ['a text padded with 17', versionZero(Buffer.alloc(32, 17)), sealed, 'undecryptable'],
    [
      'a text padded unevenly',
      versionZero(Buffer.concat([Buffer.alloc(14, 1), Buffer.from([3, 2])])),
      sealed,
      'undecryptable',
    ],
    ['a wrong checksum', Buffer.concat([addCrc(bytes), Buffer.alloc(1)]), plain, 'checksum'],
    ['half a checksum', Buffer.from([12, 1, 2]), plain, 'checksum'],
    ['a compound of nothing', Buffer.from([7, 0]), plain, 'truncated'],
    ['a compound within a compound', joinParts([joinParts([bytes])]), plain, 'too-deep'],
    ['compression within compression', compressMessage(compressMessage(bytes)), plain, 'too-deep'],
    ['a checksum within a checksum', addCrc(addCrc(bytes)), plain, 'too-deep'],
    ['a checksum beneath compression', compressMessage(addCrc(bytes)), plain, 'too-deep'],
    ['compression within a compound', joinParts([compressMessage(bytes)]), plain, 'too-deep'],
    ['a bomb', compressMessage(user(1_000_000)), plain, 'too-large'],
    ['another compression', Buffer.from('0982a4416c676f01a342756600', 'hex'), plain, 'malformed'],
  ] as const)('of %s is dropped', (_, packet, options, reason) => {
    expect(openPacket(packet, options)).toBe(reason);
  });

  it('is dropped when no key opens it, and opened by any that does', () => {
    const other = wireOptions({ keyring: new Keyring(Buffer.alloc(16, 2)) });
    const packet = sealPacket([bytes], other, true);
    expect(openPacket(packet, sealed)).toBe('undecryptable');
    const both = wireOptions({ keyring: new Keyring(key, [Buffer.alloc(16, 2)]) });
    expect(openPacket(packet, both)).toEqual([ping]);
  });

  it('is opened under its own label only, which it carries in the open', () => {
    const keyring = new Keyring(key);
    const east = wireOptions({ keyring, label: 'east' });
    const west = wireOptions({ keyring, label: 'west' });
    const packet = sealPacket([bytes], east, false);
    expect(openPacket(packet, east)).toEqual([ping]);
    packet.write('west', 2);
    expect(openPacket(packet, west)).toBe('undecryptable');
  });

  it('may be plain while a cluster is given keys', () => {
    const keyring = new Keyring(key);
    const either = wireOptions({ keyring, verifyIncoming: false, verifyOutgoing: false });
    expect(sealPacket([bytes], either, false)).toBe(bytes);
    expect(openPacket(bytes, either)).toEqual([ping]);
    expect(openPacket(sealPacket([bytes], sealed, false), either)).toEqual([ping]);
  });

  it('keeps what can be used of a compound', () => {
    const parts = [Buffer.from([99]), bytes, joinParts([bytes]), Buffer.from([4]), bytes];
    expect(openPacket(joinParts(parts), plain)).toEqual([ping, ping]);
    const cut = joinParts([bytes, bytes]).subarray(0, -1);
    expect(openPacket(cut, plain)).toEqual([ping]);
  });

  it('is compressed only when that makes it shorter', () => {
    const long = encodeMessage({ type: 'user', payload: Buffer.alloc(500) });
    expect(sealPacket([bytes], plain, false)).toBe(bytes);
    expect(sealPacket([long], plain, false).length).toBeLessThan(100);
    expect(sealPacket([long], wireOptions({ compress: false }), false)).toBe(long);
  });
});
