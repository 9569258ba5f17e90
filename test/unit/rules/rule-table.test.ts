import { describe, expect, it } from 'vitest';
import { formatRuleSet, type Rule } from '../../../src/model/index.js';
import { RuleTable } from '../../../src/rules/index.js';

const address: Rule = { kind: 'address', device: 'mesh0', prefix: '10.96.0.1/32' };
const key = 'addr 10.96.0.1/32 dev mesh0';

function sysctl(value: string): Rule {
  return { kind: 'sysctl', name: 'net/ipv4/vs/conntrack', value };
}

function desired(table: RuleTable): string {
  return formatRuleSet(table.desired.values());
}

describe('RuleTable', () => {
  it('holds what its owners contribute, and hands over each changed key exactly once', () => {
    const table = new RuleTable();
    table.put('web', [address, sysctl('1')]);
    expect(desired(table)).toBe(`${key}\nsysctl net/ipv4/vs/conntrack = 1`);
    expect([...table.takeChanged()]).toEqual([key, 'sysctl net/ipv4/vs/conntrack']);
    expect([...table.takeChanged()]).toEqual([]);
  });

  it('marks as changed what an owner no longer contributes, and nothing of others', () => {
    const table = new RuleTable();
    table.put('web', [address]);
    table.put('mail', [sysctl('1')]);
    table.takeChanged();
    table.put('web', []);
    expect(desired(table)).toBe('sysctl net/ipv4/vs/conntrack = 1');
    expect([...table.takeChanged()]).toEqual([key]);
  });

  it('replaces all that an owner contributes', () => {
    const table = new RuleTable();
    table.put('web', [address]);
    table.put('web', [sysctl('1')]);
    expect(desired(table)).toBe('sysctl net/ipv4/vs/conntrack = 1');
    expect(table.rulesOf('web')).toEqual([sysctl('1')]);
  });

  it('keeps a shared rule until the last of its owners lets go', () => {
    const table = new RuleTable();
    for (const owner of ['a', 'b', 'c']) table.put(owner, [address]);
    expect(table.ownersOf(key)).toEqual(['a', 'b', 'c']);
    table.put('a', []);
    table.put('c', []);
    expect(table.desired.has(key)).toBe(true);
    expect(table.ownersOf(key)).toEqual(['b']);
    table.put('b', []);
    expect(table.desired.has(key)).toBe(false);
    expect(table.ownerOf(key)).toBeUndefined();
  });

  it('lets the first owner decide where owners want different values, and the next one after it', () => {
    const table = new RuleTable();
    table.put('first', [sysctl('1')]);
    table.put('second', [sysctl('2')]);
    expect(desired(table)).toBe('sysctl net/ipv4/vs/conntrack = 1');
    expect(table.ownerOf('sysctl net/ipv4/vs/conntrack')).toBe('first');
    table.put('second', [sysctl('3')]);
    table.put('first', [sysctl('4')]);
    expect(desired(table)).toBe('sysctl net/ipv4/vs/conntrack = 4');
    table.put('first', []);
    expect(desired(table)).toBe('sysctl net/ipv4/vs/conntrack = 3');
    expect(table.ownerOf('sysctl net/ipv4/vs/conntrack')).toBe('second');
  });

  it('tells what each owner contributes, in force or not', () => {
    const table = new RuleTable();
    table.put('first', [sysctl('1')]);
    table.put('second', [sysctl('2')]);
    expect(table.rulesOf('first')).toEqual([sysctl('1')]);
    expect(table.rulesOf('second')).toEqual([sysctl('2')]);
    expect(table.rulesOf('third')).toEqual([]);
  });

  it('does not let an owner that names a rule twice take it from another', () => {
    const table = new RuleTable();
    table.put('a', [address, address]);
    table.put('b', [address]);
    table.put('a', []);
    expect(table.ownerOf(key)).toBe('b');
    expect(desired(table)).toBe(key);
  });
});
