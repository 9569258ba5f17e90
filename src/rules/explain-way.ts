import {
  formatEndpoint,
  prefixContains,
  prefixLength,
  type FdbRule,
  type RuleSet,
  type RouteRule,
} from '../model/index.js';
import { met, type ExplainStep, type RuleBook } from './explanation.js';

/*
 * The way of a frame over a network, by the rules of the host that sends it.
 */

/** Where a frame to an address of a network goes. */
export interface WayFacts {
  /** Of the host. */
  readonly book: RuleBook;
  /** The node of an endpoint with this address. */
  nodeOf(address: string): string | undefined;
}

/** To the task at `address`; `name` is what people call it. */
export function wayTo(
  { address, port }: { readonly address: string; readonly port: number },
  name: string,
  facts: WayFacts,
): ExplainStep {
  const { book } = facts;
  const title = `to ${name}`;
  const fdb = forwardingOf(address, book.rules);
  const at = formatEndpoint(address, port);
  if (fdb === undefined) {
    const detail = `${at} is on this node: by the bridge into its sandbox`;
    return { kind: 'way', title, detail };
  }
  const node = facts.nodeOf(address);
  const where = node === undefined ? 'the node' : `node ${node}`;
  const seal = sealOf(fdb, book.rules);
  if (seal?.type === 'blackhole') {
    const blocked = `${at} is elsewhere: no key is agreed with ${where}, so nothing is sent`;
    const detail = `${blocked}; meshctl doctor, on both nodes, may say why`;
    return { kind: 'way', title, detail, ...met(book, fdb, seal), kernel: 'lacks' };
  }
  const how =
    seal === undefined
      ? `by VXLAN (${fdb.device}) to ${where} at ${fdb.vtep}`
      : `by VXLAN (${fdb.device}) inside the seal ${seal.device!} to ${where}`;
  return { kind: 'way', title, detail: `${at} is elsewhere: ${how}`, ...met(book, fdb, seal) };
}

function forwardingOf(address: string, rules: RuleSet): FdbRule | undefined {
  for (const rule of rules.values()) {
    if (rule.kind !== 'neighbor' || rule.address !== address) continue;
    const fdb = rules.get(`fdb ${rule.mac} dev ${rule.device}`);
    if (fdb?.kind === 'fdb') return fdb;
  }
  return undefined;
}

/** The route to a VTEP that is an address inside seals: to its device, or to nowhere. */
function sealOf({ vtep }: FdbRule, rules: RuleSet): RouteRule | undefined {
  if (!vtep.includes(':')) return undefined;
  const routes = [...rules.values()].flatMap((rule) => {
    if (rule.kind !== 'route' || rule.type === 'local') return [];
    const isTo = rule.destination === `${vtep}/128`;
    const isBlackhole = rule.type === 'blackhole' && prefixContains(rule.destination, vtep);
    return isTo || isBlackhole ? [rule] : [];
  });
  // The longest prefix; while keys change there are two, of different metric.
  const length = ({ destination }: RouteRule): number => prefixLength(destination);
  return routes.sort((a, b) => length(b) - length(a) || (a.metric ?? 0) - (b.metric ?? 0))[0];
}
