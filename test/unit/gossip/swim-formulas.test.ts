import { describe, expect, it } from 'vitest';
import {
  pushPullIntervalMs,
  suspicionTimeoutMs,
  suspicionTimes,
  transmitLimit,
} from '../../../src/gossip/formulas.js';
import { profiles } from '../../../src/gossip/index.js';
import { LocalHealth } from '../../../src/gossip/local-health.js';
import { Suspicion } from '../../../src/gossip/suspicion.js';
import { Timers } from '../../../src/gossip/timers.js';

describe('the formulas of memberlist', () => {
  // mult * ceil(log10(n + 1))
  it.each([
    [4, 1, 4],
    [4, 9, 4],
    [4, 10, 8],
    [4, 99, 8],
    [4, 100, 12],
    [4, 1000, 16],
    [2, 3, 2],
  ])('%i times the steps of ten of %i members: %i transmits', (mult, members, limit) => {
    expect(transmitLimit(mult, members)).toBe(limit);
  });

  // min = mult * max(1, log10(n)) * interval, the logarithm cut to three decimals; max = 6 * min
  it.each([
    ['lan', 1, 4_000, 24_000, 0],
    ['lan', 3, 4_000, 24_000, 0],
    ['lan', 4, 4_000, 24_000, 2],
    ['lan', 10, 4_000, 24_000, 2],
    ['lan', 30, 5_908, 35_448, 2],
    ['lan', 100, 8_000, 48_000, 2],
    ['lan', 1000, 12_000, 72_000, 2],
    ['wan', 5, 30_000, 180_000, 0],
    ['wan', 6, 30_000, 180_000, 4],
    ['local', 100, 6_000, 36_000, 1],
    ['fast', 10, 500, 1_000, 2],
    ['fast', 100, 1_000, 2_000, 2],
  ] as const)(
    '%s, %i members: suspected for %i to %i ms, %i confirmations',
    (name, n, min, max, k) => {
      expect(suspicionTimes(profiles[name], n, true)).toEqual({
        minMs: min,
        maxMs: max,
        confirmations: k,
      });
    },
  );

  it('needs no confirmation without Lifeguard', () => {
    const times = suspicionTimes(profiles.lan, 100, false);
    expect(suspicionTimeoutMs(times, 0)).toBe(8_000);
  });

  // max - (max - min) * ln(c + 1) / ln(k + 1), floored
  it.each([
    [2, 0, 24_000],
    [2, 1, 11_381],
    [2, 2, 4_000],
    [4, 0, 24_000],
    [4, 1, 15_386],
    [4, 2, 10_347],
    [4, 3, 6_772],
    [4, 4, 4_000],
    [0, 0, 4_000],
  ])('of %i confirmations %i: %i ms', (confirmations, confirmed, ms) => {
    expect(suspicionTimeoutMs({ minMs: 4_000, maxMs: 24_000, confirmations }, confirmed)).toBe(ms);
  });

  // times ceil(log2(n) - 5) + 1 above 32
  it.each([
    [2, 30_000],
    [32, 30_000],
    [33, 60_000],
    [64, 60_000],
    [65, 90_000],
    [128, 90_000],
    [1000, 180_000],
  ])('%i members: a push-pull every %i ms', (members, ms) => {
    expect(pushPullIntervalMs(30_000, members)).toBe(ms);
  });
});

describe('a suspicion', () => {
  /** Confirmed at these times by these; when it expired, and which were new. */
  function run(confirmed: readonly (readonly [number, string])[]): [number, readonly boolean[]] {
    const timers = new Timers();
    let expired = 0;
    const times = { minMs: 4_000, maxMs: 24_000, confirmations: 2 };
    let nowMs = 0;
    const suspicion = new Suspicion(timers, times, 0, 'b', () => (expired = nowMs));
    const wasNew: boolean[] = [];
    const runUntil = (untilMs: number): void => {
      while (timers.nextMs <= untilMs) {
        nowMs = Math.max(nowMs, timers.nextMs);
        timers.runNext(nowMs);
      }
      nowMs = untilMs;
    };
    for (const [atMs, from] of confirmed) {
      runUntil(atMs);
      wasNew.push(suspicion.confirm(from));
    }
    runUntil(60_000);
    return [expired, wasNew];
  }

  it.each([
    ['nobody else', [], 24_000, []],
    ['one other', [[1_000, 'c']], 11_381, [true]],
    [
      'two others',
      [
        [1_000, 'c'],
        [2_000, 'd'],
      ],
      4_000,
      [true, true],
    ],
    [
      'the same again',
      [
        [1_000, 'b'],
        [2_000, 'c'],
        [3_000, 'c'],
      ],
      11_381,
      [false, true, false],
    ],
    [
      'more than are needed',
      [
        [1, 'c'],
        [2, 'd'],
        [3, 'e'],
      ],
      4_000,
      [true, true, false],
    ],
    [
      'two others, late',
      [
        [9_000, 'c'],
        [10_000, 'd'],
      ],
      10_000,
      [true, true],
    ],
  ] as const)('confirmed by %s ends at its time', (_by, confirmed, expiredMs, wasNew) => {
    expect(run(confirmed)).toEqual([expiredMs, wasNew]);
  });
});

describe('the local health', () => {
  it.each([
    [8, [1, 1, 1], 3],
    [8, [-1], 0],
    [8, [3, -1, -1], 1],
    [8, [5, 5, 5], 7],
    [1, [1, 1], 0],
  ])('below %i, after %j: %i', (max, deltas, score) => {
    const health = new LocalHealth(max);
    for (const delta of deltas) health.add(delta);
    expect(health.score).toBe(score);
    expect(health.scale(1_000)).toBe(1_000 * (score + 1));
  });
});
