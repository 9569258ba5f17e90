import { z } from 'zod';
import type { HealthCheck, HttpCheck } from '../model/index.js';
import { duration, integer, list, mapping, oneOfKinds, portNumber, text } from './fields.js';

const statusRange = oneOfKinds<HttpCheck['status'][number]>(
  'an HTTP status 100-599 or a range such as 200-299',
  { text: parseStatus, number: (value) => parseStatus(String(value)) },
);

function parseStatus(value: string): HttpCheck['status'][number] | undefined {
  const match = /^([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?$/.exec(value);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = Number(match[2] ?? from);
  return from <= to ? { from, to } : undefined;
}

const statusRanges = oneOfKinds<HttpCheck['status'][number][]>(
  'an HTTP status 100-599, a range such as 200-299, or a list of them',
  {
    text: (value) => listOfOne(parseStatus(value)),
    number: (value) => listOfOne(parseStatus(String(value))),
    list: list('a list of 1-32 statuses', statusRange, { min: 1, max: 32 }),
  },
);

function listOfOne<T>(value: T | undefined): T[] | undefined {
  return value === undefined ? undefined : [value];
}

const timing = {
  port: portNumber.optional(),
  interval: duration(100, 3_600_000).optional(),
  timeout: duration(10, 3_600_000).optional(),
  rise: integer(1, 100).optional(),
  fall: integer(1, 100).optional(),
};

interface TimingEntry {
  port?: number | undefined;
  interval?: number | undefined;
  timeout?: number | undefined;
  rise?: number | undefined;
  fall?: number | undefined;
}

/** Two misses of 2 s pass unseen, three do not: a dead destination is out after about 5 s. */
const timingDefaults = { intervalMs: 2_000, timeoutMs: 1_000, rise: 2, fall: 3 };

function timingOf(entry: TimingEntry) {
  const intervalMs = entry.interval ?? timingDefaults.intervalMs;
  return {
    ...(entry.port === undefined ? {} : { port: entry.port }),
    intervalMs,
    timeoutMs: entry.timeout ?? Math.min(timingDefaults.timeoutMs, intervalMs),
    rise: entry.rise ?? timingDefaults.rise,
    fall: entry.fall ?? timingDefaults.fall,
  };
}

const tcpCheck = mapping({ type: z.literal('tcp'), ...timing }).transform((entry) => ({
  type: entry.type,
  ...timingOf(entry),
}));

const httpCheck = mapping({
  type: z.literal('http'),
  ...timing,
  path: text('an HTTP path such as /healthz', /^\/[\x21-\x7e]{0,1023}$/).optional(),
  host: text('a host name, with a port or without', /^[A-Za-z0-9.:[\]-]{1,255}$/).optional(),
  status: statusRanges.optional(),
  body: text('a text of 1-1024 characters', /^[^]{1,1024}$/).optional(),
}).transform((entry): HttpCheck => ({
  type: entry.type,
  ...timingOf(entry),
  path: entry.path ?? '/',
  ...(entry.host === undefined ? {} : { host: entry.host }),
  status: entry.status ?? [{ from: 200, to: 399 }],
  ...(entry.body === undefined ? {} : { body: entry.body }),
}));

/** `none` takes away the check of `defaults`. */
export const healthCheck = oneOfKinds<HealthCheck | 'none'>(
  'one of tcp, http, none, or a mapping with type',
  {
    text: (value) => {
      if (value === 'tcp') return tcpCheck.parse({ type: 'tcp' });
      if (value === 'http') return httpCheck.parse({ type: 'http' });
      return value === 'none' ? value : undefined;
    },
    mapping: z.discriminatedUnion('type', [tcpCheck, httpCheck], { error: 'one of tcp, http' }),
  },
);
