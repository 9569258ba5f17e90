/*
 * Numbers for people: at most three digits before the unit, so that columns stay narrow.
 */

/** `0`, `999`, `12.3k`, `4.5M`: powers of 1000. */
export function formatCount(count: number): string {
  return scaled(count, 1_000, ['', 'k', 'M', 'G', 'T', 'P']);
}

/** `0 B`, `1.5 KiB`, `2.0 GiB`: powers of 1024. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1_024, [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB']);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  // 999.95 would round to 1000.0.
  while (rest >= (unit === 0 ? base : base - 0.05) && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(rest)) : rest.toFixed(1)}${units[unit]!}`;
}

const steps = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** The two largest units: `0s`, `42s`, `5m3s`, `2h`, `12d4h`. */
export function formatAge(milliseconds: number): string {
  let rest = Math.max(0, Math.floor(milliseconds / 1_000));
  const first = steps.findIndex(([, size]) => rest >= size);
  if (first === -1) return '0s';
  let text = '';
  for (const [unit, size] of steps.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}

/** `1 op`, `2 ops`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `2026-01-02 03:04:05Z`. */
export function formatTime(atMs: number): string {
  return new Date(atMs).toISOString().replace('T', ' ').replace(/\.\d+/, '');
}
