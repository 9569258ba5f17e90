import type { DnsCount } from '../dns/index.js';
import { header } from './exposition.js';

/** Questions for names, in Prometheus' text format. */
export function* dnsSeries(counts: readonly DnsCount[], dropped: number): Generator<string> {
  const help = 'Queries answered, by type, response code, and which handler had the answer.';
  yield header('meshd_dns_queries_total', { type: 'counter', help });
  for (const { type, code, by, queries } of counts) {
    yield `meshd_dns_queries_total{type="${type}",code="${code}",by="${by}"} ${queries}\n`;
  }
  const without = 'Messages without a response: no queries, or too many of one source.';
  yield header('meshd_dns_dropped_total', { type: 'counter', help: without });
  yield `meshd_dns_dropped_total ${dropped}\n`;
}
