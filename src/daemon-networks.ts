import { messageOf, type Clock, type Log } from './base/index.js';
import type { DaemonDns } from './daemon-dns.js';
import { Overlay, type HostController, type OverlayOptions } from './host/index.js';
import type { DataPath } from './kernel/index.js';
import { Ingress, type MeshNode } from './mesh/index.js';
import {
  endpointsByService,
  familyOf,
  type Endpoint,
  type Network,
  type Service,
} from './model/index.js';
import { ingressName, mtuProblem, vipRange, type Underlay } from './overlay/index.js';
import { VipPool, type ServiceTable } from './store/index.js';

export interface DaemonNetworksOptions {
  readonly table: ServiceTable;
  readonly controller: HostController;
  readonly underlay: Underlay;
  readonly clock: Clock;
  readonly log: Log;
  readonly reconcile: OverlayOptions['reconcile'];
  readonly openSandbox: OverlayOptions['openSandbox'];
  readonly namespaceIdentity: OverlayOptions['namespaceIdentity'];
  readonly dataPath: DataPath;
  /** Why a sealed network cannot be on this host. */
  readonly sealProblem: () => string | undefined;
  /** A sealed network, or who is on it, is another than before. */
  readonly sealedChanged: () => void;
  /** Absent = names are not answered. */
  readonly names?: DaemonDns | undefined;
  /** Called when it is needed for the first time, or later. */
  readonly node: () => MeshNode;
}

/** Changes of services and of networks that come together are looked at together. Unit: ms. */
const lookDelayMs = 5;
/** A sandbox that is not as it should be by then has a problem that does not go away. Unit: ms. */
const settleLimitMs = 5_000;

/**
 * Networks, services and tasks of this host, brought together: who is on the ingress network, what
 * the host and its sandboxes hold, and which VIPs services have.
 */
export class DaemonNetworks {
  readonly overlay: Overlay;
  private readonly ingress: Ingress;
  /** Who waits until all is in force. */
  private readonly waiting = new Set<() => void>();
  /** Networks that endpoints have left whose namespace is gone. */
  private readonly left = new Set<string>();
  private cancelLook: (() => void) | undefined;
  /** By network, its services as text, as the overlay knows them. */
  private readonly services = new Map<string, string>();
  /** By network, by service: endpoints as of the network's last change. */
  private readonly endpoints = new Map<string, ReadonlyMap<string, readonly Endpoint[]>>();

  constructor(private readonly options: DaemonNetworksOptions) {
    const { controller, table } = options;
    const networks = () => options.node().networks;
    this.overlay = new Overlay({
      ...options,
      problemOf: (network) => this.problemOf(network),
      stateOf: (network) => networks().view(network),
      servicesOn: (network) => this.servicesOn(network),
      internal: () => this.ingress.internalAddresses(),
      namesAt: (sandbox) => options.names?.at(sandbox),
      vanished: (path) => this.forgetSandbox(path),
      passed: () => this.passed(),
    });
    this.ingress = new Ingress({
      networks,
      log: options.log,
      services: () => Array.from(table.all(), ({ service }) => service),
    });
    controller.networks = {
      endpointsOf: ({ name, network }) => {
        const own = network === undefined ? [] : this.endpointsOn(network, name);
        return own.length > 0 ? own : this.endpointsOn(ingressName, name);
      },
      problemOf: (name) => {
        const network = networks().network(name);
        if (network === undefined) return `network ${name}: not found`;
        return this.problemOf(network) ?? this.ingress.problem;
      },
      ingressOf: (service) => {
        const endpoints = this.endpointsOn(ingressName, service);
        const isOurs = ({ node }: Endpoint): boolean => node === options.node().options.name;
        const subnets = networks().network(ingressName)?.subnets ?? [];
        return {
          local: endpoints.filter((one) => isOurs(one)),
          remote: endpoints.filter((one) => !isOurs(one)),
          families: [...new Set(subnets.map(familyOf))],
          isTracked: options.dataPath.kind === 'nftables',
        };
      },
    };
    controller.serviceChanged.add(() => this.look());
    controller.passed.add(() => this.passed());
  }

  /** What the earlier run knew comes into force. */
  async start(): Promise<void> {
    // Else what leads to names would go and come back.
    await this.options.names?.sync();
    for (const { network } of this.options.node().networks.all()) this.changed(network.name);
  }

  /** To be called when a network, or who is on it, is another than before. */
  changed(network: string): void {
    const { controller, log } = this.options;
    this.endpoints.delete(network);
    this.options.names?.networkChanged(network);
    this.overlay.changed(network);
    if (network === ingressName) return;
    // Of one that is gone nobody knows any more.
    if (this.options.node().networks.network(network)?.sealed !== false)
      this.options.sealedChanged();
    controller.networkChanged(network).catch((error: unknown) => {
      log.error({ err: error }, `network ${network}: ${messageOf(error)}`);
    });
    this.look();
  }

  /**
   * As `changed`; resolves when what follows from it is told to other nodes and this host's kernel
   * holds it, or fails to for long.
   */
  async changedNow(network: string): Promise<void> {
    this.changed(network);
    await this.lookNow();
    if (this.overlay.isProgrammed) return;
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.after(settleLimitMs, resolve);
      this.waiting.add(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Endpoints whose namespace is gone leave, and nothing of theirs is left in force. */
  async forgetVanished(): Promise<void> {
    await this.overlay.forgetVanished();
    // Whoever has the path of one begins anew there: what served the old one must not be taken for his.
    for (const network of this.left) {
      this.left.delete(network);
      await this.changedNow(network);
    }
  }

  async stop(): Promise<void> {
    this.cancelLook?.();
    await this.overlay.stop();
  }

  /** Why a network cannot be in force here. */
  problemOf(network: Network): string | undefined {
    const sealProblem = network.sealed ? this.options.sealProblem() : undefined;
    return sealProblem ?? mtuProblem(network, this.options.underlay);
  }

  /** The VIPs of a network; undefined when it is not known. */
  vipPoolOf(name: string): VipPool | undefined {
    const network = this.options.node().networks.network(name);
    return network === undefined ? undefined : new VipPool(network.subnets.map(vipRange));
  }

  private passed(): void {
    if (!this.overlay.isProgrammed) return;
    this.options.node().services.passed(0);
    for (const done of this.waiting) done();
    this.waiting.clear();
  }

  private look(): void {
    this.cancelLook ??= this.options.clock.after(lookDelayMs, () => {
      this.cancelLook = undefined;
      void this.lookNow();
    });
  }

  private async lookNow(): Promise<void> {
    const { node } = this.options;
    for (const { network, local } of node().networks.all()) {
      if (local.length === 0) continue;
      const text = JSON.stringify(this.servicesOn(network.name));
      if (this.services.get(network.name) === text) continue;
      this.services.set(network.name, text);
      this.overlay.changed(network.name);
    }
    // A sandbox leads to where names are answered in it once that is known.
    for (const network of (await this.options.names?.sync()) ?? []) this.overlay.changed(network);
    if (!this.ingress.update()) return;
    // What is not on disk does not begin: after a crash nobody would know whose it is.
    try {
      await node().save();
      this.endpoints.delete(ingressName);
      this.overlay.changed(ingressName);
    } catch (error) {
      this.notKept(error);
    }
  }

  private endpointsOn(network: string, service: string): readonly Endpoint[] {
    const known = this.endpoints.get(network);
    if (known !== undefined) return known.get(service) ?? [];
    const { local = [], remote = [] } = this.options.node().networks.view(network) ?? {};
    const found = endpointsByService([...local, ...remote]);
    this.endpoints.set(network, found);
    return found.get(service) ?? [];
  }

  private servicesOn(network: string): Service[] {
    return Array.from(this.options.table.all(), ({ service }) => service).filter(
      (service) => service.network === network,
    );
  }

  /** A namespace is gone: so are its endpoints. */
  private forgetSandbox(path: string): void {
    const { log, node } = this.options;
    for (const { network, local } of node().networks.all()) {
      for (const { name, sandbox } of local.filter((one) => one.sandbox === path)) {
        log.info({ sandbox }, `endpoint ${name} of network ${network.name}: its namespace is gone`);
        node().networks.detach(network.name, name);
        this.left.add(network.name);
        this.changed(network.name);
      }
    }
    node()
      .save()
      .catch((error: unknown) => this.notKept(error));
  }

  private notKept(error: unknown): void {
    const text = `the state of the mesh could not be kept: ${messageOf(error)}`;
    this.options.log.error({ err: error }, text);
  }
}
