import { MeshError, messageOf, type Clock, type Log } from './base/index.js';
import type { Overlay } from './host/index.js';
import type { Kernel } from './kernel/index.js';
import type { MeshNode } from './mesh/index.js';
import {
  compileSeals,
  nextSealStep,
  provenKey,
  type Proven,
  type SealView,
  type Underlay,
} from './overlay/index.js';

export interface DaemonSealsOptions {
  readonly kernel: Pick<Kernel, 'observe' | 'wireguardPeers'>;
  readonly overlay: Overlay;
  readonly underlay: Underlay;
  readonly clock: Clock;
  readonly log: Log;
  /** Age of a key at which it gives way to the next; absent = never. Unit: milliseconds. */
  readonly rotationMs: number | undefined;
  /** Called when it is needed for the first time, or later. */
  readonly node: () => MeshNode;
  /** `problem` is another than before. */
  readonly problemChanged: () => void;
}

/** Changes that come together are looked at together. Unit: milliseconds. */
const lookDelayMs = 5;
/** Between two looks at the handshakes while keys change. Unit: milliseconds. */
const changeIntervalMs = 1_000;
/** Longest wait for the age of a key. Unit: milliseconds. */
const waitMaxMs = 3_600_000;
/** A session ends then, and without another handshake nothing passes (REJECT_AFTER_TIME). */
const sessionS = 180;
/** What a new device takes over: without IPv6 it gets no address. */
const ipv6Setting = 'net/ipv6/conf/default/disable_ipv6';
/** As text. */
const noRules = '[]';

/**
 * The seals of this host: what its kernel holds of them, and the next step of its keys. Does
 * nothing as long as nobody here is on a sealed network.
 */
export class DaemonSeals {
  private problemText: string | undefined;
  private isProbed = false;
  private proven: Proven = new Set();
  private rulesText = noRules;
  private planned: { readonly at: number; readonly cancel: () => void } | undefined;
  private looking: Promise<unknown> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: DaemonSealsOptions) {}

  /** Why there can be no sealed network on this host. */
  get problem(): string | undefined {
    return this.problemText;
  }

  /** Looks at what `problem` depends on: a module may be loaded, a setting changed at any time. */
  async probe(): Promise<void> {
    const before = this.problemText;
    this.problemText = await this.problemNow();
    this.isProbed = true;
    if (this.problemText === before) return;
    if (this.problemText !== undefined)
      this.options.log.error({}, `sealed networks: ${this.problemText}`);
    this.options.problemChanged();
  }

  /** Before the host's first pass: what the earlier run had comes into force at once. */
  async start(): Promise<void> {
    const view = this.view();
    if (view.own.length === 0 && !view.isWanted) return;
    await this.probe();
    if (view.own.length > 1) await this.readHandshakes();
    this.put(view);
  }

  /** To be called when a sealed network, who is on it, or what nodes announce is another than before. */
  look(): void {
    this.plan(lookDelayMs);
  }

  /**
   * Gives all nodes new keys; returns their generation. Resolves when this node has told the
   * others. Errors: failed_precondition (no sealed network here, or keys change already).
   */
  rotate(): Promise<number> {
    const turn = this.looking.then(async () => {
      const { own, latest } = this.view();
      const top = own.at(-1);
      if (top === undefined) {
        throw new MeshError('failed_precondition', 'nobody here is on a sealed network');
      }
      if (own.length > 1 || latest > top.generation) {
        throw new MeshError('failed_precondition', 'the keys are being changed already');
      }
      await this.options.node().seals.take({ kind: 'make', generation: top.generation + 1 });
      this.look();
      return top.generation + 1;
    });
    this.looking = turn.catch(() => undefined);
    return turn;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.planned?.cancel();
    await this.looking;
  }

  private view(): SealView & { readonly isWanted: boolean } {
    const { networks, seals } = this.options.node();
    return seals.view(networks.all());
  }

  private plan(delayMs: number): void {
    const { clock, log } = this.options;
    const at = clock.now() + delayMs;
    if (this.isStopped || (this.planned !== undefined && this.planned.at <= at)) return;
    this.planned?.cancel();
    const cancel = clock.after(delayMs, () => {
      this.planned = undefined;
      this.looking = this.looking
        .then(() => this.lookNow())
        .catch((error: unknown) => {
          log.error({ err: error }, `keys of sealed networks: ${messageOf(error)}`);
          this.plan(changeIntervalMs);
        });
    });
    this.planned = { at, cancel };
  }

  private async lookNow(): Promise<void> {
    const { node, overlay, rotationMs } = this.options;
    const before = this.view();
    const isIdle = before.own.length === 0 && !before.isWanted;
    if (isIdle && this.rulesText === noRules) return;
    if (!this.isProbed) await this.probe();
    if (before.own.length > 1) await this.readHandshakes();
    const view = this.view();
    const isChanged = this.put(view);
    const step = nextSealStep(view, {
      isWanted: view.isWanted && this.problemText === undefined,
      proven: this.proven,
      isSettled: !isChanged && overlay.isHostProgrammed,
      ...(rotationMs === undefined ? {} : { rotationMs }),
    });
    if (step !== undefined) {
      await node().seals.take(step);
      this.look();
    } else if (view.own.length > 1) this.plan(changeIntervalMs);
    else if (rotationMs !== undefined && view.own.length > 0) {
      const leftMs = rotationMs - view.own[0]!.ageMs;
      this.plan(Math.min(waitMaxMs, Math.max(changeIntervalMs, leftMs)));
    }
  }

  /** Returns whether the rules are others than before. */
  private put(view: SealView): boolean {
    const { overlay, underlay } = this.options;
    const rules = compileSeals(view, underlay, this.proven);
    // A private key shows as its public one.
    const text = JSON.stringify(rules);
    if (text === this.rulesText) return false;
    this.rulesText = text;
    overlay.putSeals(rules);
    return true;
  }

  private async readHandshakes(): Promise<void> {
    const peers = await this.options.kernel.wireguardPeers();
    this.proven = new Set(
      peers.flatMap(({ device, publicKey, handshakeAgeS }) =>
        handshakeAgeS !== undefined && handshakeAgeS <= sessionS
          ? [provenKey(device, publicKey)]
          : [],
      ),
    );
  }

  private async problemNow(): Promise<string | undefined> {
    const { kernel } = this.options;
    try {
      await kernel.wireguardPeers();
      const { own } = await kernel.observe({
        sysctls: [ipv6Setting],
        withoutVirtualServices: true,
      });
      const setting = own.get(`sysctl ${ipv6Setting}`);
      const isOn = setting?.kind === 'sysctl' && setting.value === '0';
      return isOn ? undefined : `sealed networks need IPv6, which is off here (${ipv6Setting})`;
    } catch (error) {
      // What may be otherwise in a moment must not cost the keys.
      if (error instanceof MeshError && error.code === 'failed_precondition') return error.message;
      throw error;
    }
  }
}
