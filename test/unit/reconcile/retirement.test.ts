import { describe, expect, it } from 'vitest';
import { formatRuleSet, type RuleSet } from '../../../src/model/index.js';
import { describeRetiree, Retirement } from '../../../src/reconcile/index.js';
import { parseRuleSet } from '../../support/rule-text.js';
import { SimClock } from '../../support/sim-clock.js';

const key = 'ipvs 10.96.0.1:80/tcp';
const mail = 'ipvs 10.96.0.1:25/tcp';
const both = parseRuleSet([
  'ipvs 10.96.0.1:80/tcp wrr',
  '  10.0.0.11:80 masq weight=1',
  '  10.0.0.12:80 masq weight=2',
]);
const one = parseRuleSet(['ipvs 10.96.0.1:80/tcp wrr', '  10.0.0.11:80 masq weight=1']);
const nothing: RuleSet = new Map();

/** A VIP with two ports, its companions, and what has nothing to do with it. */
const wholeVip = parseRuleSet([
  'nft table inet meshd-snat',
  'nft element meshd-snat auto4 10.96.0.1',
  'nft element meshd-snat auto4 10.96.0.2',
  'ipvs 10.96.0.1:80/tcp wrr',
  '  10.0.0.11:80 masq weight=1',
  'ipvs 10.96.0.1:25/tcp rr',
  '  10.0.0.12:25 masq weight=1',
  'addr 10.96.0.1/32 dev mesh0',
  'addr 10.96.0.2/32 dev mesh0',
  'route local 10.96.0.1/32 dev mesh0 src 10.0.0.1 table 255',
]);

class Bench {
  readonly clock = new SimClock();
  readonly ended: string[] = [];
  readonly retirement = new Retirement(this.clock, 1000, (retiree, end) => {
    this.ended.push(`${this.clock.now()} ${describeRetiree(retiree)} ${end}`);
  });

  keep(desired: RuleSet, observed: RuleSet, keys: Iterable<string> = observed.keys()): string {
    return formatRuleSet(this.retirement.keep(desired, observed, keys).values());
  }

  /** Reports this many connections for all that wait. */
  see(connections: number): void {
    for (const retiree of [...this.retirement.retirees()])
      this.retirement.saw(retiree, connections);
  }

  waiting(): string[] {
    return [...this.retirement.retirees()].map(
      (r) => `${describeRetiree(r)} until ${r.deadlineAt}, ${r.connections ?? '?'} connections`,
    );
  }
}

describe('Retirement', () => {
  it('keeps a removed destination at weight 0, beside those that stay', () => {
    const bench = new Bench();
    expect(bench.keep(one, both)).toBe(
      'ipvs 10.96.0.1:80/tcp wrr\n  10.0.0.11:80 masq weight=1\n  10.0.0.12:80 masq weight=0',
    );
    expect(bench.waiting()).toEqual(['10.0.0.12:80 of 10.96.0.1:80/tcp until 1000, ? connections']);
  });

  it('keeps nothing when nothing was removed', () => {
    const bench = new Bench();
    expect(bench.keep(both, both)).toBe('');
    expect(bench.keep(both, one)).toBe('');
    expect(bench.retirement.size).toBe(0);
  });

  it('gives the service its new settings while a destination retires', () => {
    const bench = new Bench();
    const changed = parseRuleSet(['ipvs 10.96.0.1:80/tcp mh', '  10.0.0.11:80 masq weight=7']);
    expect(bench.keep(changed, both)).toBe(
      'ipvs 10.96.0.1:80/tcp mh\n  10.0.0.11:80 masq weight=7\n  10.0.0.12:80 masq weight=0',
    );
  });

  it('lets go of it once its last connection is seen to be gone', () => {
    const bench = new Bench();
    bench.keep(one, both);
    bench.see(3);
    expect(bench.retirement.takeEnded()).toEqual([]);
    expect(bench.waiting()).toEqual(['10.0.0.12:80 of 10.96.0.1:80/tcp until 1000, 3 connections']);
    bench.see(0);
    expect(bench.retirement.takeEnded()).toContain(key);
    expect(bench.keep(one, both)).toBe('');
    expect(bench.keep(one, one)).toBe('');
    expect(bench.retirement.size).toBe(0);
    expect(bench.ended).toEqual(['0 10.0.0.12:80 of 10.96.0.1:80/tcp finished']);
  });

  it('lets go of it at the deadline, connections or not', () => {
    const bench = new Bench();
    bench.keep(one, both);
    bench.see(3);
    bench.clock.skip(999);
    expect(bench.retirement.takeEnded()).toEqual([]);
    bench.clock.skip(1);
    expect(bench.retirement.takeEnded()).toContain(key);
    expect(bench.keep(one, both)).toBe('');
    expect(bench.ended).toEqual(['1000 10.0.0.12:80 of 10.96.0.1:80/tcp deadline']);
  });

  it('tells an end once, whatever is seen after it', () => {
    const bench = new Bench();
    bench.keep(one, both);
    const [retiree] = [...bench.retirement.retirees()];
    bench.clock.skip(1000);
    bench.retirement.takeEnded();
    bench.retirement.saw(retiree!, 0);
    bench.retirement.takeEnded();
    bench.keep(one, both);
    expect(bench.ended).toEqual(['1000 10.0.0.12:80 of 10.96.0.1:80/tcp deadline']);
  });

  it('stays with its decision while the deletion fails', () => {
    const bench = new Bench();
    bench.keep(one, both);
    bench.see(0);
    expect(bench.keep(one, both)).toBe('');
    expect(bench.retirement.takeEnded()).toContain(key);
    expect(bench.keep(one, both)).toBe('');
  });

  it('forgets the wait of a destination that comes back, and starts anew if it goes again', () => {
    const bench = new Bench();
    bench.keep(one, both);
    bench.clock.skip(900);
    expect(bench.keep(both, both)).toBe('');
    expect(bench.waiting()).toEqual([]);
    bench.keep(one, both);
    expect(bench.waiting()).toEqual(['10.0.0.12:80 of 10.96.0.1:80/tcp until 1900, ? connections']);
  });

  it('starts the wait anew in a new process, from what the kernel holds', () => {
    const bench = new Bench();
    const half = parseRuleSet([
      'ipvs 10.96.0.1:80/tcp wrr',
      '  10.0.0.11:80 masq weight=1',
      '  10.0.0.12:80 masq weight=0',
    ]);
    expect(bench.keep(one, half)).toContain('10.0.0.12:80 masq weight=0');
    expect(bench.waiting()).toHaveLength(1);
  });

  describe('of a whole service', () => {
    it('keeps it with address, route and source NAT, and nothing of others', () => {
      const bench = new Bench();
      expect(bench.keep(nothing, wholeVip).split('\n').sort()).toEqual(
        [
          '  10.0.0.11:80 masq weight=0',
          '  10.0.0.12:25 masq weight=0',
          'addr 10.96.0.1/32 dev mesh0',
          'ipvs 10.96.0.1:25/tcp rr',
          'ipvs 10.96.0.1:80/tcp wrr',
          'nft element meshd-snat auto4 10.96.0.1',
          'nft table inet meshd-snat',
          '',
          'route local 10.96.0.1/32 dev mesh0 src 10.0.0.1 table 255',
        ].sort(),
      );
    });

    it('keeps the companions as others want them', () => {
      const bench = new Bench();
      const other = parseRuleSet(['route local 10.96.0.1/32 dev mesh0 src 10.0.0.9 table 255']);
      expect(bench.keep(other, wholeVip)).not.toContain('route');
    });

    it('lets go at once of a service without destinations', () => {
      const bench = new Bench();
      const empty = parseRuleSet(['ipvs 10.96.0.1:80/tcp rr', 'addr 10.96.0.1/32 dev mesh0']);
      expect(bench.keep(nothing, empty)).toBe('');
    });

    it('keeps the companions until the last port of the VIP has finished', () => {
      const bench = new Bench();
      bench.keep(nothing, wholeVip);
      for (const retiree of bench.retirement.retirees()) {
        bench.retirement.saw(retiree, retiree.key === mail ? 5 : 0);
      }
      const ended = bench.retirement.takeEnded();
      expect(ended).toContain('addr 10.96.0.1/32 dev mesh0');
      expect(ended).not.toContain(mail);
      const kept = bench.keep(nothing, wholeVip, ended);
      expect(kept).toContain('addr 10.96.0.1/32 dev mesh0');
      expect(kept).toContain(mail);
      expect(kept).not.toContain(key);
      bench.see(0);
      expect(bench.keep(nothing, wholeVip, bench.retirement.takeEnded())).toBe('');
    });

    it('keeps the companions when another service of the VIP lets go of them later', () => {
      const bench = new Bench();
      bench.keep(nothing, wholeVip);
      expect(bench.keep(nothing, wholeVip, ['addr 10.96.0.1/32 dev mesh0'])).toContain('addr');
    });

    it('names the companions as well when the wait has ended', () => {
      const bench = new Bench();
      bench.keep(nothing, wholeVip);
      bench.see(0);
      expect(new Set(bench.retirement.takeEnded())).toEqual(
        new Set([
          key,
          mail,
          'addr 10.96.0.1/32 dev mesh0',
          'route 10.96.0.1/32 table 255',
          'nft element meshd-snat auto4 10.96.0.1',
          'nft element meshd-snat always4 10.96.0.1',
          'nft table inet meshd-snat',
        ]),
      );
    });

    it('has no companions when it is for a firewall mark', () => {
      const bench = new Bench();
      const marked = parseRuleSet(['ipvs fwmark 257/v6 rr', '  [fd01::11]:0 masq weight=1']);
      bench.keep(nothing, marked);
      bench.see(0);
      expect(bench.retirement.takeEnded()).toEqual(['ipvs fwmark 257/v6']);
    });
  });

  describe('deadlines', () => {
    it('are those of the service for what retires from now on', () => {
      const bench = new Bench();
      bench.retirement.setDeadline(key, 50);
      bench.keep(one, both);
      expect(bench.waiting()[0]).toContain('until 50');
      bench.retirement.setDeadline(key, 7000);
      expect(bench.waiting()[0]).toContain('until 50');
    });

    it('of one destination come before those of its service', () => {
      const bench = new Bench();
      bench.retirement.setDeadline(key, 50);
      bench.retirement.setDeadline(key, 60, '10.0.0.12:80');
      bench.keep(nothing, both);
      expect(bench.waiting().map((line) => line.split(' until ')[1])).toEqual([
        '50, ? connections',
        '60, ? connections',
      ]);
    });

    it('move while a destination retires, and hold for this time only', () => {
      const bench = new Bench();
      bench.keep(one, both);
      bench.clock.skip(500);
      bench.retirement.setDeadline(key, 9000, '10.0.0.12:80');
      expect(bench.waiting()[0]).toContain('until 9500');
      bench.keep(both, both);
      bench.keep(one, both);
      expect(bench.waiting()[0]).toContain('until 1500');
    });

    it('of 0 end at once what would retire, and leave what does', () => {
      const bench = new Bench();
      bench.keep(one, both);
      bench.retirement.setDeadline(key, 0);
      bench.keep(nothing, both);
      expect(bench.ended).toEqual(['0 10.0.0.11:80 of 10.96.0.1:80/tcp deadline']);
      expect(bench.waiting()).toHaveLength(1);
    });

    it('may all be ended', () => {
      const bench = new Bench();
      bench.keep(nothing, both);
      bench.retirement.endAll(key);
      bench.retirement.endAll(mail);
      expect(bench.retirement.takeEnded()).toContain(key);
      expect(bench.keep(nothing, both)).toBe('');
      expect(bench.waiting()).toEqual([]);
    });

    it('of 0 for one destination leave the others alone', () => {
      const bench = new Bench();
      bench.keep(nothing, both);
      bench.retirement.setDeadline(key, 0, '10.0.0.12:80');
      bench.retirement.takeEnded();
      expect(bench.waiting()).toEqual([
        '10.0.0.11:80 of 10.96.0.1:80/tcp until 1000, ? connections',
      ]);
    });

    it('are forgotten with the service', () => {
      const bench = new Bench();
      bench.retirement.setDeadline(key, 50);
      bench.keep(nothing, nothing, [key]);
      bench.keep(one, both);
      expect(bench.waiting()[0]).toContain('until 1000');
    });
  });

  it('previews what it would keep without beginning or ending a wait', () => {
    const bench = new Bench();
    const preview = (): string => formatRuleSet(bench.retirement.preview(one, both).values());
    expect(preview()).toContain('10.0.0.12:80 masq weight=0');
    expect(bench.retirement.size).toBe(0);
    bench.keep(one, both);
    bench.clock.skip(1000);
    expect(preview()).toBe('');
    expect(bench.ended).toEqual([]);
    expect(bench.waiting()).toHaveLength(1);
  });
});
