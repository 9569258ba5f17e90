import type { ExplainQuery, Explanation, ExplainStep } from '../api/index.js';
import { messageOf } from '../base/index.js';
import type { OutwardCall, TaskCall } from '../rules/index.js';
import { HostExplainer, type ExplainNetworks, type ExplainSources } from './explain-host.js';
import {
  bounded,
  checkOwners,
  checkPart,
  checkQuestion,
  type ExplainedPart,
  type ExplainQuestion,
  type Owners,
} from './explain-question.js';

/** The other nodes, as far as the way of a packet needs them. */
export interface ExplainMesh extends ExplainNetworks {
  /** The other nodes, but for those that left. */
  others(): readonly OtherNode[];
  /** Errors: MeshError when the node does not answer in `explainTimeoutMs`. */
  ask(node: string, question: ExplainQuestion): Promise<unknown>;
}

export interface OtherNode {
  readonly name: string;
  /** The one that it gossips by. */
  readonly address: string;
  /** It is heard of. */
  readonly isLive: boolean;
}

/** What a node may take to tell its part. Unit: milliseconds. */
export const explainTimeoutMs = 3_000;

/** Of more tasks that a packet may go to, the others are not asked. */
const tasksAsked = 16;
/** Of more tasks than these the way is like theirs, and not told. */
const tasksTold = 4;
/** From a task by its node and another node to a task. */
const nodesMax = 3;
/** Whom to ask whose an address is. */
const askedMax = 64;

/** What another node wants to know of the way of a packet here. Errors: Error. */
export async function answerExplain(body: unknown, sources: ExplainSources): Promise<unknown> {
  const question = checkQuestion(body);
  const explainer = new HostExplainer(sources);
  switch (question.part) {
    case 'whose':
      return explainer.owners(question.addresses);
    case 'call':
      return bounded(await explainer.call(question.packet));
    case 'task':
      return bounded(await explainer.task(question.call, question.from));
  }
}

/** The way of a packet, and that of its answer, on all nodes that it meets. */
export async function explainAcross(
  query: ExplainQuery,
  sources: ExplainSources,
  mesh?: ExplainMesh,
): Promise<Explanation> {
  const here = new HostExplainer(sources);
  const walk = new Walk(here, mesh);
  const { steps, outcome } = await walk.begin(query);
  return { steps, outcome };
}

/** Where a packet is. */
interface Place {
  /** Absent = here, or at nobody's who answered. */
  readonly node?: string;
  /** Nodes that may have it for all that is known: they did not answer. */
  readonly silent?: readonly string[];
}

/** Follows a packet from node to node. */
class Walk {
  constructor(
    private readonly here: HostExplainer,
    private readonly mesh: ExplainMesh | undefined,
  ) {}

  async begin(packet: ExplainQuery): Promise<Explanation> {
    const place = await this.firstNode(packet);
    const isNobody = place.silent !== undefined && this.here.isOnNetwork(packet.source);
    if (isNobody) return nobodysCall(packet.source, place.silent, this.mesh?.self ?? '');
    return withFaults(await this.follow(place, packet, nodesMax));
  }

  /** Where the packet is sent by a task, or arrives. */
  private async firstNode({ source, destination }: ExplainQuery): Promise<Place> {
    const [caller, called] = this.here.owners([source, destination]);
    if (caller === 'task') return {};
    const known = this.here.taskNode(source);
    if (known !== undefined) return { node: known };
    const asks = this.here.isOnNetwork(source) ? [source] : [];
    if (called === '' && !this.here.isOnNetwork(destination)) asks.push(destination);
    return asks.length === 0 ? {} : this.ownerOf(asks);
  }

  /** The node that has the first of these addresses that anybody has. */
  private async ownerOf(addresses: readonly string[]): Promise<Place> {
    const { mesh } = this;
    if (mesh === undefined) return {};
    if (this.here.owners(addresses).includes('host')) return { node: mesh.self };
    const nodes = mesh.others().slice(0, askedMax);
    const known = nodes.find(({ address }) => addresses.includes(address));
    if (known !== undefined) return { node: known.name };
    const answers = await Promise.all(
      nodes.map(async ({ name, isLive }): Promise<Owners | undefined> => {
        if (!isLive) return undefined;
        try {
          return checkOwners(await mesh.ask(name, { part: 'whose', addresses }));
        } catch {
          return undefined;
        }
      }),
    );
    for (let i = 0; i < addresses.length; i++) {
      const at = answers.findIndex((owners) => (owners?.[i] ?? '') !== '');
      if (at !== -1) return { node: nodes[at]!.name };
    }
    return { silent: nodes.flatMap(({ name }, i) => (answers[i] === undefined ? [name] : [])) };
  }

  /** At a place, and where it goes on from there. */
  private async follow(place: Place, packet: ExplainQuery, left: number): Promise<Explanation> {
    const { part, silence } = await this.callAt(place, packet);
    const self = this.mesh?.self ?? '';
    const at = silence === undefined ? (place.node ?? self) : self;
    const outward = part.next.find((one): one is OutwardCall => one.to === 'address');
    const on =
      outward !== undefined && left > 1 ? await this.outward(outward, left - 1) : undefined;
    const calls = part.next.filter((one): one is TaskCall => one.to === 'task');
    const tasks = await Promise.all(
      calls.slice(0, tasksAsked).map((call) => this.intoTask(call, at)),
    );
    const whole = named(part, calls, tasks);
    const outcome = on?.outcome ?? judged(whole.outcome, tasks);
    return {
      steps: [
        ...(silence === undefined ? [] : [silence]),
        ...whole.steps,
        ...(on?.steps ?? []),
        ...tasks.slice(0, tasksTold).flatMap(({ steps }) => steps),
        ...untold(calls.length - tasksTold, at),
        // What nobody takes has no answer: the refusal stands last.
        ...(outcome.verdict === 'refused' ? [] : whole.after),
      ],
      outcome,
    };
  }

  /** Undefined when it is no node's: what is beyond nobody here knows. */
  private async outward({ packet }: OutwardCall, left: number): Promise<Explanation | undefined> {
    const owner = await this.ownerOf([packet.destination]);
    return owner.node === undefined ? undefined : this.follow(owner, packet, left);
  }

  private async callAt(
    { node, silent = [] }: Place,
    packet: ExplainQuery,
  ): Promise<{ readonly part: ExplainedPart; readonly silence?: ExplainStep }> {
    const { mesh, here } = this;
    if (mesh === undefined || node === mesh.self) return { part: await here.call(packet) };
    if (node === undefined) {
      const part = await here.call(packet, silent.length > 0);
      if (silent.length === 0 || part.outcome.verdict === 'passed') return { part };
      const who = silent.length === 1 ? `node ${silent[0]!} does` : `nodes ${silent.join(', ')} do`;
      const detail = `${packet.destination} is of no node that answers, and ${who} not: what follows is from the view of node ${mesh.self}`;
      return { part, silence: silenceOf(silent.join(', '), detail, mesh.self) };
    }
    try {
      return { part: checkPart(await mesh.ask(node, { part: 'call', packet })) };
    } catch (error) {
      const detail = `it did not answer (${messageOf(error)}): what follows is from the view of node ${mesh.self}`;
      return { part: await here.call(packet, true), silence: silenceOf(node, detail, mesh.self) };
    }
  }

  /** `from`: the node that the packet comes from. */
  private async intoTask(call: TaskCall, from: string): Promise<ExplainedPart> {
    const { mesh, here } = this;
    if (mesh === undefined || call.node === undefined || call.node === mesh.self) {
      return here.task(call, from);
    }
    const { node } = call;
    try {
      return checkPart(await mesh.ask(node, { part: 'task', call, from }));
    } catch (error) {
      const detail = `it did not answer (${messageOf(error)}): whether the task at ${call.address} takes it is not known; the rest is from the view of node ${mesh.self}`;
      const outcome = { verdict: 'passed', text: `node ${node} did not answer`, destinations: [] };
      const steps = [silenceOf(node, detail, mesh.self)];
      return { steps, outcome: { ...outcome, verdict: 'passed' }, next: [], after: [] };
    }
  }
}

/** The caller has an address of a network, and nobody there has it. */
function nobodysCall(source: string, silent: readonly string[], node: string): Explanation {
  const unheard = silent.length === 0 ? '' : ` that answers (${silent.join(', ')} did not)`;
  const text = `${source} is an address of a network, and no task of a node${unheard} has it`;
  const detail = `${text}; meshctl network inspect NETWORK, on a node with tasks there, shows who is on it`;
  const steps = [{ kind: 'end', title: 'refused', detail, node }];
  return { steps, outcome: { verdict: 'refused', text, destinations: [] } };
}

/** What is told holds once the kernels have what they lack. */
function withFaults({ steps, outcome }: Explanation): Explanation {
  const faulty = steps.filter(({ kernel = 'holds' }) => kernel !== 'holds');
  if (faulty.length === 0) return { steps, outcome };
  const nodes = [
    ...new Set(faulty.map(({ node }) => (node === undefined ? 'here' : `on node ${node}`))),
  ];
  const text = `the kernel does not hold all of it (${nodes.join(', ')})`;
  const detail = `${text}: packets go another way until it is repaired; meshctl diff, there, shows what is missing`;
  const end: ExplainStep = { kind: 'end', title: 'drift', detail };
  return { steps: [...steps, end], outcome: { ...outcome, text: `${outcome.text}; but ${text}` } };
}

function silenceOf(node: string, detail: string, self: string): ExplainStep {
  return { kind: 'silence', title: `silence of ${node}`, detail, node: self };
}

function untold(count: number, node: string): ExplainStep[] {
  if (count <= 0) return [];
  const detail = `the ways to ${count} more tasks are like these`;
  return [{ kind: 'way', title: 'others', detail, node }];
}

/** Tasks of other nodes by the names that those told. */
function named(
  part: ExplainedPart,
  calls: readonly TaskCall[],
  tasks: readonly ExplainedPart[],
): ExplainedPart {
  const names = tasks.flatMap(({ task }, i) => {
    const { address, node } = calls[i]!;
    if (task === undefined || node === undefined) return [];
    return [[`${address} on node ${node}`, `${task} on node ${node}`] as const];
  });
  const rename = (text: string): string =>
    names.reduce((said, [address, name]) => said.replaceAll(address, name), text);
  const steps = part.steps.map((step) => {
    return { ...step, title: rename(step.title), detail: rename(step.detail) };
  });
  return { ...part, steps, outcome: { ...part.outcome, text: rename(part.outcome.text) } };
}

/** A packet that no task takes is refused, whatever led it there. */
function judged(
  outcome: Explanation['outcome'],
  tasks: readonly ExplainedPart[],
): Explanation['outcome'] {
  const refusing = tasks.filter((task) => task.outcome.verdict === 'refused');
  if (refusing.length === 0) return outcome;
  const why = refusing.map((task) => task.outcome.text).join('; ');
  const isNobody = refusing.length === tasks.length;
  const text = `${outcome.text}; ${isNobody ? 'but' : 'of these'} ${why}`;
  return { ...outcome, verdict: isNobody ? 'refused' : outcome.verdict, text };
}
