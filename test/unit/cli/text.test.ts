import { describe, expect, test } from 'vitest';
import { readDurationMs, readListener } from '../../../src/cli/arguments.js';
import { formatTable, textWidth, truncate } from '../../../src/cli/table.js';
import { formatAge, formatBytes, formatCount } from '../../../src/cli/units.js';

describe('tables', () => {
  const columns = [
    { title: 'NAME', cell: ([name]: string[]) => name!, shrinks: true },
    { title: 'COUNT', cell: ([, count]: string[]) => count!, align: 'right' as const },
  ];

  test('columns are aligned, empty cells are dashes, no line ends in blanks', () => {
    expect(
      formatTable(columns, [
        ['web', '7'],
        ['', '1000000'],
        ['网', ''],
      ]),
    ).toBe(['NAME    COUNT', 'web         7', '-     1000000', '网          -', ''].join('\n'));
  });

  test('no rows: the header alone', () => {
    expect(formatTable(columns, [])).toBe('NAME  COUNT\n');
  });

  test('only columns that may shrink give up width, and never all of it', () => {
    const rows = [['a-very-long-name-indeed', '1']];
    expect(formatTable(columns, rows, { width: 20 })).toBe(
      'NAME           COUNT\na-very-long-…      1\n',
    );
    expect(formatTable(columns, rows, { width: 5 })).toBe('NAME      COUNT\na-very-…      1\n');
  });

  test.each([
    ['', 0],
    ['abc', 3],
    ['网页', 4],
    ['ｆｕｌｌ', 8],
    ['한국', 4],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['a\u200bb', 2],
    ['…', 1],
  ])('%j takes %i columns', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 4, 'abc…'],
    ['网页网页', 6, '网页…'],
    ['网页网页', 5, '网页…'],
    ['网页网页', 4, '网…'],
  ])('%j in %i columns is %j', (text, width, want) => {
    expect(truncate(text, width)).toBe(want);
  });
});

describe('numbers', () => {
  test.each([
    [0, '0', '0 B'],
    [999, '999', '999 B'],
    [1_000, '1.0k', '1000 B'],
    [1_024, '1.0k', '1.0 KiB'],
    [999_949, '999.9k', '976.5 KiB'],
    [999_999, '1.0M', '976.6 KiB'],
    [5e9, '5.0G', '4.7 GiB'],
    [2 ** 53, '9.0P', '8.0 PiB'],
  ])('%d is %s, or %s', (value, count, bytes) => {
    expect([formatCount(value), formatBytes(value)]).toEqual([count, bytes]);
  });

  test.each([
    [-5, '0s'],
    [999, '0s'],
    [42_000, '42s'],
    [303_000, '5m3s'],
    [3_600_000, '1h'],
    [3_601_000, '1h'],
    [90_061_000, '1d1h'],
  ])('%d ms are %s', (milliseconds, want) => {
    expect(formatAge(milliseconds)).toBe(want);
  });
});

describe('arguments', () => {
  test.each([
    ['10.96.0.1:80', { host: '10.96.0.1', port: 80, protocol: 'tcp' }],
    ['10.96.0.1:53/udp', { host: '10.96.0.1', port: 53, protocol: 'udp' }],
    ['[fd00::0:1]:80/sctp', { host: 'fd00::1', port: 80, protocol: 'sctp' }],
    ['web.example:65535', { host: 'web.example', port: 65_535, protocol: 'tcp' }],
  ])('%s', (text, want) => {
    expect(readListener('DST', text)).toEqual(want);
  });

  test.each(['web', 'web:0', 'web:65536', 'fd00::1:80', '[web]:80', 'web:80/icmp', ':80', 'web:'])(
    '%s is no listener',
    (text) => {
      expect(() => readListener('DST', text)).toThrow(/^DST: expected/);
    },
  );

  test.each([
    ['30', 30_000],
    ['1.5s', 1_500],
    ['500ms', 500],
    ['2h', 7_200_000],
  ])('%s', (text, want) => {
    expect(readDurationMs('--deadline', text)).toBe(want);
  });
});
