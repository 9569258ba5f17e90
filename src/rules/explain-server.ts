import {
  familyOf,
  formatEndpoint,
  type NftElementRule,
  type PolicyRule,
  type RouteRule,
} from '../model/index.js';
import {
  met,
  pass,
  refuse,
  type Explanation,
  type ExplainStep,
  type RuleBook,
  type TaskCall,
} from './explanation.js';
import { taskTable } from './task.js';

/*
 * The way of a packet in the sandbox of the task that it is led to, and that of the answer.
 */

export interface ServerFacts {
  /** Of the sandbox. */
  readonly book: RuleBook;
  /** `t2`. */
  readonly name: string;
  readonly sandbox: string;
  /** Of the network that the packet comes by. */
  readonly bridge: string;
  readonly network: string;
  /** The host's end of the way into the sandbox. */
  readonly port: Pick<ExplainStep, 'rule' | 'kernel'>;
  /** Whether its host takes VXLAN from the other one; absent where that is no question. */
  readonly isMember?: boolean;
  /** The node that the packet came in by; absent on networks where tasks call each other. */
  readonly entry?: {
    readonly node: string;
    readonly mac: string;
    readonly addresses: readonly string[];
  };
  /** Where its processes take what comes; absent when that cannot be told. */
  readonly listening?: readonly {
    readonly protocol: string;
    readonly address: string;
    readonly port: number;
  }[];
}

const unheard = 'it has not heard of that node: meshctl mesh status, meshctl catalog diff NODE';

/** Pure. */
export function explainServer(call: TaskCall, facts: ServerFacts): Explanation {
  const { name, bridge, sandbox, network, port } = facts;
  const into: ExplainStep = {
    kind: 'sandbox',
    title: `into ${name}`,
    detail: `by the bridge ${bridge} of network ${network} into its sandbox ${sandbox}`,
    ...port,
  };
  if (facts.isMember === false) {
    const text = `the host of ${name} takes no VXLAN from the node that sends it: the packet is dropped`;
    return refuse([into], text, unheard);
  }
  const entry = entryElement(facts);
  if (facts.entry !== undefined && entry === undefined) {
    const text = `the sandbox of ${name} does not know node ${facts.entry.node} as an entry: the packet is dropped`;
    return refuse([into], text, unheard);
  }
  const steps = entry === undefined ? [into] : [into, entryStep(entry, facts)];
  const listener = listenerStep(call, facts);
  if (listener?.advice !== undefined) {
    return refuse([...steps, listener.step], listener.step.detail, listener.advice);
  }
  const heard = listener === undefined ? [] : [listener.step];
  return pass([...steps, ...heard, answerStep(call, entry, facts)], `${name} takes it`);
}

function entryElement({ book, entry }: ServerFacts): NftElementRule | undefined {
  if (entry === undefined) return undefined;
  const rule = book.rules.get(`nft element ${taskTable.name} entries ${entry.mac}`);
  return rule?.kind === 'nft-element' ? rule : undefined;
}

function entryStep(element: NftElementRule, { book, entry }: ServerFacts): ExplainStep {
  const { mac, node } = entry!;
  return {
    kind: 'entry',
    title: `in by node ${node}`,
    detail: `the frame is from ${mac}, node ${node}: its connection gets mark ${element.value!} (in by ${node})`,
    ...met(book, element),
  };
}

/** With what to do when nobody takes the packet; undefined when nothing is known of sockets. */
function listenerStep(
  { address, port, protocol }: TaskCall,
  { name, listening }: ServerFacts,
): { readonly step: ExplainStep; readonly advice?: string } | undefined {
  if (listening === undefined || protocol === 'sctp') return undefined;
  const step = (detail: string): ExplainStep => ({ kind: 'listener', title: 'listener', detail });
  const what = `${port}/${protocol}`;
  const there = listening.filter((one) => one.protocol === protocol && one.port === port);
  const wildcards = familyOf(address) === 4 ? ['0.0.0.0', '::'] : ['::'];
  const taking = there.find((one) => one.address === address || wildcards.includes(one.address));
  if (taking !== undefined) {
    return {
      step: step(`a process of ${name} takes ${formatEndpoint(taking.address, port)}/${protocol}`),
    };
  }
  if (there.length === 0) {
    const advice = `start its server, or lead to the port that it listens on (targetPort)`;
    return { step: step(`no process of ${name} takes ${what}: its kernel refuses`), advice };
  }
  const others = there.map((one) => formatEndpoint(one.address, port)).join(', ');
  const detail = `a process of ${name} takes ${others} alone, not ${formatEndpoint(address, port)}: its kernel refuses`;
  return { step: step(detail), advice: 'let the server listen on every address' };
}

function answerStep(
  { source, sourceName }: TaskCall,
  element: NftElementRule | undefined,
  { book, name, entry, network }: ServerFacts,
): ExplainStep {
  const seen = sourceName === undefined ? source : `${source} (${sourceName})`;
  if (entry === undefined || element === undefined) {
    const detail = `${name} sees ${seen} and answers it directly, by network ${network}`;
    return { kind: 'answer', title: 'answer', detail };
  }
  const mark = Number(element.value);
  const family = familyOf(source);
  const rules = [...book.rules.values()];
  const policy = rules.find(
    (rule): rule is PolicyRule =>
      rule.kind === 'policy' && rule.family === family && rule.fwmark === mark,
  );
  const route = rules.find(
    (rule): rule is RouteRule =>
      rule.kind === 'route' &&
      rule.table === policy?.table &&
      familyOf(rule.destination) === family,
  );
  const detail = `${name} sees ${seen}; its answer gets the connection's mark ${element.value!} (in by ${entry.node}), which leads it to ${route?.gateway ?? 'nowhere'}, node ${entry.node} on network ${network}`;
  return { kind: 'answer', title: 'answer', detail, ...met(book, policy, route) };
}
