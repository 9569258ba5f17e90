import type { Core } from './core.js';
import type { Applied, Confirmed, NetworkVersion } from './messages.js';
import type { Watermark } from './model.js';
import type { OwnRows } from './own.js';
import type { Stream } from './stream.js';

/** What an owner has not confirmed yet. */
interface Unconfirmed {
  readonly epoch: number;
  readonly versions: Map<string, number>;
  atMs: number;
  repeatMs: number;
}

/** What a node told about its use of our rows. */
interface Acknowledged {
  readonly interest: ReadonlySet<string>;
  readonly versions: ReadonlyMap<string, number>;
}

export interface Acknowledgement {
  /** Live nodes that have put to use everything up to the version that is for them. */
  readonly have: readonly string[];
  /** Live nodes that have not, or have not said so. */
  readonly lack: readonly string[];
}

const repeatFactorMax = 16;

/** Tells owners what this node has put to use, and keeps what others tell of our own rows. */
export class Acks {
  private readonly unconfirmed = new Map<string, Unconfirmed>();
  private readonly acknowledged = new Map<string, Acknowledged>();

  constructor(
    private readonly core: Core,
    private readonly own: OwnRows,
  ) {}

  /** This node has put to use what `watermark` says; the owner is told soon. */
  applied({ owner, network, epoch, version }: Watermark, now: number): void {
    const known = this.unconfirmed.get(owner);
    if (owner === this.core.self || this.core.owners.get(owner)?.epoch !== epoch) return;
    const { ackDelayMs, ackRepeatMs } = this.core.tunables;
    const versions = known?.epoch === epoch ? known.versions : new Map<string, number>();
    versions.set(network, version);
    const atMs = Math.min(now + ackDelayMs, known?.atMs ?? Number.POSITIVE_INFINITY);
    this.unconfirmed.set(owner, { epoch, versions, atMs, repeatMs: ackRepeatMs });
  }

  tick(now: number): void {
    for (const [owner, ack] of this.unconfirmed) {
      if (this.core.owners.get(owner)?.epoch !== ack.epoch) this.unconfirmed.delete(owner);
      else if (now >= ack.atMs && this.core.members.isUp(owner)) this.tell(owner, ack, now);
    }
  }

  /** Our rows, as told by a node; confirmed even if of an epoch before, so that it ends. */
  note(message: Applied): void {
    const { from, epoch, networks } = message;
    if (epoch > this.own.epoch || networks.length > this.core.tunables.networksPerOwnerMax) return;
    if (epoch === this.own.epoch) {
      const known = this.acknowledged.get(from)?.versions ?? new Map<string, number>();
      const versions = new Map(known);
      for (const { network, version } of networks) {
        const isOurs = this.own.owner.streams.has(network) && version <= this.own.version;
        if (isOurs) versions.set(network, Math.max(version, versions.get(network) ?? 0));
      }
      const interest = new Set(message.interest.slice(0, this.core.tunables.interestMax));
      this.acknowledged.set(from, { interest, versions });
    }
    this.core.send(from, { type: 'confirmed', from: this.core.self, epoch, networks }, false);
  }

  confirmed({ from, epoch, networks }: Confirmed): void {
    const ack = this.unconfirmed.get(from);
    if (ack?.epoch !== epoch) return;
    for (const { network, version } of networks) {
      if ((ack.versions.get(network) ?? Infinity) <= version) ack.versions.delete(network);
    }
    if (ack.versions.size === 0) this.unconfirmed.delete(from);
  }

  /** Forgets all that was told: our epoch is another one, or the node is gone. */
  forget(node?: string): void {
    if (node === undefined) this.acknowledged.clear();
    else this.acknowledged.delete(node);
  }

  /** Who has our rows up to `version` in use. */
  state(version: number): Acknowledgement {
    const have: string[] = [];
    const lack: string[] = [];
    for (const node of this.core.members.up) {
      (this.has(node, version) ? have : lack).push(node);
    }
    return { have: have.sort(), lack: lack.sort() };
  }

  /** Live nodes that told their interest in a network. */
  takersOf(network: string): string[] {
    return [...this.acknowledged].filter(([, told]) => takes(told, network)).map(([node]) => node);
  }

  /** The version of a stream of ours that every live node which takes it has. */
  floorOf(stream: Stream): number {
    let floor = Number.MAX_SAFE_INTEGER;
    for (const node of this.core.members.up) {
      const told = this.acknowledged.get(node);
      if (told === undefined) return 0;
      if (!takes(told, stream.network)) continue;
      floor = Math.min(floor, told.versions.get(stream.network) ?? 0);
    }
    return floor;
  }

  private has(node: string, version: number): boolean {
    const told = this.acknowledged.get(node);
    if (told === undefined) return false;
    return [...this.own.owner.streams.values()].every(
      (stream) =>
        !takes(told, stream.network) ||
        (told.versions.get(stream.network) ?? 0) >= Math.min(version, this.own.versionOf(stream)),
    );
  }

  private tell(owner: string, ack: Unconfirmed, now: number): void {
    const networks: NetworkVersion[] = Array.from(ack.versions, ([network, version]) => {
      return { network, version };
    });
    const interest = [...this.core.interest].filter((network) => network !== '');
    const { self, tunables } = this.core;
    this.core.send(
      owner,
      { type: 'applied', from: self, epoch: ack.epoch, interest, networks },
      false,
    );
    ack.atMs = now + ack.repeatMs;
    ack.repeatMs = Math.min(2 * ack.repeatMs, repeatFactorMax * tunables.ackRepeatMs);
  }
}

function takes(told: Acknowledged, network: string): boolean {
  return network === '' || told.interest.has(network);
}
