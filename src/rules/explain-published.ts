import {
  familyOf,
  formatEndpoint,
  prefixContains,
  type NftElementRule,
  type PublishedPort,
  type RuleSet,
  type VirtualServiceRule,
} from '../model/index.js';
import { balance, goesTo, type Balanced, type BalancingFacts } from './explain-balanced.js';
import { wayTo, type WayFacts } from './explain-way.js';
import {
  met,
  pass,
  refuse,
  type Explanation,
  type ExplainStep,
  type KnownEndpoint,
  type Packet,
} from './explanation.js';
import { ingressTableName } from './ingress-table.js';
import { isLoopback } from './published.js';

/*
 * The way of a packet to a published port: port -> mark -> virtual service -> tunnel -> task.
 */

/** A service that publishes a port, whether this node answers it or not. */
export interface Publisher {
  readonly name: string;
  readonly network: string;
  readonly port: PublishedPort;
  /** Its endpoints on the ingress network, of all nodes. */
  readonly endpoints: readonly KnownEndpoint[];
  /** Why it is not in force here. */
  readonly problem?: string;
}

export interface PublishedFacts extends BalancingFacts, WayFacts {
  /** Of this node; absent on a host that stands alone. */
  readonly node?: string;
  /** The address that tasks see of a caller whose address is not kept. */
  readonly entryAddress?: string;
  /** The task of this node that calls, when it is one. */
  readonly caller?: { readonly name: string; readonly addresses: readonly string[] };
  /** True for an address of this host, of any device. */
  isLocal(address: string): boolean;
  /** Who publishes protocol and port; at most one service does. */
  publisherOf(packet: Packet): Publisher | undefined;
}

/** How a packet to an address of the host itself meets a published port. */
interface PublishedArrival {
  readonly steps: ExplainStep[];
  readonly mark: number;
}

/** Undefined when this node answers nothing there, nor should. */
export function explainPublished(packet: Packet, facts: PublishedFacts): Explanation | undefined {
  const publisher = facts.publisherOf(packet);
  const port = portElement(packet, facts);
  if (port?.value === undefined) {
    return publisher === undefined ? undefined : unanswered(packet, publisher, facts);
  }
  const { steps, mark } = arrival(packet, port, publisher, facts);
  const clients = facts.isLocal(packet.source) ? undefined : clientsStep(packet, facts);
  if (clients !== undefined && !clients.isAllowed) {
    const text = `allowFrom of ${publisher?.name ?? 'the service'} does not name ${packet.source}: the packet is dropped`;
    const advice = 'add its prefix to allowFrom, or call from an address that is there';
    return refuse([...steps, clients.step], text, advice);
  }
  const before = clients === undefined ? steps : [...steps, clients.step];
  const rule = facts.book.rules.get(`ipvs fwmark ${mark}${suffixOf(packet)}`);
  if (rule?.kind !== 'virtual-service') {
    const text = `no virtual service takes packets with this mark`;
    return refuse(before, text, 'meshctl diff shows what the kernel lacks');
  }
  return balanced(packet, before, { rule, mark: port, publisher }, facts);
}

function arrival(
  packet: Packet,
  port: NftElementRule,
  publisher: Publisher | undefined,
  facts: PublishedFacts,
): PublishedArrival {
  const where = `${formatEndpoint(packet.destination, packet.port)}/${packet.protocol}`;
  const by = port.set === 'devices' ? ` by its device ${port.key[0]!}` : '';
  const who = publisher === undefined ? 'which is published' : `published by ${publisher.name}`;
  const from =
    facts.caller === undefined ? packet.source : `${facts.caller.name} (${packet.source})`;
  const step: ExplainStep = {
    kind: 'arrival',
    title: 'published port',
    detail: `${from} calls ${where}${by}, ${who}; the packet gets ${markName(port)}`,
    ...met(facts.book, port),
  };
  return { steps: [step], mark: Number(port.value) };
}

/** `mark 0x4d010050 (published 80/tcp)`. */
function markName({ value, key }: NftElementRule): string {
  const [protocol, range] = key.slice(-2);
  return `mark ${value!} (published ${range!}/${protocol!})`;
}

interface Taken {
  readonly rule: VirtualServiceRule;
  readonly mark: NftElementRule;
  readonly publisher: Publisher | undefined;
}

function balanced(
  packet: Packet,
  before: readonly ExplainStep[],
  { rule, mark, publisher }: Taken,
  facts: PublishedFacts,
): Explanation {
  const choice = balance(rule, facts, `it takes packets with ${markName(mark)}`);
  const chosen = [...before, ...choice.steps];
  if (choice.candidates.length === 0) return nobody(chosen, choice, publisher, facts);
  const isHidden = facts.book.rules.has(`nft element ${ingressTableName} snat ${mark.value!}`);
  const calls = choice.candidates.map(({ address, port }) => {
    const isItself = facts.caller?.addresses.includes(address) === true;
    const isReplaced = isHidden || isItself || isLoopback(packet.destination);
    const source = isReplaced ? (facts.entryAddress ?? packet.source) : packet.source;
    const sourceName = isReplaced ? nodeName(facts) : facts.caller?.name;
    const node = facts.nodeOf(address);
    return {
      to: 'task' as const,
      address,
      port: port === 0 ? packet.port : port,
      protocol: packet.protocol,
      source,
      ...(sourceName === undefined ? {} : { sourceName }),
      ...(node === undefined ? {} : { node }),
    };
  });
  const ways = calls.slice(0, waysTold).map((call, i) => wayTo(call, choice.names[i]!, facts));
  return {
    steps: [...chosen, ...ways],
    outcome: {
      verdict: 'balanced',
      text: goesTo(choice),
      destinations: calls.map(({ address, port }) => formatEndpoint(address, port)),
    },
    next: calls,
    after: [answerStep(packet, isHidden, facts)],
  };
}

/** Beyond these, ways are like those before. */
export const waysTold = 4;

function nodeName({ node }: PublishedFacts): string {
  return node === undefined ? 'this node' : `node ${node}`;
}

function answerStep(packet: Packet, isHidden: boolean, facts: PublishedFacts): ExplainStep {
  const where = nodeName(facts);
  const whom = isHidden
    ? `${packet.source}, whom the task did not see (source: snat)`
    : packet.source;
  const detail = `it comes back to ${where}, which the call came in by, gets the address ${packet.destination} that was called, and goes to ${whom}`;
  return { kind: 'answer', title: 'answer', detail };
}

/** Nobody takes new connections. */
function nobody(
  steps: readonly ExplainStep[],
  { name }: Balanced,
  publisher: Publisher | undefined,
  facts: PublishedFacts,
): Explanation {
  const endpoints = publisher?.endpoints ?? [];
  const elsewhere = endpoints.filter((one) => one.node !== facts.node);
  if (endpoints.length === 0) {
    const network = publisher?.network ?? 'NETWORK';
    const advice = `meshctl endpoint attach ${network} NAME --sandbox PATH --service ${name}`;
    return refuse(steps, `no task serves ${name}: the client is refused`, advice);
  }
  const isLocalAlone = publisher?.port.policy === 'local' || publisher?.port.mode === 'host';
  if (isLocalAlone && elsewhere.length === endpoints.length) {
    const why = publisher.port.mode === 'host' ? 'mode: host' : 'policy: local';
    const text = `${why}, and no task of ${name} is on ${nodeName(facts)}: the client is refused`;
    return refuse(
      steps,
      text,
      `call ${nodesOf(elsewhere)}, or let ${name} be answered by all nodes`,
    );
  }
  return refuse(steps, `every task of ${name} has weight 0: the client is refused`, raise(name));
}

function raise(name: string): string {
  return `meshctl endpoint set NETWORK NAME --service ${name}=1, on the node of the task`;
}

/** `node lb2 or lb3`. */
function nodesOf(endpoints: readonly KnownEndpoint[]): string {
  return `node ${[...new Set(endpoints.map(({ node }) => node))].sort().join(' or ')}`;
}

/** A port that is published, but not here or not there. */
function unanswered(
  packet: Packet,
  { name, port, endpoints, problem }: Publisher,
  facts: PublishedFacts,
): Explanation {
  const where = `${formatEndpoint(packet.destination, packet.port)}/${packet.protocol}`;
  const step: ExplainStep = {
    kind: 'arrival',
    title: 'published port',
    detail: `${packet.source} calls ${where}; ${name} publishes that port`,
  };
  if (problem !== undefined) {
    const text = `${name} is not in force on this node: ${problem}`;
    return refuse([step], text, 'meshctl doctor may know more');
  }
  if (port.bind !== undefined && port.bind !== packet.destination) {
    const text = `${name} answers at ${port.bind} alone (bind)`;
    return refuse(
      [step],
      text,
      `call ${formatEndpoint(port.bind, packet.port)}, or take bind away`,
    );
  }
  if (port.mode === 'host') {
    const text = `mode: host, and no task of ${name} is on ${nodeName(facts)}: the client is refused`;
    const others = endpoints.length === 0 ? 'a node with a task' : nodesOf(endpoints);
    return refuse([step], text, `call ${others}, or publish it with mode: ingress`);
  }
  return pass([step], `${name} is not known to be in force on this node yet`);
}

interface Clients {
  readonly isAllowed: boolean;
  readonly step: ExplainStep;
}

/** Undefined when every client is served. */
function clientsStep(packet: Packet, { book }: PublishedFacts): Clients | undefined {
  const elements = elementsOf(book.rules);
  const mark = outerElement(packet, elements)?.value;
  const limited = elements.find(({ set, key }) => set === 'limited' && key[0] === mark);
  if (limited === undefined) return undefined;
  const allowed = elements.find(({ set, key }) => {
    if (set !== `allowed${familyOf(packet.source)}` || key[1] !== mark) return false;
    return prefixContains(key[0]!, packet.source);
  });
  const detail =
    allowed === undefined
      ? `${packet.source} is in no prefix of allowFrom`
      : `allowFrom has ${allowed.key[0]!}, which ${packet.source} is in`;
  const step: ExplainStep = {
    kind: 'clients',
    title: 'clients',
    detail,
    ...met(book, limited, allowed),
  };
  return { isAllowed: allowed !== undefined, step };
}

/** Of the maps that the packet is looked up in, the one whose mark it keeps. */
function portElement(packet: Packet, facts: PublishedFacts): NftElementRule | undefined {
  const elements = elementsOf(facts.book.rules);
  if (isLoopback(packet.destination)) return inMap('looped', packet, elements);
  const inner = facts.caller === undefined ? undefined : inMap('inner', packet, elements);
  return inner ?? outerElement(packet, elements);
}

/** For clients elsewhere. */
function outerElement(
  packet: Packet,
  elements: readonly NftElementRule[],
): NftElementRule | undefined {
  const { destination } = packet;
  return (
    inMap('untracked', packet, elements) ??
    inMap('ports', packet, elements) ??
    inMap('ranges', packet, elements) ??
    elements.find(
      ({ set, key: [address, ...key] }) =>
        set === `bound${familyOf(destination)}` && address === destination && isPort(packet, key),
    ) ??
    // By which device the packet comes is not known: the step names it.
    elements.find(({ set, key: [, ...key] }) => set === 'devices' && isPort(packet, key))
  );
}

function inMap(
  map: string,
  packet: Packet,
  elements: readonly NftElementRule[],
): NftElementRule | undefined {
  return elements.find(({ set, key }) => set === map && isPort(packet, key));
}

function elementsOf(rules: RuleSet): NftElementRule[] {
  return [...rules.values()].flatMap((rule) =>
    rule.kind === 'nft-element' && rule.table === ingressTableName ? [rule] : [],
  );
}

/** A key of protocol and port or range. */
function isPort({ protocol, port }: Packet, [wanted, range = '']: readonly string[]): boolean {
  const [first, last = first] = range.split('-').map(Number);
  return wanted === protocol && first! <= port && port <= last!;
}

function suffixOf({ destination }: Packet): string {
  return familyOf(destination) === 6 ? '/v6' : '';
}
