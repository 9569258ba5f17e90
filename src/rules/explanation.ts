import {
  formatRule,
  ruleKey,
  type Protocol,
  type Rule,
  type RuleSet,
  type VirtualServiceRule,
} from '../model/index.js';

/** A packet as it arrives: canonical addresses of one family. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/**
 * `call`: somebody sends it. `arrival`: it meets something of ours. `clients`: whether this one is
 * served. `service`, `destination`, `bound`: balancing. `way`: to where it goes on. `sandbox`: into a
 * task's. `entry`: by which node it came in. `listener`: who takes it. `answer`: how that finds back.
 * `egress`: to the world. `silence`: a node does not answer. `end`: why it ends, and what to do.
 */
export type StepKind =
  | 'call'
  | 'arrival'
  | 'clients'
  | 'service'
  | 'destination'
  | 'bound'
  | 'way'
  | 'sandbox'
  | 'entry'
  | 'listener'
  | 'answer'
  | 'egress'
  | 'silence'
  | 'end';

/** What the kernel makes of a rule that it should hold. */
export type KernelState = 'holds' | 'lacks' | 'differs';

export interface ExplainStep {
  readonly kind: StepKind;
  readonly title: string;
  readonly detail: string;
  /** Text of the rule that the packet meets. */
  readonly rule?: string;
  readonly kernel?: KernelState;
  /** The virtual service whose counters tell about this step. */
  readonly countersOf?: VirtualServiceRule;
  /** Of that service, the destination that it is about. */
  readonly destination?: { readonly address: string; readonly port: number };
}

export interface Outcome {
  readonly verdict: 'balanced' | 'refused' | 'passed';
  readonly text: string;
  readonly destinations: readonly string[];
}

/** The task that a packet is led to. */
export interface TaskCall {
  readonly to: 'task';
  /** Of the task on the network that the packet comes by. */
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** As the task sees it. */
  readonly source: string;
  /** What people call the source; absent for strangers. */
  readonly sourceName?: string;
  /** Where the task is, as far as it is known here. */
  readonly node?: string;
}

/** The packet as it leaves for an address that may be another node's. */
export interface OutwardCall {
  readonly to: 'address';
  readonly packet: Packet;
}

/** The way of a packet on one node. */
export interface Explanation {
  readonly steps: readonly ExplainStep[];
  readonly outcome: Outcome;
  /** It goes on with one of these. */
  readonly next: readonly (TaskCall | OutwardCall)[];
  /** What the answer meets here on its way back. */
  readonly after: readonly ExplainStep[];
}

/** The rules of a sandbox as a packet meets them. */
export interface RuleBook {
  /** What its kernel holds, and what it should hold and does not. */
  readonly rules: RuleSet;
  stateOf(key: string): KernelState;
}

/** Where an address belongs. */
export interface AddressOfNetwork {
  readonly network: string;
  /** Whose VIP it is there. */
  readonly service?: string;
}

/** What is known of an endpoint. */
export interface KnownEndpoint {
  /** `t1`. */
  readonly name: string;
  readonly network: string;
  readonly node: string;
  readonly isEntry: boolean;
  /** In services, by name. */
  readonly services: Readonly<Record<string, number>>;
  readonly isAway: boolean;
}

/** What a step says of the rules that it meets; the kernel's state is that of the worst. */
export function met(
  book: RuleBook,
  ...rules: readonly (Rule | undefined)[]
): Pick<ExplainStep, 'rule' | 'kernel'> {
  const found = rules.filter((rule) => rule !== undefined);
  if (found.length === 0) return {};
  const states = found.map((rule) => book.stateOf(ruleKey(rule)));
  const kernel = (['lacks', 'differs'] as const).find((one) => states.includes(one)) ?? 'holds';
  // Destinations are steps of their own.
  const lines = found.map((rule) => formatRule(rule).split('\n', 1)[0]!);
  return { rule: lines.join('\n'), kernel };
}

/** An end that is nobody's wish: why, and what to do about it. */
export function refuse(steps: readonly ExplainStep[], text: string, advice: string): Explanation {
  const end: ExplainStep = { kind: 'end', title: 'refused', detail: `${text}; ${advice}` };
  const outcome = { verdict: 'refused', text, destinations: [] } as const;
  return { steps: [...steps, end], outcome, next: [], after: [] };
}

/** Nothing of ours decides any more. */
export function pass(
  steps: readonly ExplainStep[],
  text: string,
  next: Explanation['next'] = [],
): Explanation {
  return { steps, outcome: { verdict: 'passed', text, destinations: [] }, next, after: [] };
}

/** `t1 on node lb2`. */
export function nameOf({ name, node }: Pick<KnownEndpoint, 'name' | 'node'>): string {
  return `${name} on node ${node}`;
}
