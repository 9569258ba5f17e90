import { FieldError } from '../base/index.js';
import { familyOf, parseAddress, parsePrefix } from '../model/index.js';
import type { ConnectionsQuery, ExplainQuery } from './backend.js';

/** Checks of requests that no other part checks. Errors: FieldError. */
export const requestChecks = { connections, driftLimit, explain, intervalMs };

const protocols = new Set<string>(['tcp', 'udp', 'sctp']);

function connections(query: ConnectionsQuery): ConnectionsQuery {
  const limit = within('limit', query.limit, 1, 100_000);
  if (query.client === undefined) return { ...query, limit };
  const client = parseAddress(query.client) ?? parsePrefix(query.client);
  if (client === undefined) {
    throw new FieldError('client', `expected an address or a prefix, got ${quote(query.client)}`);
  }
  return { ...query, limit, client };
}

function driftLimit(limit: number): number {
  return within('limit', limit, 1, 1_000);
}

function intervalMs(value: number): number {
  return within('interval_ms', value, 100, 3_600_000);
}

function explain(query: ExplainQuery): ExplainQuery {
  const source = address('source', query.source);
  const destination = address('destination', query.destination);
  if (familyOf(source) !== familyOf(destination)) {
    throw new FieldError('destination', `expected an IPv${familyOf(source)} address as the source`);
  }
  if (!protocols.has(query.protocol)) {
    throw new FieldError('protocol', `expected tcp, udp or sctp, got ${quote(query.protocol)}`);
  }
  const port = within('port', query.port, 1, 65_535);
  return { source, destination, port, protocol: query.protocol };
}

function address(field: string, text: string): string {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new FieldError(field, `expected an address, got ${quote(text)}`);
  return parsed;
}

function within(field: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new FieldError(field, `expected ${min}-${max}, got ${value}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
