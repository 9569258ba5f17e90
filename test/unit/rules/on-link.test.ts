import { describe, expect, it } from 'vitest';
import { OnLink } from '../../../src/rules/index.js';

const host = new OnLink([
  { device: 'eth0', address: '192.0.2.1', prefixLength: 24 },
  { device: 'eth1', address: '10.0.0.1', prefixLength: 16 },
  { device: 'eth2', address: '10.0.1.1', prefixLength: 24 },
  { device: 'wg0', address: '198.51.100.1', prefixLength: 32 },
  { device: 'ppp0', address: '198.51.100.9', prefixLength: 31 },
  { device: 'eth0', address: 'fd01::1', prefixLength: 64 },
  { device: 'eth1', address: 'fd01::2', prefixLength: 48 },
]);

describe('OnLink', () => {
  const cases = [
    ['on a link', '192.0.2.77', '192.0.2.0/24', '192.0.2.1'],
    ['the first and last address of a link', '192.0.2.255', '192.0.2.0/24', '192.0.2.1'],
    ['in a link within a wider one', '10.0.1.7', '10.0.0.0/16', '10.0.1.1'],
    ['in the wider one alone', '10.0.2.7', '10.0.0.0/16', '10.0.0.1'],
    ['the other end of a line', '198.51.100.8', '198.51.100.8/31', '198.51.100.9'],
    ['an address of all bits names no link', '198.51.100.1', undefined, '192.0.2.1'],
    ['on no link', '8.8.8.8', undefined, '192.0.2.1'],
    ['IPv6 on a link within a wider one', 'fd01::77', 'fd01::/48', 'fd01::1'],
    ['IPv6 in the wider one alone', 'fd01:0:0:1::77', 'fd01::/48', 'fd01::2'],
    ['IPv6 on no link', '2001:db8::1', undefined, 'fd01::1'],
  ] as const;
  it.each(cases)('%s: %s is on %s and is called from %s', (_name, address, prefix, source) => {
    expect(host.linkPrefixOf(address)).toBe(prefix);
    expect(host.sourceFor(address)).toBe(source);
  });

  it('compares addresses beyond half of the range', () => {
    const wide = new OnLink([{ device: 'eth0', address: '200.0.0.1', prefixLength: 1 }]);
    expect(wide.linkPrefixOf('255.255.255.255')).toBe('128.0.0.0/1');
    expect(wide.linkPrefixOf('127.255.255.255')).toBeUndefined();
  });

  it('has no source to offer for a family of which the host has no address', () => {
    const only4 = new OnLink([{ device: 'eth0', address: '10.0.0.1', prefixLength: 24 }]);
    expect(only4.sourceFor('fd01::1')).toBeUndefined();
    expect(only4.linkPrefixOf('fd01::1')).toBeUndefined();
    expect(new OnLink([]).sourceFor('10.0.0.1')).toBeUndefined();
  });
});
