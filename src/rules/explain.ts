import {
  addressBits,
  familyOf,
  formatEndpoint,
  formatMatch,
  ruleKey,
  vipLink,
  type Destination,
  type VirtualServiceRule,
} from '../model/index.js';
import { balance, goesTo } from './explain-balanced.js';
import { explainPublished, waysTold, type PublishedFacts } from './explain-published.js';
import {
  met,
  pass,
  refuse,
  type AddressOfNetwork,
  type Explanation,
  type ExplainStep,
  type Packet,
} from './explanation.js';
import type { OnLink } from './on-link.js';
import { ingressTableName } from './ingress-table.js';
import { isMasqueraded } from './snat.js';

export interface ExplainFacts extends PublishedFacts {
  readonly onLink: OnLink;
  /** The network that an address belongs to, and the service whose VIP it is there. */
  networkAt(address: string): AddressOfNetwork | undefined;
  /** The service whose VIP it is that is kept out of the kernel, and why. */
  withheldAt(address: string): { readonly service: string; readonly reason: string } | undefined;
  /** The address that this host has towards another; undefined without a way there. */
  readonly outward?: { readonly device: string; readonly source?: string };
}

/** The way of a packet through the rules of a host. Pure. */
export function explain(packet: Packet, facts: ExplainFacts): Explanation {
  const arrival = arrive(packet, facts);
  if (arrival !== undefined) return explainVip(packet, arrival, facts);
  const withheld = facts.withheldAt(packet.destination);
  if (withheld !== undefined) return explainWithheld(packet, withheld);
  const isHere = facts.isLocal(packet.destination);
  const published = isHere ? explainPublished(packet, facts) : undefined;
  if (published !== undefined) return published;
  if (isHere) return explainLocal(packet, facts);
  const inside = facts.networkAt(packet.destination);
  if (inside !== undefined) return notOnNetwork(packet, inside, facts);
  if (facts.caller !== undefined) return explainEgress(packet, facts);
  const text = `${packet.destination} is no VIP of this host: ordinary routing decides`;
  return pass([{ kind: 'arrival', title: 'arrival', detail: text }], text);
}

function explainVip(packet: Packet, arrival: ExplainStep, facts: ExplainFacts): Explanation {
  const listener = `${formatEndpoint(packet.destination, packet.port)}/${packet.protocol}`;
  const rule = facts.book.rules.get(`ipvs ${listener}`);
  if (rule?.kind !== 'virtual-service') {
    const text = `no virtual service listens on ${listener}: the host answers as for a closed port`;
    return refuse([arrival], text, 'meshctl service ls shows the ports of each service');
  }
  const choice = balance(rule, facts);
  const { name, candidates } = choice;
  const steps = [arrival, ...choice.steps];
  if (candidates.length === 0) {
    const text = `every destination of ${name} has weight 0: the client is refused`;
    const advice = 'raise a weight, end a drain (service drain --cancel), or heal a server';
    return refuse(steps, text, advice);
  }
  return {
    steps: [...steps, ...wayOut(packet, rule, candidates, facts)],
    outcome: {
      verdict: 'balanced',
      text: goesTo(choice),
      destinations: candidates.map((one) => formatEndpoint(one.address, one.port)),
    },
    next: [],
    after: [],
  };
}

function explainWithheld(
  { source, destination }: Packet,
  { service, reason }: { readonly service: string; readonly reason: string },
): Explanation {
  const detail = `${source} calls ${destination}, the VIP of ${service}`;
  const step: ExplainStep = { kind: 'arrival', title: 'arrival', detail };
  const text = `${service} is kept out of the kernel: ${reason}`;
  return refuse(
    [step],
    text,
    `take away what stands against it; meshctl service inspect ${service}`,
  );
}

function arrive(packet: Packet, facts: ExplainFacts): ExplainStep | undefined {
  const bits = addressBits(familyOf(packet.destination));
  const prefix = `${packet.destination}/${bits}`;
  const key = ruleKey({ kind: 'address', device: vipLink, prefix });
  const address = facts.book.rules.get(key);
  if (address === undefined) return undefined;
  const from = facts.isLocal(packet.source) ? 'a process of this host' : packet.source;
  return {
    kind: 'arrival',
    title: 'arrival',
    detail: `${from} calls ${packet.destination}, a VIP on ${vipLink}`,
    ...met(facts.book, address),
  };
}

/** An address of the host that none of our rules cares about. */
function explainLocal(packet: Packet, { node }: ExplainFacts): Explanation {
  const where = node === undefined ? 'this host' : `node ${node}`;
  const listener = `${packet.port}/${packet.protocol}`;
  const detail = `${packet.destination} is an address of ${where}, and no service publishes ${listener}`;
  const text = `${packet.destination} is no VIP of this host: ordinary routing decides`;
  const step: ExplainStep = { kind: 'arrival', title: 'arrival', detail };
  return pass([step], node === undefined ? text : `a process of ${where} answers, or nobody does`);
}

/** Addresses of networks are reached from the sandboxes that are on them, and from nowhere else. */
function notOnNetwork(
  { source, destination }: Packet,
  { network, service }: AddressOfNetwork,
  { caller }: ExplainFacts,
): Explanation {
  const what = service === undefined ? 'an address' : `the VIP of ${service}`;
  const who = caller === undefined ? source : `${caller.name} (${source})`;
  const detail = `${who} calls ${destination}, ${what} on network ${network}`;
  const step: ExplainStep = { kind: 'arrival', title: 'arrival', detail };
  const text = `${caller?.name ?? source} is not on network ${network}: only tasks that are reach it`;
  const other = service === undefined ? 'a published port' : `a port that ${service} publishes`;
  return refuse([step], text, `attach the caller to ${network}, or call ${other}, on any node`);
}

/** A task of this node calls something that is not of this node. */
function explainEgress(packet: Packet, facts: ExplainFacts): Explanation {
  const { book, caller, outward } = facts;
  const family = familyOf(packet.destination);
  const { name } = caller!;
  const internal = book.rules.get(
    `nft element ${ingressTableName} internal${family} ${packet.source}`,
  );
  if (internal !== undefined) {
    const detail = `${name} comes in by the network ingress, which it is on for published ports alone`;
    const step: ExplainStep = {
      kind: 'clients',
      title: 'internal',
      detail,
      ...met(book, internal),
    };
    const text = `every network of ${name} is internal: what it sends to the world is dropped`;
    return refuse([step], text, 'attach it to a network that is not internal');
  }
  const source = outward?.source;
  if (source === undefined) {
    const text = `this node has no route to ${packet.destination}: what ${name} sends there is dropped`;
    return refuse([], text, 'give the host a route');
  }
  const inside = [...book.rules.values()].find(
    (rule) => rule.kind === 'nft-element' && rule.set === `inside${family}`,
  );
  const step: ExplainStep = {
    kind: 'egress',
    title: 'to the world',
    detail: `it leaves by ${outward!.device} masqueraded: ${packet.destination} sees ${source}, the address of this node, for ${packet.source} (${name})`,
    ...met(book, inside),
  };
  const answer: ExplainStep = {
    kind: 'answer',
    title: 'answer',
    detail: `it comes back to ${source}; connection tracking gives it to ${name}`,
  };
  const text = `${name} reaches ${packet.destination} as ${source}`;
  return {
    ...pass([step], text, [{ to: 'address', packet: { ...packet, source } }]),
    after: [answer],
  };
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
    return [{ kind: 'way', title: 'forwarding', detail }];
  }
  if (facts.isLocal(packet.source)) return [localWayOut(packet, candidates, facts)];
  return candidates.slice(0, waysTold).map((destination) => {
    const flow = {
      client: packet.source,
      vip: packet.destination,
      destination: destination.address,
    };
    const masqueraded = isMasqueraded(facts.book.rules, flow);
    const seen = masqueraded ? facts.onLink.sourceFor(destination.address) : packet.source;
    const why = masqueraded
      ? 'masqueraded, because the reply would not come back through this host'
      : "the client's own";
    return {
      kind: 'way',
      title: `to ${formatEndpoint(destination.address, destination.port)}`,
      detail: `the server sees ${seen ?? 'an address of this host'} (${why}); its reply returns through this host and leaves as ${packet.destination}`,
    };
  });
}

function localWayOut(
  packet: Packet,
  candidates: readonly Destination[],
  { book }: ExplainFacts,
): ExplainStep {
  const prefix = `${packet.destination}/${addressBits(familyOf(packet.destination))}`;
  const route = book.rules.get(`route ${prefix} table 255`);
  const source = route?.kind === 'route' ? route.source : undefined;
  const to = candidates.map(({ address, port }) => formatEndpoint(address, port)).join(', ');
  return {
    kind: 'way',
    title: `to ${to}`,
    detail: `the server sees ${source ?? packet.source}, the address of this host`,
    ...met(book, route),
  };
}
