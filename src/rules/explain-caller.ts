import {
  addressBits,
  familyOf,
  formatEndpoint,
  prefixContains,
  type NftElementRule,
} from '../model/index.js';
import { balance, goesTo, type BalancingFacts } from './explain-balanced.js';
import { waysTold } from './explain-published.js';
import { wayTo, type WayFacts } from './explain-way.js';
import {
  met,
  nameOf,
  pass,
  refuse,
  type AddressOfNetwork,
  type Explanation,
  type ExplainStep,
  type KnownEndpoint,
  type Packet,
} from './explanation.js';
import { taskTable } from './task.js';

/*
 * The way of a packet that a task sends, through the rules of its own sandbox.
 */

/** A network that a task is on. */
export interface TaskNetwork {
  readonly name: string;
  readonly subnets: readonly string[];
  /** Of the task. */
  readonly addresses: readonly string[];
  readonly internal: boolean;
  /** The one that published ports and calls to the world go over. */
  readonly isIngress: boolean;
}

export interface CallerFacts extends BalancingFacts {
  /** `t1`. */
  readonly name: string;
  readonly node: string;
  readonly networks: readonly TaskNetwork[];
  /** Of its host. */
  readonly host: WayFacts;
  /** Of any network that its node is on. */
  endpointAt(address: string): KnownEndpoint | undefined;
  /** The network that an address belongs to, and the service whose VIP it is there. */
  networkAt(address: string): AddressOfNetwork | undefined;
  /** How the sandbox would reach the address that it calls; absent = not at all. */
  readonly route?: {
    readonly device: string;
    readonly source?: string;
    readonly gateway?: string;
  };
}

export interface CallerExplanation extends Explanation {
  /** The packet goes on in the host of its node, from this address. */
  readonly leavesAs?: string;
}

/** Pure. */
export function explainCaller(packet: Packet, facts: CallerFacts): CallerExplanation {
  const call = callStep(packet, facts);
  const vip = vipElement(packet, facts);
  if (vip !== undefined) return callsVip(packet, [call], vip, facts);
  const network = facts.networks.find(({ subnets }) =>
    subnets.some((subnet) => prefixContains(subnet, packet.destination)),
  );
  if (network !== undefined) return callsNeighbor(packet, [call], network, facts);
  return callsOutside(packet, [call], facts);
}

function callStep(
  { source, destination, port, protocol }: Packet,
  facts: CallerFacts,
): ExplainStep {
  const network = facts.networks.find(({ addresses }) => addresses.includes(source));
  const on = network === undefined ? source : `${source} on network ${network.name}`;
  const detail = `task ${facts.name} (${on}) calls ${formatEndpoint(destination, port)}/${protocol}`;
  return { kind: 'call', title: 'call', detail };
}

function vipElement({ destination }: Packet, { book }: CallerFacts): NftElementRule | undefined {
  const set = `vips${familyOf(destination)}`;
  const rule = book.rules.get(`nft element ${taskTable.name} ${set} ${destination}`);
  return rule?.kind === 'nft-element' ? rule : undefined;
}

function callsVip(
  packet: Packet,
  before: readonly ExplainStep[],
  element: NftElementRule,
  facts: CallerFacts,
): Explanation {
  const { book, name } = facts;
  const { destination } = packet;
  const family = familyOf(destination);
  const suffix = family === 6 ? '/v6' : '';
  const rule = book.rules.get(`ipvs fwmark ${Number(element.value)}${suffix}`);
  const route = book.rules.get(`route ${destination}/${addressBits(family)} table 255`);
  const { service = destination, network = '' } = facts.networkAt(destination) ?? {};
  const mark = `mark ${element.value!} (VIP of ${service})`;
  const arrival: ExplainStep = {
    kind: 'arrival',
    title: 'VIP',
    detail: `${destination} is the VIP of ${service} on network ${network}: in the sandbox of ${name} the packet gets ${mark}`,
    ...met(book, element, route),
  };
  const steps = [...before, arrival];
  if (rule?.kind !== 'virtual-service') {
    return refuse(steps, `no virtual service takes ${mark}`, 'meshctl diff shows what is missing');
  }
  const choice = balance(rule, facts, `it takes packets with ${mark}`);
  if (choice.candidates.length === 0) {
    return nobody([...steps, ...choice.steps], service, network, rule.destinations.length);
  }
  const source = (route?.kind === 'route' ? route.source : undefined) ?? packet.source;
  const next = choice.candidates.map(({ address, port }) => {
    const node = facts.host.nodeOf(address);
    const to = { to: 'task' as const, address, port: port === 0 ? packet.port : port };
    return {
      ...to,
      protocol: packet.protocol,
      source,
      sourceName: name,
      ...(node === undefined ? {} : { node }),
    };
  });
  const own = facts.networks.flatMap(({ addresses }) => addresses);
  const ways = next.slice(0, waysTold).map((one, i) => {
    return own.includes(one.address) ? toItself(name) : wayTo(one, choice.names[i]!, facts.host);
  });
  const answer: ExplainStep = {
    kind: 'answer',
    title: 'answer',
    detail: `it comes straight back to ${source}; the sandbox of ${name} gives it the address ${destination} that was called`,
  };
  const destinations = next.map(({ address, port }) => formatEndpoint(address, port));
  return {
    steps: [...steps, ...choice.steps, ...ways],
    outcome: { verdict: 'balanced', text: goesTo(choice), destinations },
    next,
    after: [answer],
  };
}

function toItself(name: string): ExplainStep {
  return {
    kind: 'way',
    title: `to ${name}`,
    detail: 'it is the caller itself: the packet never leaves its sandbox',
  };
}

function nobody(
  steps: readonly ExplainStep[],
  service: string,
  network: string,
  known: number,
): Explanation {
  if (known === 0) {
    const advice = `meshctl endpoint attach ${network} NAME --sandbox PATH --service ${service}`;
    return refuse(steps, `no task serves ${service}: the caller is refused`, advice);
  }
  const advice = `meshctl endpoint set ${network} NAME --service ${service}=1, on the node of the task`;
  return refuse(steps, `every task of ${service} has weight 0: the caller is refused`, advice);
}

/** An address of a network that the task is on. */
function callsNeighbor(
  packet: Packet,
  before: readonly ExplainStep[],
  network: TaskNetwork,
  facts: CallerFacts,
): CallerExplanation {
  const { destination } = packet;
  const source = network.addresses.find((one) => familyOf(one) === familyOf(destination));
  const endpoint = facts.endpointAt(destination);
  if (source === undefined || endpoint === undefined) {
    const text = `nobody on network ${network.name} has the address ${destination}: no ARP is answered for it`;
    return refuse(before, text, `meshctl network inspect ${network.name} shows who is there`);
  }
  if (endpoint.isEntry) {
    const detail = `${destination} is node ${endpoint.node} itself, on network ${network.name}`;
    const step: ExplainStep = { kind: 'way', title: `to node ${endpoint.node}`, detail };
    const isOwn = endpoint.node === facts.node;
    const next = isOwn ? [] : [{ to: 'address' as const, packet: { ...packet, source } }];
    const explanation = pass([...before, step], `it goes to node ${endpoint.node}`, next);
    return isOwn ? { ...explanation, leavesAs: source } : explanation;
  }
  if (network.isIngress) {
    const text = `${nameOf(endpoint)} takes only what comes by a node: the packet is dropped`;
    return refuse(before, text, 'call it by a network that both are on, or by a published port');
  }
  const call = {
    to: 'task' as const,
    address: destination,
    port: packet.port,
    protocol: packet.protocol,
    source,
    sourceName: facts.name,
    node: endpoint.node,
  };
  const way = wayTo(call, nameOf(endpoint), facts.host);
  const text = `it goes to ${nameOf(endpoint)}, by its own address`;
  return pass([...before, way], text, [call]);
}

/** By the way out: the task's own node, or whatever else it has. */
function callsOutside(
  packet: Packet,
  before: readonly ExplainStep[],
  facts: CallerFacts,
): CallerExplanation {
  const { book, name, node, networks, route } = facts;
  const inside = facts.networkAt(packet.destination);
  if (inside !== undefined) {
    const { network, service } = inside;
    const what = service === undefined ? 'an address' : `the VIP of ${service}`;
    const text = `${packet.destination} is ${what} on network ${network}, which ${name} is not on`;
    const other = service === undefined ? 'a published port' : `a port that ${service} publishes`;
    return refuse(before, text, `attach ${name} to ${network}, or call ${other}`);
  }
  if (route === undefined) {
    const names = networks.map((one) => one.name).join(', ');
    const isInternal = networks.every(({ internal }) => internal);
    const text = isInternal
      ? `there is no way out: every network of ${name} is internal (${names})`
      : `there is no way out of the sandbox of ${name}`;
    return refuse(before, text, 'attach it to a network that is not internal');
  }
  const gateway = route.gateway === undefined ? undefined : facts.endpointAt(route.gateway);
  if (gateway?.isEntry !== true) {
    const text = `it leaves by ${route.device}, which is not of meshd: who made that decides`;
    return pass(before, text);
  }
  const everything = familyOf(packet.destination) === 4 ? '0.0.0.0/0' : '::/0';
  const rules = [...book.rules.values()].filter(
    (rule) => rule.kind === 'route' && rule.destination === everything && rule.table === mainTable,
  );
  const source = route.source ?? packet.source;
  const step: ExplainStep = {
    kind: 'way',
    title: 'way out',
    detail: `by ${route.gateway!}, which is node ${node} itself on network ${gateway.network}; the packet has the address ${source} of ${name} there`,
    ...met(book, ...rules),
  };
  return { ...pass([...before, step], `it goes to node ${node}`), leavesAs: source };
}

const mainTable = 254;
