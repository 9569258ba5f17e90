import {
  formatDestination,
  formatEndpoint,
  type Destination,
  type VirtualServiceRule,
} from '../model/index.js';
import { met, type ExplainStep, type RuleBook } from './explanation.js';

/*
 * What a virtual service makes of a new connection.
 */

export interface BalancingFacts {
  readonly book: RuleBook;
  /** The name of the service that a virtual service belongs to. */
  serviceName(rule: VirtualServiceRule): string;
  /** `web-1`, or the address when it has no name; with why it has weight 0. */
  describeDestination(rule: VirtualServiceRule, destination: Destination): string;
  /** Where the client's affinity leads, when it has one. */
  boundBy(rule: VirtualServiceRule): Bound | undefined;
}

/** What a client stays with, and why. */
export interface Bound {
  readonly address: string;
  readonly port: number;
  readonly by: string;
}

export interface Balanced {
  readonly name: string;
  readonly steps: readonly ExplainStep[];
  /** Where the packet may go: none when it is refused. */
  readonly candidates: readonly Destination[];
  /** Of the candidates. */
  readonly names: readonly string[];
}

/** Of more destinations than these only the number is told. */
const destinationsTold = 16;

/** `about`: what leads packets to the virtual service, when it is not their address. */
export function balance(rule: VirtualServiceRule, facts: BalancingFacts, about?: string): Balanced {
  const name = facts.serviceName(rule);
  const candidates = candidatesOf(rule, facts);
  const meet: ExplainStep = {
    kind: 'service',
    title: `virtual service ${name}`,
    detail: about === undefined ? scheduling(rule) : `${scheduling(rule)}; ${about}`,
    ...met(facts.book, rule),
    countersOf: rule,
  };
  return {
    name,
    steps: [meet, ...destinationSteps(rule, facts)],
    candidates,
    names: candidates.map((one) => facts.describeDestination(rule, one)),
  };
}

/** `web: goes to one of t1 on node b, t2 on node c`. */
export function goesTo({ name, names }: Pick<Balanced, 'name' | 'names'>): string {
  const told = names.slice(0, destinationsTold).join(', ');
  const untold =
    names.length > destinationsTold ? ` and ${names.length - destinationsTold} more` : '';
  return `${name}: goes to ${names.length === 1 ? '' : 'one of '}${told}${untold}`;
}

function scheduling(rule: VirtualServiceRule): string {
  const parts = [`scheduler ${[rule.scheduler, ...rule.schedulerFlags].join(' ')}`];
  if (rule.affinityTimeoutS > 0) parts.push(`affinity ${rule.affinityTimeoutS} s`);
  if (rule.onePacket) parts.push('every packet on its own');
  return parts.join(', ');
}

/** Where the packet may go: what its client is bound to, or what takes new connections. */
function candidatesOf(rule: VirtualServiceRule, facts: BalancingFacts): readonly Destination[] {
  const bound = boundTo(rule, facts);
  if (bound !== undefined) return [bound];
  const open = rule.destinations.filter(({ weight }) => weight > 0);
  return rule.scheduler === 'fo' && open.length > 0 ? [heaviest(open)] : open;
}

/** A binding holds no longer than its destination is there (expire_nodest_conn). */
function boundTo(rule: VirtualServiceRule, facts: BalancingFacts): Destination | undefined {
  const bound = facts.boundBy(rule);
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

function destinationSteps(rule: VirtualServiceRule, facts: BalancingFacts): ExplainStep[] {
  const steps = rule.destinations.slice(0, destinationsTold).map((destination): ExplainStep => {
    const { address, port } = destination;
    return {
      kind: 'destination',
      title: `destination ${facts.describeDestination(rule, destination)}`,
      detail: shareOf(destination, rule),
      rule: formatDestination(destination),
      countersOf: rule,
      destination: { address, port },
    };
  });
  const untold = rule.destinations.length - steps.length;
  if (untold > 0) {
    const detail = `${rule.destinations.length} in all, the others are like these`;
    steps.push({ kind: 'destination', title: `${untold} more destinations`, detail });
  }
  const bound = boundTo(rule, facts);
  if (bound !== undefined) {
    const to = formatEndpoint(bound.address, bound.port);
    const detail = `this client stays with ${to}: ${facts.boundBy(rule)!.by}`;
    steps.push({ kind: 'bound', title: 'bound', detail });
  }
  return steps;
}
