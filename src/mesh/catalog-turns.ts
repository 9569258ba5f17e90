import type { Clock } from '../base/index.js';
import type { Catalog, CatalogEffect } from '../catalog/index.js';
import type { MemberEvent } from '../gossip/index.js';

/** Between two turns. Unit: milliseconds. */
const tickMs = 100;
/** What came in or changed here does not wait for the next turn, only for others of its kind. */
const soonMs = 5;

/** What a catalog needs of the node around it. */
export interface CatalogSurroundings {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  broadcast(name: string, payload: Uint8Array): void;
  send(to: string, payload: Uint8Array, reliable: boolean): void;
  changed(changes: CatalogEffect & { readonly kind: 'changes' }): void;
  epochBegan(epoch: number): void;
}

/** Gives a catalog its turns, and what gossip brings; does what it wants done. */
export class CatalogTurns {
  private cancelTick: () => void = () => undefined;
  private cancelSoon: (() => void) | undefined;
  /** Between `start` and `stop`: only then is there gossip to carry anything. */
  private isRunning = false;

  constructor(
    private readonly catalog: Catalog,
    private readonly around: CatalogSurroundings,
  ) {}

  start(): void {
    this.isRunning = true;
    this.turn();
  }

  stop(): void {
    this.isRunning = false;
    this.cancelTick();
    this.cancelSoon?.();
  }

  /** To be called when this node has changed its rows. */
  soon(): void {
    if (!this.isRunning) return;
    this.cancelSoon ??= this.around.clock.after(soonMs, () => this.turn());
  }

  memberChanged(node: string, change: MemberEvent['change']): void {
    // Who is suspected is still there; who is forgotten was gone before.
    if (change === 'suspected' || change === 'forgotten') return;
    const state = change === 'failed' || change === 'left' ? change : 'up';
    this.catalog.memberChanged(node, state, this.around.clock.now());
    this.soon();
  }

  receive(payload: Uint8Array): void {
    this.catalog.receive(payload, undefined, this.around.clock.now());
    this.do();
    this.soon();
  }

  private turn(): void {
    this.cancelSoon?.();
    this.cancelSoon = undefined;
    this.cancelTick();
    this.catalog.tick(this.around.clock.now());
    this.do();
    this.cancelTick = this.around.clock.after(tickMs, () => this.turn());
  }

  private do(): void {
    for (const effect of this.catalog.ready()) {
      switch (effect.kind) {
        case 'broadcast':
          this.around.broadcast(effect.name, effect.payload);
          break;
        case 'send':
          this.around.send(effect.to, effect.payload, effect.reliable);
          break;
        case 'changes':
          this.around.changed(effect);
          break;
        case 'epoch':
          this.around.epochBegan(effect.epoch);
          break;
      }
    }
  }
}
