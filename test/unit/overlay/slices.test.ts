import { describe, expect, it } from 'vitest';
import { prefixContains } from '../../../src/model/index.js';
import { chooseSlice, sliceAddresses, sliceCount } from '../../../src/overlay/index.js';

describe('slices of a subnet', () => {
  it.each([
    ['10.64.0.0/24', 12],
    ['10.64.0.0/16', 3_072],
    ['10.0.0.0/8', 65_536],
    ['fd00:64::/112', 3_072],
    ['fd00:64::/64', 65_536],
    ['10.64.0.0/26', 3],
  ])('%s has %i', (subnet, count) => {
    expect(sliceCount(subnet)).toBe(count);
    const last = sliceAddresses(subnet, count - 1);
    expect(prefixContains(subnet, last.at(-1)!)).toBe(true);
    expect(new Set([...sliceAddresses(subnet, 0), ...last]).size).toBe(16 - 2 + 16);
  });

  it('cannot be made of too small a subnet', () => {
    expect(() => sliceCount('10.64.0.0/27')).toThrow('expected room for at least 43 addresses');
  });

  it('leave a quarter for VIPs', () => {
    expect(sliceAddresses('10.64.0.0/24', 11).at(-1)).toBe('10.64.0.191');
  });

  it('are chosen by the name of the node, then one after the other', () => {
    const taken = new Set<number>();
    for (let i = 0; i < 12; i++) taken.add(chooseSlice('10.64.0.0/24', 'node-1', taken));
    expect(taken.size).toBe(12);
    expect(() => chooseSlice('10.64.0.0/24', 'node-1', taken)).toThrow('all 12 slices are claimed');
    const chosen = ['a', 'b', 'c', 'd'].map((node) => chooseSlice('10.64.0.0/16', node, new Set()));
    expect(new Set(chosen).size).toBe(4);
  });
});
