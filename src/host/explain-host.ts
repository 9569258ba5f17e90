import type { ExplainStep as ToldStep } from '../api/index.js';
import type { Kernel } from '../kernel/index.js';
import {
  addressBits,
  familyOf,
  formatMatch,
  vipLink,
  type Destination,
  type LocalEndpoint,
  type PublishedPort,
  type Rule,
  type Service,
  type VirtualServiceRule,
} from '../model/index.js';
import { bridgeName, ingressName, portName, vxlanTableName } from '../overlay/index.js';
import {
  explain,
  explainCaller,
  explainServer,
  met,
  nameOf,
  type Explanation,
  type ExplainFacts,
  type Packet,
  type Publisher,
  type RuleBook,
  type ServerFacts,
  type TaskCall,
} from '../rules/index.js';
import type { ServiceTable } from '../store/index.js';
import type { HostController } from './controller.js';
import { openBook } from './explain-book.js';
import { affinityOf, toldStep, withCounters } from './explain-counters.js';
import { NetworkNames, type KnownTask } from './explain-networks.js';
import type { ExplainedPart, Owners } from './explain-question.js';
import type { HealthView } from './health-view.js';
import type { NetworkState } from './overlay.js';
import type { Sandbox } from './sandbox.js';
import { destinationName } from './traffic.js';

export interface ExplainSources {
  readonly controller: HostController;
  readonly table: ServiceTable;
  readonly kernel: Kernel;
  readonly health: HealthView;
  /** Absent on a host that stands alone. */
  readonly networks?: ExplainNetworks;
}

/** What a host on networks knows of them. */
export interface ExplainNetworks {
  /** The name of this node. */
  readonly self: string;
  all(): readonly NetworkState[];
  /** Undefined when it cannot be entered. */
  sandboxAt(path: string): Promise<Sandbox | undefined>;
}

type WayIn = Pick<ServerFacts, 'network' | 'bridge' | 'port' | 'isMember' | 'entry'>;

/**
 * The way of packets on this node: explain (rules/) with the names, the counters, the connections and
 * the sockets of its kernel. Each explanation looks at it once.
 */
export class HostExplainer {
  private readonly names: NetworkNames;
  private hostBook: Promise<RuleBook> | undefined;

  constructor(private readonly sources: ExplainSources) {
    const services = Array.from(sources.table.all(), ({ service }) => service);
    this.names = new NetworkNames(sources.networks?.all() ?? [], services);
  }

  /** Whether addresses are this node's, its tasks', or nobody's here. */
  owners(addresses: readonly string[]): Owners {
    return addresses.map((address) => {
      if (this.names.localAt(address) !== undefined) return 'task';
      return this.isOwn(address) ? 'host' : '';
    });
  }

  /** Another node that has a task with this address, as far as it is known here. */
  taskNode(address: string): string | undefined {
    const found = this.names.endpointAt(address);
    return found === undefined || found.isEntry ? undefined : found.node;
  }

  /** True for addresses of networks. */
  isOnNetwork(address: string): boolean {
    return this.names.networkAt(address) !== undefined;
  }

  /** What becomes of a packet that a task here sends, or that arrives here. */
  async call(packet: Packet, asIfHere = false): Promise<ExplainedPart> {
    const task = this.names.taskAt(packet.source);
    if (task === undefined) return this.arrival(packet, undefined, asIfHere);
    return this.fromTask(packet, task);
  }

  /** What becomes of a packet in the sandbox of the task that it is for; `from`: the entry. */
  async task(call: TaskCall, from: string): Promise<ExplainedPart> {
    const { names } = this;
    const endpoint = names.localAt(call.address);
    if (endpoint === undefined) return this.gone(call.address);
    const { name } = names.taskAt(call.address)!;
    const sandbox = await this.sources.networks!.sandboxAt(endpoint.sandbox);
    if (sandbox === undefined) return this.gone(`${name}: ${endpoint.sandbox}`);
    const [host, book, listening] = await Promise.all([
      this.book(),
      bookOf(sandbox),
      sandbox.kernel.listeningSockets().catch(() => undefined),
    ]);
    const explanation = explainServer(call, {
      book,
      name,
      sandbox: endpoint.sandbox,
      ...this.wayIn(endpoint, from, host),
      ...(listening === undefined ? {} : { listening }),
    });
    const part = await this.told(explanation, sandbox.kernel, name);
    return { ...part, task: name };
  }

  /** By what of the host a packet comes from another node into a sandbox. */
  private wayIn(endpoint: LocalEndpoint, from: string, host: RuleBook): WayIn {
    const networks = this.sources.networks!;
    const { network } = networks.all().find((one) => one.network.name === endpoint.network)!;
    const { name, vni, sealed } = network;
    const vtep = from === networks.self || sealed ? undefined : this.names.vtepOf(from);
    const member = vtep === undefined ? undefined : memberOf(vtep, host);
    const link = host.rules.get(`link ${portName(vni, endpoint.name)}`);
    const { mac = '', addresses = [] } = this.names.entryOf(from) ?? {};
    return {
      network: name,
      bridge: bridgeName(vni),
      port: met(host, link, member),
      ...(vtep === undefined ? {} : { isMember: member !== undefined }),
      ...(name === ingressName ? { entry: { node: from, mac, addresses } } : {}),
    };
  }

  private gone(what: string): ExplainedPart {
    const text = `node ${this.sources.networks?.self ?? ''} has no task ${what} that it can look into`;
    const detail = `${text}; ask again: what others know of it may be on its way`;
    return {
      steps: [this.placed({ kind: 'end', title: 'refused', detail })],
      outcome: { verdict: 'refused', text, destinations: [] },
      next: [],
      after: [],
    };
  }

  private async fromTask(packet: Packet, task: KnownTask): Promise<ExplainedPart> {
    const { names } = this;
    const { networks } = this.sources;
    const sandbox = await networks!.sandboxAt(task.sandbox);
    if (sandbox === undefined) return this.gone(`${task.name}: ${task.sandbox}`);
    const book = await bookOf(sandbox);
    const route = await sandbox.kernel.routeTo(packet.destination).catch(() => undefined);
    const service = ({ match }: VirtualServiceRule): string => {
      const owner = sandbox.rules.ownerOf(`ipvs ${formatMatch(match)}`);
      return owner?.replace(/^service /, '') ?? formatMatch(match);
    };
    const said = explainCaller(packet, {
      book,
      name: task.name,
      node: networks!.self,
      networks: task.networks,
      host: await this.way(),
      endpointAt: (address) => names.endpointAt(address),
      networkAt: (address) => names.networkAt(address),
      serviceName: service,
      boundBy: await affinityOf(packet, book, sandbox.kernel),
      describeDestination: (_, { address }) => this.taskName(address),
      ...(route === undefined || route.type === 'unreachable' ? {} : { route }),
    });
    const part = await this.told(said, sandbox.kernel, task.name);
    if (said.leavesAs === undefined) return part;
    const on = await this.arrival({ ...packet, source: said.leavesAs }, task);
    return { ...on, steps: [...part.steps, ...on.steps], after: [...on.after, ...part.after] };
  }

  private async arrival(
    packet: Packet,
    caller: KnownTask | undefined,
    asIfHere = false,
  ): Promise<ExplainedPart> {
    const { kernel } = this.sources;
    const facts = await this.facts(packet, caller, asIfHere);
    return this.told(explain(packet, facts), kernel);
  }

  private async facts(
    packet: Packet,
    caller: KnownTask | undefined,
    asIfHere: boolean,
  ): Promise<ExplainFacts> {
    const { controller, kernel, networks } = this.sources;
    const { names } = this;
    const way = await this.way();
    const { destination } = packet;
    const boundBy = await affinityOf(packet, way.book, kernel);
    const isLocal = (address: string): boolean =>
      (asIfHere && address === destination) || this.isOwn(address);
    const outward = isLocal(destination)
      ? undefined
      : await kernel.routeTo(destination).catch(() => undefined);
    const entryAddress =
      networks === undefined ? undefined : names.entryAddress(networks.self, destination);
    return {
      ...way,
      boundBy,
      onLink: controller.onLink,
      isLocal,
      serviceName: (rule) => this.serviceName(rule),
      describeDestination: (rule, one) => this.describe(this.serviceName(rule), one),
      networkAt: (address) => names.networkAt(address),
      withheldAt: (address) => this.withheldAt(address),
      publisherOf: ({ protocol, port }) => this.publisherOf(protocol, port),
      ...(networks === undefined ? {} : { node: networks.self }),
      ...(entryAddress === undefined ? {} : { entryAddress }),
      ...(outward === undefined ? {} : { outward }),
      ...(caller === undefined ? {} : { caller: callerOf(caller) }),
    };
  }

  private isOwn(address: string): boolean {
    const { controller, networks } = this.sources;
    if (controller.isLocalAddress(address)) return true;
    const entry = networks === undefined ? undefined : this.names.entryOf(networks.self);
    if (entry?.addresses.includes(address) === true) return true;
    return controller.reconciler.held.has(
      `addr ${address}/${addressBits(familyOf(address))} dev ${vipLink}`,
    );
  }

  private serviceName({ match }: VirtualServiceRule): string {
    const { rules } = this.sources.controller;
    return rules.ownerOf(`ipvs ${formatMatch(match)}`) ?? formatMatch(match);
  }

  private withheldAt(address: string): { service: string; reason: string } | undefined {
    const { controller, table } = this.sources;
    const service = table.holderOf(address);
    const reason = service === undefined ? undefined : controller.withheldReason(service);
    return reason === undefined ? undefined : { service: service!, reason };
  }

  private publisherOf(protocol: string, port: number): Publisher | undefined {
    const { controller, table } = this.sources;
    for (const { service } of table.all()) {
      const found = publishedBy(service, protocol, port);
      if (found === undefined) continue;
      const { local, remote } = controller.networks.ingressOf(service.name);
      const problem = controller.withheldReason(service.name);
      return {
        name: service.name,
        network: service.network!,
        port: found,
        endpoints: [...local, ...remote].map((one) => this.names.known(one)),
        ...(problem === undefined ? {} : { problem }),
      };
    }
    return undefined;
  }

  private describe(service: string, destination: Destination): string {
    const { table, health } = this.sources;
    if (this.names.endpointAt(destination.address) !== undefined) {
      return this.taskName(destination.address);
    }
    const name = destinationName(table.get(service), destination.address);
    const drained = table.drainedOf(service).has(destination.address);
    const { health: state, cause } = health.report(service, destination.address);
    const notes = [
      ...(drained ? ['draining'] : []),
      ...(state === 'unhealthy' ? [`unhealthy: ${cause ?? 'no answer'}`] : []),
    ];
    return notes.length === 0 ? name : `${name} (${notes.join(', ')})`;
  }

  private taskName(address: string): string {
    const endpoint = this.names.endpointAt(address);
    if (endpoint === undefined) return address;
    return endpoint.isAway ? `${nameOf(endpoint)} (not heard of)` : nameOf(endpoint);
  }

  private async way(): Promise<{
    readonly book: RuleBook;
    nodeOf(address: string): string | undefined;
  }> {
    const nodeOf = (address: string): string | undefined => this.names.endpointAt(address)?.node;
    return { book: await this.book(), nodeOf };
  }

  private book(): Promise<RuleBook> {
    const { controller, kernel } = this.sources;
    const { rules, reconciler } = controller;
    this.hostBook ??= openBook({ kernel, desired: rules.desired, held: reconciler.held });
    return this.hostBook;
  }

  /** With what only the kernel knows, and where it is. */
  private async told(
    { steps, after, outcome, next }: Explanation,
    kernel: Kernel,
    task?: string,
  ): Promise<ExplainedPart> {
    const place = (step: ToldStep): ToldStep => this.placed(step, task);
    const told = (await withCounters(steps, kernel)).map(place);
    return { steps: told, after: after.map(toldStep).map(place), outcome, next };
  }

  private placed(step: ToldStep, task?: string): ToldStep {
    const { networks } = this.sources;
    if (networks === undefined) return step;
    return { ...step, node: networks.self, ...(task === undefined ? {} : { task }) };
  }
}

/** Whether VXLAN from there is taken (overlay/vxlan-table.ts). */
function memberOf(vtep: string, { rules }: RuleBook): Rule | undefined {
  return rules.get(`nft element ${vxlanTableName} members${familyOf(vtep)} ${vtep}`);
}

function bookOf({ kernel, rules, held }: Sandbox): Promise<RuleBook> {
  return openBook({ kernel, desired: rules.desired, held });
}

function callerOf({ name, networks }: KnownTask): NonNullable<ExplainFacts['caller']> {
  return { name, addresses: networks.flatMap(({ addresses }) => addresses) };
}

function publishedBy(
  { publish }: Service,
  protocol: string,
  port: number,
): PublishedPort | undefined {
  return publish.find(
    (one) => one.protocol === protocol && port >= one.port && port < one.port + one.count,
  );
}
