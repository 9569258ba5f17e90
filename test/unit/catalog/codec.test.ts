import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, type Message } from '../../../src/catalog/index.js';
import { expectNoThrow } from '../../support/random-bytes.js';

const fill = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

const section = {
  owner: 'n1',
  publicKey: fill(32, 0xaa),
  network: 'blue',
  epoch: 2 ** 20 + 5,
  base: 2,
  last: true,
  head: { version: 4, floor: 1, count: 2, versions: fill(16, 0xbb), signature: fill(64, 0xcc) },
  rows: [
    { version: 3, key: 'a', value: Buffer.from('hi'), signature: fill(64, 0xdd) },
    { version: 4, key: 'b', signature: fill(64, 0xee) },
  ],
};

const sectionHex = [
  ['owner', '02 6e31'],
  ['public key', 'aa'.repeat(32)],
  ['network', '04 626c7565'],
  ['epoch', '85 80 40'],
  ['base', '02'],
  ['flags: head, last', '03'],
  ['head: version, floor, count', '04 01 02'],
  ['head: hash of the versions', 'bb'.repeat(16)],
  ['head: signature', 'cc'.repeat(64)],
  ['rows', '02'],
  ['version, key', '03 01 61'],
  ['value: length + 1', '03 6869'],
  ['signature', 'dd'.repeat(64)],
  ['version, key', '04 01 62'],
  ['a tombstone', '00'],
  ['signature', 'ee'.repeat(64)],
] as const;
const sectionBytes = sectionHex.map(([, hex]) => hex).join(' ');

const mark = { owner: 'n1', epoch: 300, version: 7 };

/** Format version, type, sender, body. */
const cases: readonly (readonly [string, Message, string])[] = [
  ['news', { type: 'news', sections: [section] }, `01 01 01 ${sectionBytes}`],
  [
    'hello',
    { type: 'hello', from: 'n2', networks: [{ id: 0xe3b0c442, hash: 0x0102030405060708n }] },
    '01 02 02 6e32 01 e3b0c442 0102030405060708',
  ],
  [
    'digest',
    { type: 'digest', from: 'n2', asks: true, networks: [{ network: '', owners: [mark] }] },
    '01 03 02 6e32 01 01 00 01 02 6e31 ac02 07',
  ],
  [
    'pull',
    {
      type: 'pull',
      from: 'n2',
      id: 0xfeedbeef,
      streams: [{ owner: 'n1', network: 'x', epoch: 300, above: 7, after: 200 }],
    },
    '01 04 02 6e32 feedbeef 01 02 6e31 01 78 ac02 07 c801',
  ],
  [
    'rows',
    { type: 'rows', from: 'n2', id: 1, sections: [section] },
    `01 05 02 6e32 00000001 01 ${sectionBytes}`,
  ],
  [
    'applied',
    {
      type: 'applied',
      from: 'n2',
      publicKey: fill(32, 0xaa),
      epoch: Number.MAX_SAFE_INTEGER,
      life: 300,
      serial: 5,
      interest: ['x'],
      networks: [{ network: '', version: 7 }],
      signature: fill(64, 0xcc),
    },
    `01 06 02 6e32 ${'aa'.repeat(32)} ffffffffffffff0f ac02 05 01 01 78 01 00 07 ${'cc'.repeat(64)}`,
  ],
  [
    'confirmed',
    {
      type: 'confirmed',
      from: 'n2',
      epoch: 1,
      life: 2,
      networks: [{ network: 'x', version: 127 }],
    },
    '01 07 02 6e32 01 02 01 01 78 7f',
  ],
];

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('the codec of the catalog', () => {
  it.each(cases)('writes and reads %s', (_, message, hex) => {
    const bytes = Buffer.from(encodeMessage(message));
    expect(bytes.toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(plain(decodeMessage(bytes))).toEqual(plain(message));
  });

  it('writes what is longer than its first buffer', () => {
    const owners = Array.from({ length: 500 }, (_, n) => ({
      owner: `node-${n}`,
      epoch: n + 1,
      version: n,
    }));
    const message: Message = {
      type: 'digest',
      from: 'n',
      asks: false,
      networks: [{ network: '', owners }],
    };
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  it.each([
    ['nothing', '', 'malformed'],
    ['another version', '02 01 00', 'format'],
    ['an unknown type', '01 08 00', 'malformed'],
    ['a sender without a name', '01 02 00 00', 'malformed'],
    ['bytes after the end', '01 01 00 00', 'malformed'],
    ['more items than follow', '01 01 ffffffffffffff0f', 'malformed'],
    ['a number above 2^53', '01 07 01 61 ffffffffffffff1f 00', 'malformed'],
    ['an endless number', `01 07 01 61 ${'80'.repeat(20)}`, 'malformed'],
    ['a name that is no UTF-8', '01 02 01 ff 00', 'malformed'],
    ['a network that is too long', `01 07 01 61 01 01 01 41 ${'61'.repeat(65)} 01`, 'malformed'],
    [
      'a head below its floor',
      `01 01 01 ${sectionBytes.replace('04 01 02', '04 05 02')}`,
      'malformed',
    ],
    ['a row of version 0', `01 01 01 ${sectionBytes.replace('03 01 61', '00 01 61')}`, 'malformed'],
    ['an epoch of 0', `01 01 01 ${sectionBytes.replace('85 80 40', '00')}`, 'malformed'],
  ])('refuses %s', (_, hex, reason) => {
    expect(decodeMessage(bytesOf(hex))).toBe(reason);
  });

  it('survives any bytes', () => {
    const samples = cases.map(([, message]) => Buffer.from(encodeMessage(message)));
    expectNoThrow(samples, (bytes) => decodeMessage(bytes));
    expectNoThrow(samples, (bytes) => decodeMessage(Buffer.concat([Buffer.from([1, 5]), bytes])));
  });
});

/** Bytes as text: Buffer and Uint8Array compare alike. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (each instanceof Uint8Array) return Buffer.from(each).toString('hex');
    return typeof each === 'bigint' ? each.toString(16) : each;
  }).replaceAll(/\{"type":"Buffer","data":\[([\d,]*)\]\}/g, (_, list: string) => {
    return `"${Buffer.from(list.split(',').map(Number)).toString('hex')}"`;
  });
}
