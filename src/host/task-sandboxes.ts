import { messageOf, type Clock, type Log } from '../base/index.js';
import type { Kernel } from '../kernel/index.js';
import type { Rule } from '../model/index.js';
import { Sandbox, type SandboxOptions } from './sandbox.js';

export interface TaskSandboxesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly reconcile: SandboxOptions['reconcile'];
  openSandbox(path: string): Promise<Kernel>;
  /** Same for the same namespace as long as it is used; undefined when there is none. */
  namespaceIdentity(path: string): Promise<string | undefined>;
  /** The namespace that was at `path` is gone, and all that was attached to it. */
  vanished(path: string): void;
  /** A sandbox holds what it should, or fails to. */
  passed(): void;
}

/** The sandboxes of tasks on this host, each with a reconciler of its own while it is used. */
export class TaskSandboxes {
  private readonly sandboxes = new Map<string, Promise<Sandbox | undefined>>();
  /** Of a sandbox in use, who contributes rules. */
  private readonly owners = new Map<string, Set<string>>();
  private readonly open = new Set<Sandbox>();
  /** By path, of those that were opened. */
  private readonly identities = new Map<string, string>();
  /** By path, those that are being cleared: until then nobody begins there anew. */
  private readonly leaving = new Map<string, Promise<void>>();
  private pending = 0;
  private isStopped = false;

  constructor(private readonly options: TaskSandboxesOptions) {}

  /** True when every sandbox was seen to hold what it should. */
  get isProgrammed(): boolean {
    return this.pending === 0 && [...this.open].every(({ isProgrammed }) => isProgrammed);
  }

  /** What `owner` wants of the sandbox from now on; with nothing wanted any more it is let go. */
  async put(path: string, owner: string, rules: readonly Rule[]): Promise<void> {
    const owners = this.owners.get(path) ?? new Set<string>();
    this.owners.set(path, owners);
    if (rules.length > 0) owners.add(owner);
    else if (!owners.delete(owner)) return;
    this.pending++;
    try {
      const sandbox = await this.enter(path);
      sandbox?.put(owner, rules);
      if (owners.size === 0) await this.leave(path);
    } finally {
      this.pending--;
    }
  }

  /** Undefined when it is not in use, or cannot be entered. */
  at(path: string): Promise<Sandbox | undefined> {
    return this.sandboxes.get(path) ?? Promise.resolve(undefined);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const sandbox of await Promise.all([...this.sandboxes.values()])) await sandbox?.stop();
  }

  /** Says which are gone. Another namespace may have the path of one by now. */
  async forgetVanished(): Promise<void> {
    for (const path of [...this.owners.keys()]) {
      const found = await this.options.namespaceIdentity(path);
      const isSame = found !== undefined && found === (this.identities.get(path) ?? found);
      if (!isSame && !this.isStopped) this.options.vanished(path);
    }
  }

  private enter(path: string): Promise<Sandbox | undefined> {
    const known = this.sandboxes.get(path);
    if (known !== undefined) return known;
    const opening = this.openOne(path);
    this.sandboxes.set(path, opening);
    return opening;
  }

  private async openOne(path: string): Promise<Sandbox | undefined> {
    await this.leaving.get(path);
    try {
      const identity = await this.options.namespaceIdentity(path);
      const kernel = await this.options.openSandbox(path);
      if (identity !== undefined) this.identities.set(path, identity);
      const sandbox = new Sandbox(kernel, this.options, ({ error }) => {
        if (error !== undefined) void this.forgetVanished();
        this.options.passed();
      });
      await sandbox.start();
      this.open.add(sandbox);
      return sandbox;
    } catch (error) {
      this.options.log.error({ sandbox: path }, `sandbox ${path}: ${messageOf(error)}`);
      this.sandboxes.delete(path);
      void this.forgetVanished();
      return undefined;
    }
  }

  /** Devices go with the host's side of them, and addresses and routes with the devices. */
  private async leave(path: string): Promise<void> {
    const sandbox = await this.sandboxes.get(path);
    if (this.owners.get(path)?.size !== 0) return;
    this.owners.delete(path);
    this.sandboxes.delete(path);
    this.identities.delete(path);
    if (sandbox === undefined) return;
    this.open.delete(sandbox);
    const left = sandbox.finish().then(() => sandbox.stop());
    this.leaving.set(path, left);
    await left;
    if (this.leaving.get(path) === left) this.leaving.delete(path);
  }
}
