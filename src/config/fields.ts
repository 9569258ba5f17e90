import { z } from 'zod';

/*
 * Building blocks of the schemas. Convention: the message of an issue says what is accepted, as
 * the end of a sentence that begins with "expected"; problem.ts adds the place and what was found.
 */

/** What a field turns into; `undefined` from a reader means "not acceptable". */
interface Readers<T> {
  readonly text?: (text: string) => T | undefined;
  readonly number?: (value: number) => T | undefined;
  readonly boolean?: (value: boolean) => T | undefined;
  readonly list?: z.ZodType<T>;
  readonly mapping?: z.ZodType<T>;
}

/**
 * A field that may be written in several ways, told apart by the kind of value. Unlike a union,
 * a mistake is reported for the way that was chosen, not for all of them.
 */
export function oneOfKinds<T>(expected: string, readers: Readers<T>): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    const result = read(value, readers);
    if (result === undefined) {
      context.issues.push({ code: 'custom', message: expected, input: value });
      return z.NEVER;
    }
    if ('value' in result) return result.value;
    // The issues are complete; zod puts the path of this field in front of theirs.
    for (const issue of result.issues) context.issues.push(issue as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

type Result<T> = { value: T } | { issues: readonly z.core.$ZodIssue[] } | undefined;

function read<T>(value: unknown, readers: Readers<T>): Result<T> {
  if (typeof value === 'string') return found(readers.text?.(value));
  if (typeof value === 'number') return found(readers.number?.(value));
  if (typeof value === 'boolean') return found(readers.boolean?.(value));
  if (typeof value !== 'object' || value === null) return undefined;
  const schema = Array.isArray(value) ? readers.list : readers.mapping;
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  return parsed.success ? { value: parsed.data } : { issues: parsed.error.issues };
}

function found<T>(value: T | undefined): Result<T> {
  return value === undefined ? undefined : { value };
}

/** A mapping with these fields and no others. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(' ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? known : 'a mapping'),
  });
}

/** A list whose length is known to be fine before any of its entries is looked at. */
export function list<T>(
  expected: string,
  entry: z.ZodType<T>,
  range: { min: number; max: number },
): z.ZodType<T[]> {
  const fits = (value: unknown): boolean =>
    Array.isArray(value) && value.length >= range.min && value.length <= range.max;
  return z.custom<unknown[]>(fits, { error: expected }).pipe(z.array(entry));
}

export function integer(min: number, max: number, what = 'a whole number'): z.ZodType<number> {
  return oneOfKinds(`${what} ${min}-${max}`, {
    number: (value) =>
      Number.isInteger(value) && value >= min && value <= max ? value : undefined,
  });
}

export const portNumber = integer(1, 65_535, 'a port');

export function flag(): z.ZodType<boolean> {
  return oneOfKinds('true or false', { boolean: (value) => value });
}

export function text(expected: string, pattern: RegExp): z.ZodType<string> {
  return oneOfKinds(expected, { text: (value) => (pattern.test(value) ? value : undefined) });
}

/** One word of a closed set. */
export function choice<const T extends string>(words: readonly T[]): z.ZodType<T> {
  return oneOfKinds(`one of ${words.join(', ')}`, { text: (value) => wordOf(words, value) });
}

export function wordOf<T extends string>(words: readonly T[], value: string): T | undefined {
  return words.find((word) => word === value);
}

/** Milliseconds from `500ms`, `30s`, `5m`, `1h` or a bare number of seconds. */
export function parseDuration(value: string | number): number | undefined {
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)?$/.exec(String(value));
  if (match === null) return undefined;
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] ?? 's']!;
  const milliseconds = Number(match[1]) * unit;
  return Number.isInteger(milliseconds) ? milliseconds : undefined;
}

/** The shortest text that parseDuration reads as this. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  if (milliseconds % 3_600_000 === 0) return `${milliseconds / 3_600_000}h`;
  if (milliseconds % 60_000 === 0) return `${milliseconds / 60_000}m`;
  if (milliseconds % 1_000 === 0) return `${milliseconds / 1_000}s`;
  return `${milliseconds}ms`;
}

/** A duration in milliseconds; `stepMs` 1000 accepts whole seconds only. */
export function duration(minMs: number, maxMs: number, stepMs = 1): z.ZodType<number> {
  const read = durationReader(minMs, maxMs, stepMs);
  return oneOfKinds(durationExpected(minMs, maxMs, stepMs), { text: read, number: read });
}

export function durationExpected(minMs: number, maxMs: number, stepMs: number): string {
  const whole = stepMs === 1_000 ? ', in whole seconds' : '';
  const examples = 'such as 500ms, 30s, 5m or 1h';
  return `a duration ${formatDuration(minMs)}-${formatDuration(maxMs)} ${examples}${whole}`;
}

export function durationReader(minMs: number, maxMs: number, stepMs: number) {
  return (value: string | number): number | undefined => {
    const milliseconds = parseDuration(value);
    if (milliseconds === undefined || milliseconds < minMs || milliseconds > maxMs)
      return undefined;
    return milliseconds % stepMs === 0 ? milliseconds : undefined;
  };
}
