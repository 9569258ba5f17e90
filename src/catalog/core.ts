import { encodeMessage } from './codec.js';
import { Feed, View } from './feed.js';
import { Members } from './members.js';
import type { Message } from './messages.js';
import type { CatalogEffect, Proofs, Trust } from './model.js';
import { Owners } from './owners.js';
import { Refusals } from './refusals.js';
import type { CatalogTunables } from './tunables.js';

/** A liar may make up more. */
const disputedMax = 64;

/** What the parts of a catalog share. */
export class Core {
  readonly refusals = new Refusals();
  readonly members: Members;
  readonly feed = new Feed();
  readonly owners: Owners;
  readonly view: View;
  /** Networks that this node takes, '' included. */
  interest: ReadonlySet<string> = new Set(['']);
  /** Names that somebody used with another key than the one that they are bound to. */
  readonly disputed = new Set<string>();
  private effects: CatalogEffect[] = [];

  constructor(
    readonly self: string,
    readonly tunables: CatalogTunables,
    readonly random: () => number,
    readonly proofs: Proofs,
    readonly trust: Trust,
  ) {
    const touch = (owner: string, network: string, key: string): void =>
      this.feed.touch(owner, network, key);
    this.members = new Members(tunables.goneMax);
    this.owners = new Owners(tunables.gravesMax, touch);
    this.view = new View(self, this.owners, this.members);
  }

  /** `reliable`: where it must arrive at once; else as a datagram if it fits into one. */
  send(to: string, message: Message, reliable: boolean): void {
    const payload = encodeMessage(message);
    const stream = reliable || payload.length > this.tunables.datagramBytes;
    this.emit({ kind: 'send', to, payload, reliable: stream });
  }

  emit(effect: CatalogEffect): void {
    if (this.effects.length >= this.tunables.effectsMax) {
      const oldest = this.effects.findIndex(({ kind }) => kind === 'send' || kind === 'broadcast');
      this.effects.splice(Math.max(0, oldest), 1);
    }
    this.effects.push(effect);
  }

  dispute(name: string): void {
    if (this.disputed.size < disputedMax) this.disputed.add(name);
  }

  hasChangesWaiting(): boolean {
    return this.effects.some(({ kind }) => kind === 'changes');
  }

  takeEffects(): CatalogEffect[] {
    const { effects } = this;
    this.effects = [];
    return effects;
  }
}
