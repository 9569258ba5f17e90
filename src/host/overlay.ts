import { messageOf, type Clock, type Log } from '../base/index.js';
import type { Kernel } from '../kernel/index.js';
import type { Endpoint, LocalEndpoint, Network } from '../model/index.js';
import { compileEndpoint, compileNetwork, mtuProblem, type Underlay } from '../overlay/index.js';
import type { HostController } from './controller.js';
import { Sandbox, type SandboxOptions } from './sandbox.js';

/** A network, and who is on it. */
export interface NetworkState {
  readonly network: Network;
  readonly local: readonly LocalEndpoint[];
  readonly remote: readonly Endpoint[];
}

export interface OverlayOptions {
  readonly controller: HostController;
  readonly underlay: Underlay;
  readonly clock: Clock;
  readonly log: Log;
  readonly reconcile: SandboxOptions['reconcile'];
  /** Undefined when there is no such network. */
  stateOf(network: string): NetworkState | undefined;
  openSandbox(path: string): Promise<Kernel>;
  isThere(path: string): Promise<boolean>;
  /** The namespace at `path` is gone: nothing can be attached to it any more. */
  vanished(path: string): void;
}

/**
 * Brings networks into force on this host: in its own sandbox, and in those that are attached.
 */
export class Overlay {
  private readonly sandboxes = new Map<string, Promise<Sandbox | undefined>>();
  /** Sandboxes with an endpoint, by network. */
  private readonly attached = new Map<string, ReadonlySet<string>>();
  private isStopped = false;

  constructor(private readonly options: OverlayOptions) {
    options.controller.passed.add(({ error }) => {
      if (error !== undefined) void this.lookForVanished();
    });
  }

  /** To be called when a network, or who is on it, is another than before. */
  changed(name: string): void {
    if (this.isStopped) return;
    const state = this.options.stateOf(name);
    const local = state?.local ?? [];
    const problem =
      state === undefined ? undefined : mtuProblem(state.network, this.options.underlay);
    const inForce = problem === undefined && local.length > 0 ? state : undefined;
    this.program(name, inForce);
    const before = this.attached.get(name) ?? new Set<string>();
    const now = new Set((inForce?.local ?? []).map(({ sandbox }) => sandbox));
    this.attached.set(name, now);
    if (inForce !== undefined) void this.programSandboxes(name, inForce);
    for (const path of before) if (!now.has(path)) void this.withdraw(path, name);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const sandbox of await Promise.all([...this.sandboxes.values()])) await sandbox?.stop();
  }

  private program(name: string, state: NetworkState | undefined): void {
    const { controller, underlay } = this.options;
    const rules =
      state === undefined ? [] : compileNetwork(state.network, underlay, state.local, state.remote);
    controller.rules.put(`network ${name}`, rules);
    controller.reconciler.poke();
  }

  /** After the host's own pass, which makes their devices. */
  private async programSandboxes(name: string, { network, local }: NetworkState): Promise<void> {
    const { controller, underlay } = this.options;
    await new Promise<void>((resolve) => {
      const stop = controller.passed.add(() => {
        stop();
        resolve();
      });
    });
    for (const endpoint of local) {
      if (this.attached.get(name)?.has(endpoint.sandbox) !== true) continue;
      const sandbox = await this.enter(endpoint.sandbox);
      sandbox?.put(name, compileEndpoint(network, underlay, endpoint));
    }
  }

  private enter(path: string): Promise<Sandbox | undefined> {
    const known = this.sandboxes.get(path);
    if (known !== undefined) return known;
    const opening = this.open(path);
    this.sandboxes.set(path, opening);
    return opening;
  }

  private async open(path: string): Promise<Sandbox | undefined> {
    const { log } = this.options;
    try {
      const kernel = await this.options.openSandbox(path);
      const sandbox = new Sandbox(kernel, this.options, ({ error }) => {
        if (error !== undefined) void this.lookForVanished();
      });
      await sandbox.start();
      return sandbox;
    } catch (error) {
      log.error({ sandbox: path }, `sandbox ${path}: ${messageOf(error)}`);
      this.sandboxes.delete(path);
      await this.lookForVanished();
      return undefined;
    }
  }

  /** The host's side takes the device away, and its addresses with it. */
  private async withdraw(path: string, network: string): Promise<void> {
    const sandbox = await this.sandboxes.get(path);
    sandbox?.put(network, []);
    if ([...this.attached.values()].some((paths) => paths.has(path))) return;
    this.sandboxes.delete(path);
    await sandbox?.stop();
  }

  private async lookForVanished(): Promise<void> {
    const paths = new Set([...this.attached.values()].flatMap((all) => [...all]));
    for (const path of paths) {
      if (!(await this.options.isThere(path)) && !this.isStopped) this.options.vanished(path);
    }
  }
}
