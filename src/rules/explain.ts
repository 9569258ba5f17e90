import {
  addressBits,
  familyOf,
  formatDestination,
  formatEndpoint,
  formatMatch,
  formatRule,
  ruleKey,
  vipLink,
  type Destination,
  type RuleSet,
  type VirtualServiceRule,
} from '../model/index.js';
import type { Explanation, ExplainStep, Packet } from './explanation.js';
import { arriveAtPort, wayBack, wayToTask, type PublishedArrival } from './explain-published.js';
import type { OnLink } from './on-link.js';
import { isMasqueraded } from './snat.js';

export interface ExplainFacts {
  /** What the kernel holds. */
  readonly rules: RuleSet;
  readonly onLink: OnLink;
  /** True for an address of this host, of any device. */
  isLocal(address: string): boolean;
  /** The name of the service that a virtual service belongs to. */
  serviceName(rule: VirtualServiceRule): string;
  /** `web-1`, or the address when it has no name; with why it has weight 0. */
  describeDestination(rule: VirtualServiceRule, destination: Destination): string;
  /** Where an open connection or an affinity template of this client already goes. */
  readonly bound?: { readonly address: string; readonly port: number; readonly by: string };
}

/** The way of a packet through the rules that the kernel holds. Pure. */
export function explain(packet: Packet, facts: ExplainFacts): Explanation {
  const listener = `${formatEndpoint(packet.destination, packet.port)}/${packet.protocol}`;
  const arrival = arrive(packet, facts);
  const published = arrival === undefined ? arriveAtPort(packet, facts.rules) : undefined;
  if (published !== undefined) return explainPublished(packet, published, facts);
  if (arrival === undefined) {
    const text = `${packet.destination} is no VIP of this host: ordinary routing decides`;
    return passed([{ title: 'arrival', detail: text }], text);
  }
  const rule = facts.rules.get(`ipvs ${listener}`);
  if (rule?.kind !== 'virtual-service') {
    const text = `no virtual service listens on ${listener}: the host answers as for a closed port`;
    return { steps: [arrival, { title: 'virtual service', detail: text }], outcome: refused(text) };
  }
  const name = facts.serviceName(rule);
  const meet: ExplainStep = {
    title: `virtual service ${name}`,
    detail: scheduling(rule),
    rule: formatRule(rule).split('\n', 1)[0]!,
    countersOf: ruleKey(rule),
  };
  const candidates = candidatesOf(rule, facts);
  if (candidates.length === 0) {
    const text = `every destination of ${name} has weight 0: the client is refused`;
    return { steps: [arrival, meet, ...destinationSteps(rule, facts)], outcome: refused(text) };
  }
  const steps = [
    arrival,
    meet,
    ...destinationSteps(rule, facts),
    ...wayOut(packet, rule, candidates, facts),
  ];
  const destinations = candidates.map((d) => formatEndpoint(d.address, d.port));
  const how = destinations.length === 1 ? 'goes to' : 'goes to one of';
  const text = `${name}: ${how} ${candidates.map((d) => facts.describeDestination(rule, d)).join(', ')}`;
  return { steps, outcome: { verdict: 'balanced', text, destinations } };
}

function explainPublished(
  packet: Packet,
  { steps, rule }: PublishedArrival,
  facts: ExplainFacts,
): Explanation {
  if (rule === undefined) return { steps, outcome: refused(steps.at(-1)!.detail) };
  const name = facts.serviceName(rule);
  const meet: ExplainStep = {
    title: `virtual service ${name}`,
    detail: scheduling(rule),
    rule: formatRule(rule).split('\n', 1)[0]!,
    countersOf: ruleKey(rule),
  };
  const candidates = candidatesOf(rule, facts);
  const before = [...steps, meet, ...destinationSteps(rule, facts)];
  if (candidates.length === 0) {
    const why = rule.destinations.length === 0 ? 'no task serves' : 'every task has weight 0 in';
    const text = `${why} ${name}${rule.destinations.length === 0 ? ' for this node' : ''}: the client is refused`;
    return { steps: before, outcome: refused(text) };
  }
  const ways = candidates.flatMap((one) => wayToTask(packet, one, facts.rules));
  const names = candidates.map((one) => facts.describeDestination(rule, one));
  return {
    steps: [...before, ...ways, wayBack(packet, rule, facts.rules)],
    outcome: {
      verdict: 'balanced',
      text: `${name}: goes to ${names.length === 1 ? '' : 'one of '}${names.join(', ')}`,
      destinations: candidates.map(({ address, port }) =>
        formatEndpoint(address, port === 0 ? packet.port : port),
      ),
    },
  };
}

function arrive(packet: Packet, facts: ExplainFacts): ExplainStep | undefined {
  const bits = addressBits(familyOf(packet.destination));
  const prefix = `${packet.destination}/${bits}`;
  const address = facts.rules.get(ruleKey({ kind: 'address', device: vipLink, prefix }));
  if (address === undefined) return undefined;
  const from = facts.isLocal(packet.source) ? 'a process of this host' : packet.source;
  return {
    title: 'arrival',
    detail: `${from} calls ${packet.destination}, a VIP on ${vipLink}`,
    rule: formatRule(address),
  };
}

function scheduling(rule: VirtualServiceRule): string {
  const parts = [`scheduler ${[rule.scheduler, ...rule.schedulerFlags].join(' ')}`];
  if (rule.affinityTimeoutS > 0) parts.push(`affinity ${rule.affinityTimeoutS} s`);
  if (rule.onePacket) parts.push('every packet on its own');
  return parts.join(', ');
}

/** Where the packet may go: what its client is bound to, or what takes new connections. */
function candidatesOf(rule: VirtualServiceRule, facts: ExplainFacts): readonly Destination[] {
  const bound = boundTo(rule, facts);
  if (bound !== undefined) return [bound];
  const open = rule.destinations.filter(({ weight }) => weight > 0);
  return rule.scheduler === 'fo' && open.length > 0 ? [heaviest(open)] : open;
}

/** A binding holds no longer than its destination is there (expire_nodest_conn). */
function boundTo(rule: VirtualServiceRule, { bound }: ExplainFacts): Destination | undefined {
  return rule.destinations.find(
    ({ address, port }) => address === bound?.address && port === bound.port,
  );
}

/** The first of the highest weight, as ip_vs_fo.c looks for it. */
function heaviest(destinations: readonly Destination[]): Destination {
  return destinations.reduce((best, next) => (next.weight > best.weight ? next : best));
}

/** What part of the new connections a destination gets. */
function shareOf(destination: Destination, rule: VirtualServiceRule): string {
  if (destination.weight === 0) return 'no new connections';
  const open = rule.destinations.filter(({ weight }) => weight > 0);
  switch (rule.scheduler) {
    case 'fo':
      return destination === heaviest(open)
        ? 'all new connections'
        : 'new connections only while those of higher weight are full';
    case 'ovf':
      return `new connections up to ${destination.weight} at a time, highest weight first`;
    case 'rr':
    case 'lc':
      return `${Math.round(100 / open.length)} % of new connections`;
    case 'wrr':
    case 'wlc':
    case 'sed':
    case 'nq':
    case 'lblc':
    case 'sh':
    case 'mh': {
      const total = open.reduce((sum, { weight }) => sum + weight, 0);
      return `${Math.round((100 * destination.weight) / total)} % of new connections`;
    }
  }
}

function destinationSteps(rule: VirtualServiceRule, facts: ExplainFacts): ExplainStep[] {
  const steps = rule.destinations.map((destination): ExplainStep => {
    return {
      title: `destination ${facts.describeDestination(rule, destination)}`,
      detail: shareOf(destination, rule),
      rule: formatDestination(destination),
    };
  });
  const bound = boundTo(rule, facts);
  if (bound !== undefined) {
    const to = formatEndpoint(bound.address, bound.port);
    steps.push({ title: 'bound', detail: `this client stays with ${to}: ${facts.bound!.by}` });
  }
  return steps;
}

function wayOut(
  packet: Packet,
  rule: VirtualServiceRule,
  candidates: readonly Destination[],
  facts: ExplainFacts,
): ExplainStep[] {
  const forwarding = candidates[0]!.forwarding;
  if (forwarding !== 'masq') {
    const how = forwarding === 'route' ? 'unchanged, on layer 2' : 'inside a tunnel';
    const detail = `the packet goes out ${how}; the destination answers ${packet.source} itself as ${formatMatch(rule.match)}`;
    return [{ title: 'forwarding', detail }];
  }
  if (facts.isLocal(packet.source)) return [localWayOut(packet, candidates, facts)];
  return candidates.map((destination) => {
    const flow = {
      client: packet.source,
      vip: packet.destination,
      destination: destination.address,
    };
    const masqueraded = isMasqueraded(facts.rules, flow);
    const seen = masqueraded ? facts.onLink.sourceFor(destination.address) : packet.source;
    const why = masqueraded
      ? 'masqueraded, because the reply would not come back through this host'
      : "the client's own";
    return {
      title: `to ${formatEndpoint(destination.address, destination.port)}`,
      detail: `the server sees ${seen ?? 'an address of this host'} (${why}); its reply returns through this host and leaves as ${packet.destination}`,
    };
  });
}

function localWayOut(
  packet: Packet,
  candidates: readonly Destination[],
  facts: ExplainFacts,
): ExplainStep {
  const prefix = `${packet.destination}/${addressBits(familyOf(packet.destination))}`;
  const route = facts.rules.get(`route ${prefix} table 255`);
  const source = route?.kind === 'route' ? route.source : undefined;
  const to = candidates.map(({ address, port }) => formatEndpoint(address, port)).join(', ');
  return {
    title: `to ${to}`,
    detail: `the server sees ${source ?? packet.source}, the address of this host`,
    ...(route === undefined ? {} : { rule: formatRule(route) }),
  };
}

function passed(steps: ExplainStep[], text: string): Explanation {
  return { steps, outcome: { verdict: 'passed', text, destinations: [] } };
}

function refused(text: string): Explanation['outcome'] {
  return { verdict: 'refused', text, destinations: [] };
}
