import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { realClock } from '../../../src/io/index.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const dayMs = 86_400_000;

test('calls back once after the delay, however long', () => {
  for (const delayMs of [0, 10, 30 * dayMs, 60 * dayMs]) {
    const callback = vi.fn();
    realClock.after(delayMs, callback);
    if (delayMs > 0) vi.advanceTimersByTime(delayMs - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2);
    expect(callback).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  }
});

test('a cancelled timer never calls back', () => {
  const callback = vi.fn();
  const cancel = realClock.after(60 * dayMs, callback);
  vi.advanceTimersByTime(40 * dayMs);
  cancel();
  cancel();
  vi.advanceTimersByTime(60 * dayMs);
  expect([callback.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0]);
});
