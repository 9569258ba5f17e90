import {
  endpointsByService,
  type Endpoint,
  type LocalEndpoint,
  type Network,
  type Rule,
  type Service,
} from '../model/index.js';
import {
  bridgeName,
  compileEndpoint,
  compileNetwork,
  ingressName,
  interfaceName,
  type Underlay,
} from '../overlay/index.js';
import {
  compileEntry,
  compileIngressTask,
  compileNames,
  compileVip,
  type NamesAt,
} from '../rules/index.js';
import type { PassReport } from '../reconcile/index.js';
import type { HostController } from './controller.js';
import type { Sandbox } from './sandbox.js';
import { TaskSandboxes, type TaskSandboxesOptions } from './task-sandboxes.js';

/** A network, and who is on it. */
export interface NetworkState {
  readonly network: Network;
  readonly local: readonly LocalEndpoint[];
  readonly remote: readonly Endpoint[];
}

export interface OverlayOptions extends TaskSandboxesOptions {
  readonly controller: HostController;
  readonly underlay: Underlay;
  /** Why a network cannot be in force here. */
  problemOf(network: Network): string | undefined;
  /** Undefined when there is no such network. */
  stateOf(network: string): NetworkState | undefined;
  /** Of all nodes. */
  servicesOn(network: string): readonly Service[];
  /** Addresses on the ingress network of this node's tasks that may not call the world. */
  internal(): readonly string[];
  /** Where names are answered in a sandbox; undefined where they are not. */
  namesAt(sandbox: string): NamesAt | undefined;
}

/**
 * Brings networks into force on this host: in its own sandbox, and in those that are attached.
 */
export class Overlay {
  private readonly sandboxes: TaskSandboxes;
  /** Sandboxes with an endpoint, by network; of each, services whose VIPs it has there. */
  private readonly attached = new Map<string, Map<string, Map<string, string>>>();
  /** Changes that have not reached the sandboxes yet. */
  private waiting = 0;
  /** Versions of the host's rules: of the last change from here, and the last one seen in force. */
  private version = 0;
  private seen = 0;

  constructor(private readonly options: OverlayOptions) {
    this.sandboxes = new TaskSandboxes(options);
    options.controller.passed.add((report) => this.hostPassed(report));
  }

  /** As TaskSandboxes.forgetVanished. */
  forgetVanished(): Promise<void> {
    return this.sandboxes.forgetVanished();
  }

  /** True when the host and every sandbox were seen to hold what they should. */
  get isProgrammed(): boolean {
    return this.waiting === 0 && this.isHostProgrammed && this.sandboxes.isProgrammed;
  }

  /** The same of the host alone. */
  get isHostProgrammed(): boolean {
    return this.seen >= this.version;
  }

  /** What the host holds so that sealed networks go anywhere. */
  putSeals(rules: readonly Rule[]): void {
    const { controller } = this.options;
    controller.rules.put(sealsOwner, rules);
    this.version = controller.rules.version;
    controller.reconciler.poke();
  }

  /** To be called when a network, who is on it, or a service on it is another than before. */
  changed(name: string): void {
    const { controller } = this.options;
    const known = this.options.stateOf(name);
    const problem = known === undefined ? undefined : this.options.problemOf(known.network);
    const isUsed = known !== undefined && known.local.length > 0;
    const state = isUsed && problem === undefined ? known : undefined;
    controller.rules.put(networkOwner(name), state === undefined ? [] : this.hostRules(state));
    if (name === ingressName) controller.ingressChanged();
    this.version = controller.rules.version;
    controller.reconciler.poke();
    void this.programSandboxes(name, state);
  }

  /** The sandbox of a task of this host; undefined when it cannot be entered. */
  sandboxAt(path: string): Promise<Sandbox | undefined> {
    return this.sandboxes.at(path);
  }

  stop(): Promise<void> {
    return this.sandboxes.stop();
  }

  private hostRules({ network, local, remote }: NetworkState): Rule[] {
    const rules = compileNetwork(network, this.options.underlay, local, remote);
    const own = local.find(({ isEntry }) => isEntry)?.addresses;
    if (own === undefined) return rules;
    const tasks = local.filter(({ isEntry }) => !isEntry).flatMap(({ addresses }) => addresses);
    const [device, internal] = [bridgeName(network.vni), this.options.internal()];
    const { subnets, port: vxlanPort } = network;
    const entry = { device, vxlanPort, subnets, own, tasks, internal };
    return [...rules, ...compileEntry(entry)];
  }

  private async programSandboxes(name: string, state: NetworkState | undefined): Promise<void> {
    this.waiting++;
    try {
      const tasks = (state?.local ?? []).filter(({ isEntry }) => !isEntry);
      const owner = networkOwner(name);
      // Who leaves is told first: else its sandbox would repair what goes with its device.
      const work = this.leave(name, new Set(tasks.map(({ sandbox }) => sandbox)));
      // The host's own pass makes their devices, and takes them away.
      await this.nextHostPass();
      const before = this.attached.get(name) ?? new Map<string, Map<string, string>>();
      const now = new Map(
        tasks.map(({ sandbox }) => [sandbox, before.get(sandbox) ?? new Map<string, string>()]),
      );
      this.attached.set(name, now);
      for (const endpoint of tasks) {
        work.push(this.sandboxes.put(endpoint.sandbox, owner, this.taskRules(state!, endpoint)));
        work.push(...this.programVips(state!, endpoint, now.get(endpoint.sandbox)!));
      }
      await Promise.all(work);
    } finally {
      this.waiting--;
    }
    this.options.passed();
  }

  /** Takes the rules of a network, and of its services, from all sandboxes but those. */
  private leave(network: string, staying: ReadonlySet<string>): Promise<void>[] {
    const attached = this.attached.get(network) ?? new Map<string, Map<string, string>>();
    return [...attached].flatMap(([path, services]) => {
      if (staying.has(path)) return [];
      attached.delete(path);
      const owners = [...[...services.keys()].map(serviceOwner), networkOwner(network)];
      return owners.map((owner) => this.sandboxes.put(path, owner, []));
    });
  }

  private hostPassed({ version, failed = new Set(), error }: PassReport): void {
    if (error !== undefined) void this.sandboxes.forgetVanished();
    if (failed === 'everything') return;
    const { rules } = this.options.controller;
    const isOurs = (owner: string): boolean =>
      owner === sealsOwner || owner.startsWith(networkOwner(''));
    if (![...failed].some((key) => rules.ownersOf(key).some(isOurs))) this.seen = version;
  }

  /** Resolves after a pass that knew of what is wanted by now, whether it could do it or not. */
  private nextHostPass(): Promise<void> {
    const { controller } = this.options;
    const wanted = controller.rules.version;
    return new Promise((resolve) => {
      const stop = controller.passed.add(({ version }) => {
        if (version < wanted) return;
        stop();
        resolve();
      });
    });
  }

  private taskRules({ network, local, remote }: NetworkState, endpoint: LocalEndpoint): Rule[] {
    const names = this.options.namesAt(endpoint.sandbox);
    const rules = [
      ...compileEndpoint(network, this.options.underlay, endpoint),
      ...(names === undefined ? [] : compileNames(names)),
    ];
    const own = local.find(({ isEntry }) => isEntry);
    if (own === undefined) return rules;
    const entries = [own, ...remote.filter(({ isEntry }) => isEntry)];
    return [...rules, ...compileIngressTask(interfaceName(network.vni), own, entries)];
  }

  /** VIPs of the network's services; `known` is what the sandbox has of each, as text. */
  private *programVips(
    { network, local, remote }: NetworkState,
    endpoint: LocalEndpoint,
    known: Map<string, string>,
  ): Generator<Promise<void>> {
    const services = this.options.servicesOn(network.name);
    const byService = endpointsByService([...local, ...remote]);
    for (const service of services) {
      const endpoints = byService.get(service.name) ?? [];
      const text = JSON.stringify([service, endpoints, endpoint.addresses]);
      if (known.get(service.name) === text) continue;
      known.set(service.name, text);
      const rules = compileVip(service, endpoints, endpoint);
      yield this.sandboxes.put(endpoint.sandbox, serviceOwner(service.name), rules);
    }
    const names = new Set(services.map(({ name }) => name));
    for (const name of [...known.keys()].filter((one) => !names.has(one))) {
      known.delete(name);
      yield this.sandboxes.put(endpoint.sandbox, serviceOwner(name), []);
    }
  }
}

const sealsOwner = 'seals';

function networkOwner(network: string): string {
  return `network ${network}`;
}

function serviceOwner(service: string): string {
  return `service ${service}`;
}
