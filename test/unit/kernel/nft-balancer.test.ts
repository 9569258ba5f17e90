import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatServiceNote,
  parseDestinationNote,
  parseServiceNote,
} from '../../../src/kernel/linux/nft-balancer-note.js';
import { choose } from '../../../src/kernel/linux/nft-balancer-slots.js';
import { labelOf, partOf } from '../../../src/kernel/linux/nft-balancer-table.js';
import {
  formatDestination,
  schedulers,
  type Destination,
  type VirtualServiceRule,
} from '../../../src/model/index.js';
import { destination, mark6, service, web4, web6 } from '../../kernel-contract/rules.js';

const weights = (...list: number[]): Destination[] =>
  list.map((weight, i) => destination(`10.0.0.${i + 1}`, { weight }));

/** How often each destination is among the slots. */
function shares({ slots }: { slots: readonly number[] }, of: number): number[] {
  return Array.from({ length: of }, (_, i) => slots.filter((slot) => slot === i).length);
}

describe('what is chosen', () => {
  const chosen = (scheduler: VirtualServiceRule['scheduler'], destinations: Destination[]) =>
    choose(service(web4, { scheduler, destinations }));

  it('rr: all that are open, in turn', () => {
    expect(chosen('rr', weights(5, 0, 1))).toEqual({ by: 'turn', withPort: false, slots: [0, 2] });
  });

  it('wrr: in proportion, spread out', () => {
    expect(chosen('wrr', weights(6, 2, 0)).slots).toEqual([0, 0, 1, 0]);
    expect(shares(chosen('wrr', weights(65_535, 1)), 2)).toEqual([1_024, 1]);
  });

  it.each(['lc', 'wlc', 'sed', 'nq', 'lblc'] as const)('%s: by chance', (scheduler) => {
    expect(chosen(scheduler, weights(2, 1))).toMatchObject({ by: 'chance', slots: [0, 1, 0] });
  });

  it.each(['fo', 'ovf'] as const)('%s: the highest weight alone', (scheduler) => {
    expect(chosen(scheduler, weights(1, 3, 2)).slots).toEqual([1]);
  });

  it.each(schedulers)('%s: nobody, when nobody is open', (scheduler) => {
    expect(chosen(scheduler, weights(0, 0)).slots).toEqual([]);
  });

  describe.each(['sh', 'mh'] as const)('%s', (scheduler) => {
    it('gives each its share of all slots', () => {
      const found = shares(chosen(scheduler, weights(2, 1, 1, 0)), 4);
      expect(found[3]).toBe(0);
      expect(found.map((share) => Math.round((share / 251) * 100) / 100)).toEqual([
        0.5, 0.25, 0.25, 0,
      ]);
    });

    it('does not depend on the order in which destinations came', () => {
      const list = weights(1, 2, 3);
      const owners = (of: Destination[]): string[] =>
        chosen(scheduler, of).slots.map((slot) => of[slot]!.address);
      expect(owners(list.toReversed())).toEqual(owners(list));
    });

    it('moves few clients of others when one goes', () => {
      const all = chosen(scheduler, weights(1, 1, 1, 1, 1)).slots;
      const fewer = chosen(scheduler, weights(1, 1, 0, 1, 1)).slots;
      const moved = all.filter((slot, i) => slot !== 2 && fewer[i] !== slot).length;
      expect(moved).toBeLessThan(0.15 * all.length);
    });
  });
});

describe('comments', () => {
  it.each([
    service(web4, { scheduler: 'wlc' }),
    service(web6, { scheduler: 'mh', schedulerFlags: ['fallback', 'port'], affinityPrefix: 64 }),
    service(mark6, { affinityTimeoutS: 300, affinityPrefix: 48 }),
  ])('say which service it is', (rule) => {
    const { kind: _, destinations: __, ...said } = rule;
    expect(parseServiceNote(formatServiceNote(rule))).toEqual(said);
  });

  it.each([
    destination('10.0.0.1', { weight: 65_535, upperThreshold: 9, lowerThreshold: 3 }),
    destination('fd00::1', { port: 0, weight: 0 }),
  ])('say which destination it is', (each) => {
    expect(parseDestinationNote(formatDestination(each))).toEqual(each);
  });

  it('of others say nothing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseServiceNote(text);
        parseDestinationNote(text);
      }),
    );
    expect(parseServiceNote('10.96.0.1:80/tcp best')).toBeUndefined();
    expect(parseDestinationNote('10.0.0.1:80 route weight=1')).toBeUndefined();
  });
});

describe('parts', () => {
  it('have labels of their own, the same in every process', () => {
    const labels = [web4, web6, mark6].flatMap((match) =>
      ['10.0.0.1', '10.0.0.2'].map((address) =>
        labelOf(match, { address, port: 80 }).toString('hex'),
      ),
    );
    expect(new Set(labels).size).toBe(labels.length);
    expect(labels[0]).toMatch(/^6d657368/);
    expect(labelOf(web4, { address: '10.0.0.1', port: 80 }).toString('hex')).toBe(labels[0]);
  });

  it('are named as nft takes it', () => {
    const part = partOf(service(web6, { destinations: [destination('fd00::1')] }));
    expect(part.chain.name).toBe('tcp-fd96__1-80');
    expect(part.destinations.map(({ chain }) => chain.name)).toEqual([
      'tcp-fd96__1-80/fd00__1-8080',
    ]);
  });
});
