import { describe, expect, it } from 'vitest';
import { openPacket, wireOptions } from '../../../src/gossip/index.js';
import { ValueScanner } from '../../../src/gossip/wire/msgpack-scan.js';

const plain = wireOptions({});

/** Hexadecimal, and text in quotes. */
function bytesOf(text: string): Buffer {
  const words = text.match(/"[^"]*"|[0-9a-f]+/g)!;
  const parts = words.map((word) =>
    word.startsWith('"') ? Buffer.from(word.slice(1, -1)) : Buffer.from(word, 'hex'),
  );
  return Buffer.concat(parts);
}

const ping = { type: 'ping', sequence: 300, node: 'n1' };
const alive = {
  type: 'alive',
  incarnation: 2,
  node: 'n1',
  at: { address: '10.0.0.1', port: 7946 },
  meta: Buffer.from('m'),
};
const versions = {
  protocolMin: 1,
  protocolMax: 5,
  protocol: 2,
  delegateMin: 0,
  delegateMax: 0,
  delegate: 0,
};
const head =
  '04 86 a4"Addr"a40a000001 ab"Incarnation"02 a4"Meta"a1"m" a4"Node"a2"n1" a4"Port"cd1f0a';

describe('the forms of a value', () => {
  it.each([
    ['as peers write them', '00 82 a4"Node"a2"n1" a5"SeqNo"cd012c'],
    ['in another order', '00 82 a5"SeqNo"cd012c a4"Node"a2"n1"'],
    ['more than is needed', '00 83 a5"SeqNo"01 a5"SeqNo"cd012c a4"Node"a2"n1"'],
    ['with bytes behind', '00 82 a4"Node"a2"n1" a5"SeqNo"cd012c ffff'],
    ['map 16', '00 de0002 a4"Node"a2"n1" a5"SeqNo"cd012c'],
    ['map 32', '00 df00000002 a4"Node"a2"n1" a5"SeqNo"cd012c'],
    ['str 8', '00 82 d904"Node"d902"n1" a5"SeqNo"cd012c'],
    ['raw 16', '00 82 da0004"Node"da0002"n1" a5"SeqNo"cd012c'],
    ['raw 32', '00 82 db00000004"Node"db00000002"n1" a5"SeqNo"cd012c'],
    ['bin 8', '00 82 a4"Node"c402"n1" a5"SeqNo"cd012c'],
    ['bin 16', '00 82 a4"Node"c50002"n1" a5"SeqNo"cd012c'],
    ['bin 32', '00 82 a4"Node"c600000002"n1" a5"SeqNo"cd012c'],
    ['uint 32', '00 82 a4"Node"a2"n1" a5"SeqNo"ce0000012c'],
    ['uint 64', '00 82 a4"Node"a2"n1" a5"SeqNo"cf000000000000012c'],
    ['int 16', '00 82 a4"Node"a2"n1" a5"SeqNo"d1012c'],
    ['int 32', '00 82 a4"Node"a2"n1" a5"SeqNo"d20000012c'],
    ['int 64', '00 82 a4"Node"a2"n1" a5"SeqNo"d3000000000000012c'],
    ['an unknown map', '00 83 a1"X"81a1"Y"9301a1"Z"c0 a4"Node"a2"n1" a5"SeqNo"cd012c'],
    ['an unknown float', '00 83 a1"X"cb0000000000000000 a4"Node"a2"n1" a5"SeqNo"cd012c'],
    ['an unknown ext', '00 83 a1"X"c70209ffff a4"Node"a2"n1" a5"SeqNo"cd012c'],
    [
      'an unknown fixext',
      '00 83 a1"X"d809000102030405060708090a0b0c0d0e0f a4"Node"a2"n1" a5"SeqNo"cd012c',
    ],
  ])('%s', (_, text) => {
    expect(openPacket(bytesOf(text), plain)).toEqual([ping]);
  });

  it.each([
    ['raw', 'a3"Vsn"a6010502000000', { versions }],
    ['a list', 'a3"Vsn"96010502000000', { versions }],
    ['nil', 'a3"Vsn"c0', {}],
    ['too few', 'a3"Vsn"a3010502', {}],
  ])('versions: %s', (_, text, expected) => {
    expect(openPacket(bytesOf(`${head}${text}`), plain)).toEqual([{ ...alive, ...expected }]);
  });

  it.each([
    ['4 bytes', 'a40a000001', '10.0.0.1'],
    ['mapped', 'b0 00000000000000000000ffff0a000001', '10.0.0.1'],
    ['IPv6', 'b0 fd000000000000000000000000000001', 'fd00::1'],
  ])('addresses: %s', (_, text, address) => {
    const packet = bytesOf(head.replace('a40a000001', text) + 'a3"Vsn"c0');
    expect(openPacket(packet, plain)).toEqual([{ ...alive, at: { address, port: 7946 } }]);
  });

  it.each([
    ['a negative number', '00 81 a5"SeqNo"ff', 'malformed'],
    ['a negative int 32', '00 81 a5"SeqNo"d2ffffffff', 'malformed'],
    ['a number above 32 bits', '00 81 a5"SeqNo"cf0000000100000000', 'malformed'],
    ['a float as number', '00 81 a5"SeqNo"ca00000000', 'malformed'],
    ['a number as text', '00 81 a4"Node"05', 'malformed'],
    ['text that is no UTF-8', '00 81 a4"Node"a2fffe', 'malformed'],
    ['the type that is never used', '00 81 a1"X"c1', 'malformed'],
    ['text of 4 GB', '00 81 a4"Node"dbffffffff"n1"', 'too-large'],
    ['a name of 256 bytes', `00 81 a4"Node"da0100"${'n'.repeat(256)}"`, 'too-large'],
    ['meta of 513 bytes', `04 81 a4"Meta"da0201"${'m'.repeat(513)}"`, 'too-large'],
    [
      'an address of 5 bytes',
      `${head.replace('a40a000001', 'a50a00000101')}a3"Vsn"c0`,
      'malformed',
    ],
    ['port 0', `${head.replace('cd1f0a', '00')}a3"Vsn"c0`, 'malformed'],
    ['a list of 4 billion', '00 81 a1"X"ddffffffff', 'truncated'],
  ])('%s is refused', (_, text, reason) => {
    expect(openPacket(bytesOf(text), plain)).toBe(reason);
  });

  it('are passed in one go, however deep they are', () => {
    const deep = Buffer.alloc(60_000, 0x91);
    const packet = Buffer.concat([bytesOf('00 81 a1"X"'), deep, Buffer.from([0xc0])]);
    expect(openPacket(packet, plain)).toEqual([{ type: 'ping', sequence: 0, node: '' }]);
  });

  it('are found to end where they end, byte by byte', () => {
    const value = bytesOf('83 a1"X"93c70209ffffcb0000000000000000c0 a4"Node"a2"n1" da0001"k"c3');
    const scanner = new ValueScanner(0, 100);
    const complete = [...value].map((_, i) => scanner.scan(value, i + 1));
    expect(complete.indexOf(true)).toBe(value.length - 1);
  });
});
