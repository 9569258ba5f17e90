import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressAt,
  addressBits,
  addressBytes,
  familyOf,
  formatAddress,
  formatEndpoint,
  parseAddress,
  parsePrefix,
  prefixBase,
  prefixContains,
  prefixLength,
  prefixOf,
  prefixSize,
} from '../../../src/model/index.js';
import { checkProperty } from '../../support/property.js';

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    // RFC 5952 4.1: leading zeros go.
    ['2001:0db8::0001', '2001:db8::1'],
    // 4.2.1: shortened as much as possible.
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8::0:1', '2001:db8::1'],
    // 4.2.2: one group of zeros alone stays.
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    // 4.2.3: the longest run, and the first of two equal ones.
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    // 4.3: lower case.
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    // The last 32 bits may come as an IPv4 address.
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical);
    expect(parseAddress(canonical)).toBe(canonical);
  });

  it.each([
    '',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0',
    '10.0.0.0.1',
    '10.0.0.256',
    '10.0.0.01',
    '10.0.0.',
    '10.0.0.-1',
    '10.0.0.1/32',
    '0x0a.0.0.1',
    ':',
    ':::',
    '1::2::3',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:1.2.3.4',
    '[::1]',
    'localhost',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('reads back what it prints of any bytes, and those bytes', async () => {
    const bytes = fc.constantFrom(4, 16).chain((n) =>
      // Zeros are common, so that runs of them are.
      fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: n, maxLength: n }),
    );
    await checkProperty(
      fc.property(bytes, (values) => {
        const text = formatAddress(Uint8Array.from(values));
        expect(parseAddress(text)).toBe(text);
        expect([...addressBytes(text)!]).toEqual(values);
        expect(addressBits(familyOf(text))).toBe(8 * values.length);
        if (values.length === 16) expect(new URL(`http://[${text}]`).hostname).toBe(`[${text}]`);
      }),
      { runs: 1000 },
    );
  });

  it('reads an address within a message', () => {
    const message = Uint8Array.from([9, 9, 10, 0, 0, 1, 9]);
    expect(formatAddress(message, 2, 4)).toBe('10.0.0.1');
    expect(formatAddress(new Uint8Array(20).fill(1), 3, 16)).toBe(
      '101:101:101:101:101:101:101:101',
    );
  });

  it('survives any text', async () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcf:./%')) });
    await checkProperty(
      fc.property(text, (value) => {
        const address = parseAddress(value);
        if (address !== undefined) expect(parseAddress(address)).toBe(address);
        const prefix = parsePrefix(value);
        if (prefix !== undefined) expect(parsePrefix(prefix)).toBe(prefix);
      }),
      { runs: 2000 },
    );
  });
});

it('formats endpoints with brackets where there are colons already', () => {
  expect(formatEndpoint('10.0.0.1', 80)).toBe('10.0.0.1:80');
  expect(formatEndpoint('fd00::1', 80)).toBe('[fd00::1]:80');
});

describe('prefixes', () => {
  it.each([
    ['10.96.1.2/16', '10.96.0.0/16'],
    ['10.96.1.2/32', '10.96.1.2/32'],
    ['10.96.1.2/0', '0.0.0.0/0'],
    ['10.96.255.2/23', '10.96.254.0/23'],
    ['FD00::FFFF/112', 'fd00::/112'],
    ['fd00::ffff/127', 'fd00::fffe/127'],
    ['fd00::1/128', 'fd00::1/128'],
    ['fd00::1/0', '::/0'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parsePrefix(text)).toBe(canonical);
    expect(parsePrefix(canonical)).toBe(canonical);
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0/8',
    'fd00::/129',
    'fd00::/1e1',
    '/8',
  ])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });

  it.each([
    ['10.96.0.0/16', '10.96.255.255', true],
    ['10.96.0.0/16', '10.97.0.0', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['fd00::/127', 'fd00::1', true],
    ['fd00::/127', 'fd00::2', false],
    ['::/0', '10.0.0.1', false],
  ])('%s contains %s: %s', (prefix, address, want) => {
    expect(prefixContains(prefix, address)).toBe(want);
  });

  it('takes apart and puts together', () => {
    expect(prefixOf('10.96.1.2', 24)).toBe('10.96.1.0/24');
    expect(prefixBase('fd00::/64')).toBe('fd00::');
    expect(prefixLength('fd00::/64')).toBe(64);
  });

  it.each([
    ['10.0.0.0/32', 1],
    ['10.0.0.0/16', 65536],
    ['0.0.0.0/0', 2 ** 32],
    ['fd00::/76', 2 ** 52],
    ['fd00::/75', Number.MAX_SAFE_INTEGER],
    ['::/0', Number.MAX_SAFE_INTEGER],
  ])('%s has %d addresses', (prefix, size) => {
    expect(prefixSize(prefix)).toBe(size);
  });

  it.each([
    ['10.0.0.0/8', 0, '10.0.0.0'],
    ['10.0.0.0/8', 256, '10.0.1.0'],
    ['10.0.0.0/8', 2 ** 24 - 1, '10.255.255.255'],
    ['0.0.0.0/0', 2 ** 32 - 1, '255.255.255.255'],
    ['fd00::/64', 65536, 'fd00::1:0'],
    ['fd00::/64', 2 ** 53 - 1, 'fd00::1f:ffff:ffff:ffff'],
  ])('in %s address %d is %s', (prefix, index, address) => {
    expect(addressAt(prefix, index)).toBe(address);
  });
});
