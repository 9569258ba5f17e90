import type { ExplainQuery, ExplainStep, Explanation } from '../api/index.js';
import { parseAddress, type Protocol } from '../model/index.js';
import type { OutwardCall, TaskCall } from '../rules/index.js';

/*
 * What nodes ask each other about the way of a packet, as JSON. Nothing of it is believed before
 * it was looked at.
 */

/** `call`: what becomes of a packet that a task of the node sends, or that arrives there. */
export type ExplainQuestion =
  | { readonly part: 'whose'; readonly addresses: readonly string[] }
  | { readonly part: 'call'; readonly packet: ExplainQuery }
  | { readonly part: 'task'; readonly call: TaskCall; readonly from: string };

/** By address: whose it is, `''` for nobody's there. */
export type Owners = readonly ('host' | 'task' | '')[];

/** The way of a packet on one node. */
export interface ExplainedPart extends Explanation {
  readonly next: readonly (TaskCall | OutwardCall)[];
  /** What the answer meets on its way back. */
  readonly after: readonly ExplainStep[];
  /** Of the task that it is about, as people call it. */
  readonly task?: string;
}

const stepsMax = 64;
const callsMax = 256;
/** Unit: characters. */
const textMax = 2_000;
const addressesMax = 4;

/** Errors: Error. */
export function checkQuestion(value: unknown): ExplainQuestion {
  const question = object(value);
  switch (question['part']) {
    case 'whose':
      return { part: 'whose', addresses: list(question['addresses'], addressesMax).map(address) };
    case 'call':
      return { part: 'call', packet: packet(question['packet']) };
    case 'task':
      return { part: 'task', call: taskCall(question['call']), from: text(question['from']) };
    default:
      throw new Error('a part of the way that is not known here');
  }
}

/** Errors: Error. */
export function checkOwners(value: unknown): Owners {
  return list(value, addressesMax).map((one) => {
    if (one === 'host' || one === 'task' || one === '') return one;
    throw new Error('expected host, task or nothing');
  });
}

/** Errors: Error. */
export function checkPart(value: unknown): ExplainedPart {
  const part = object(value);
  const outcome = object(part['outcome']);
  const verdict = (['balanced', 'refused', 'passed'] as const).find(
    (one) => one === outcome['verdict'],
  );
  if (verdict === undefined) throw new Error('expected a verdict');
  const destinations = list(outcome['destinations'], callsMax).map(text);
  return {
    steps: list(part['steps'], stepsMax).map(step),
    after: list(part['after'], stepsMax).map(step),
    outcome: { verdict, text: text(outcome['text']), destinations },
    next: list(part['next'], callsMax).map(nextCall),
    ...optional(part, ['task']),
  };
}

/** Without what nobody would look at: what another node takes. */
export function bounded(part: ExplainedPart): ExplainedPart {
  return {
    ...part,
    steps: part.steps.slice(0, stepsMax),
    next: part.next.slice(0, callsMax),
    outcome: { ...part.outcome, destinations: part.outcome.destinations.slice(0, callsMax) },
  };
}

function step(value: unknown): ExplainStep {
  const { kind, title, detail, ...rest } = object(value);
  const counters = rest['counters'] === undefined ? {} : { counters: countersOf(rest['counters']) };
  return {
    kind: text(kind),
    title: text(title),
    detail: text(detail),
    ...optional(rest, ['node', 'task', 'rule', 'kernel', 'destination']),
    ...counters,
  };
}

const countNames = [
  'connections',
  'inPackets',
  'outPackets',
  'inBytes',
  'outBytes',
  'connectionsPerS',
  'inPacketsPerS',
  'outPacketsPerS',
  'inBytesPerS',
  'outBytesPerS',
] as const;

function countersOf(value: unknown): NonNullable<ExplainStep['counters']> {
  const counters = object(value);
  const counts = countNames.map((name) => {
    const count = counters[name];
    if (typeof count === 'number' && count >= 0) return [name, count];
    throw new Error(`${name}: expected a number`);
  });
  return Object.fromEntries(counts) as NonNullable<ExplainStep['counters']>;
}

function nextCall(value: unknown): TaskCall | OutwardCall {
  const { to, packet: inside } = object(value);
  return to === 'address' ? { to, packet: packet(inside) } : taskCall(value);
}

function taskCall(value: unknown): TaskCall {
  const call = object(value);
  return {
    to: 'task',
    address: address(call['address']),
    source: address(call['source']),
    port: port(call['port']),
    protocol: protocol(call['protocol']),
    ...optional(call, ['node', 'sourceName']),
  };
}

function packet(value: unknown): ExplainQuery {
  const { source, destination, ...rest } = object(value);
  return {
    source: address(source),
    destination: address(destination),
    port: port(rest['port']),
    protocol: protocol(rest['protocol']),
  };
}

function optional<Name extends string>(
  from: Record<string, unknown>,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const given = names.filter((name) => from[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, text(from[name])])) as Partial<
    Record<Name, string>
  >;
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error('expected an object');
}

function list(value: unknown, max: number): unknown[] {
  if (Array.isArray(value) && value.length <= max) return value as unknown[];
  throw new Error(`expected a list of at most ${max}`);
}

function text(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, textMax);
  throw new Error('expected text');
}

function address(value: unknown): string {
  const parsed = typeof value === 'string' ? parseAddress(value) : undefined;
  if (parsed !== undefined) return parsed;
  throw new Error('expected an address');
}

function port(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535) {
    return value as number;
  }
  throw new Error('expected a port');
}

function protocol(value: unknown): Protocol {
  const found = (['tcp', 'udp', 'sctp'] as const).find((one) => one === value);
  if (found !== undefined) return found;
  throw new Error('expected tcp, udp or sctp');
}
