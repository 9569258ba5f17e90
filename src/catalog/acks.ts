import type { Core } from './core.js';
import type { Applied, Confirmed, NetworkVersion } from './messages.js';
import type { Watermark } from './model.js';
import type { OwnRows } from './own.js';
import { isSameKey, useBytes } from './proof.js';
import { Budget, type Refusal } from './refusals.js';
import type { Stream } from './stream.js';

/** What an owner has not confirmed yet. */
interface Unconfirmed {
  readonly epoch: number;
  readonly versions: Map<string, number>;
  atMs: number;
  repeatMs: number;
}

/** What a node told about its use of our rows, in the message of this life and serial at last. */
interface Acknowledged {
  readonly life: number;
  readonly serial: number;
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
  /** What this node has put to use, by owner; another life of this node tells it all again. */
  private readonly used = new Map<string, { epoch: number; versions: Map<string, number> }>();
  private readonly unconfirmed = new Map<string, Unconfirmed>();
  /**
   * Kept when a node fails: who is back in the same life does not tell it again, and nobody else
   * may tell what was overheard before. Only names with a key are here; `trust` bounds these.
   */
  private readonly acknowledged = new Map<string, Acknowledged>();
  private readonly checks: Budget;
  private serial = 0;

  constructor(
    private readonly core: Core,
    private readonly own: OwnRows,
  ) {
    this.checks = new Budget(core.tunables.checksPerSecond);
  }

  /** This node has put to use what `watermark` says; the owner is told soon. */
  applied({ owner, network, epoch, version }: Watermark, now: number): void {
    const known = this.unconfirmed.get(owner);
    if (owner === this.core.self || this.core.owners.get(owner)?.epoch !== epoch) return;
    const { ackDelayMs, ackRepeatMs } = this.core.tunables;
    const versions = known?.epoch === epoch ? known.versions : new Map<string, number>();
    versions.set(network, version);
    const before = this.used.get(owner);
    const used = before?.epoch === epoch ? before.versions : new Map<string, number>();
    this.used.set(owner, { epoch, versions: used.set(network, version) });
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
  note(message: Applied, now: number): void {
    const { from, epoch, life, serial, networks } = message;
    if (epoch > this.own.epoch) return;
    const refused = this.objection(message, now);
    if (refused !== undefined) {
      this.core.refusals.count(refused);
      return;
    }
    if (epoch === this.own.epoch) {
      const known = this.acknowledged.get(from)?.versions ?? new Map<string, number>();
      const versions = new Map(known);
      for (const { network, version } of networks) {
        const isOurs = this.own.owner.streams.has(network) && version <= this.own.version;
        if (isOurs) versions.set(network, Math.max(version, versions.get(network) ?? 0));
      }
      const interest = new Set(message.interest);
      this.acknowledged.set(from, { life, serial, interest, versions });
    }
    const { self } = this.core;
    this.core.send(from, { type: 'confirmed', from: self, epoch, life, networks }, false);
  }

  confirmed({ from, epoch, life, networks }: Confirmed): void {
    const ack = this.unconfirmed.get(from);
    if (ack?.epoch !== epoch || life !== this.own.epoch) return;
    for (const { network, version } of networks) {
      if ((ack.versions.get(network) ?? Infinity) <= version) ack.versions.delete(network);
    }
    if (ack.versions.size === 0) this.unconfirmed.delete(from);
  }

  /** An owner is back: what it missed is told at once. */
  wake(owner: string, now: number): void {
    const ack = this.unconfirmed.get(owner);
    if (ack === undefined) return;
    ack.atMs = now + this.core.tunables.ackDelayMs;
    ack.repeatMs = this.core.tunables.ackRepeatMs;
  }

  /** Drops all of a node that is gone for good, or begins anew. */
  forget(node: string): void {
    this.acknowledged.delete(node);
    this.used.delete(node);
  }

  /** Our epoch is another one: nobody has its rows yet, and what we told was of another life. */
  begin(): void {
    this.acknowledged.clear();
    const { ackRepeatMs } = this.core.tunables;
    for (const [owner, { epoch, versions }] of this.used) {
      const ack = { epoch, versions: new Map(versions), repeatMs: ackRepeatMs };
      this.unconfirmed.set(owner, { ...ack, atMs: Number.NEGATIVE_INFINITY });
    }
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
    return this.core.members.up.filter((node) => {
      const told = this.toldBy(node);
      return told !== undefined && takes(told, network);
    });
  }

  /** The version of a stream of ours that every live node which takes it has. */
  floorOf(stream: Stream): number {
    let floor = Number.MAX_SAFE_INTEGER;
    for (const node of this.core.members.up) {
      const told = this.toldBy(node);
      if (told === undefined) return 0;
      if (!takes(told, stream.network)) continue;
      floor = Math.min(floor, told.versions.get(stream.network) ?? 0);
    }
    return floor;
  }

  /** What a node told in the life that it is in, as far as is known. */
  private toldBy(node: string): Acknowledged | undefined {
    const told = this.acknowledged.get(node);
    const life = this.core.owners.epochOf(node);
    return life === 0 || told?.life === life ? told : undefined;
  }

  private has(node: string, version: number): boolean {
    const told = this.toldBy(node);
    if (told === undefined) return false;
    return [...this.own.owner.streams.values()].every(
      (stream) =>
        !takes(told, stream.network) ||
        (told.versions.get(stream.network) ?? 0) >= Math.min(version, this.own.versionOf(stream)),
    );
  }

  /** Only the node itself may speak for itself, and not go back. */
  private objection(message: Applied, now: number): Refusal | undefined {
    const { owners, proofs, self, trust, tunables } = this.core;
    const { from, publicKey, life, serial, interest, networks } = message;
    const interestMax = tunables.interestMax + tunables.networksPerOwnerMax;
    const isLong = interest.length > interestMax || networks.length > tunables.networksPerOwnerMax;
    if (isLong) return 'networks';
    const told = this.toldBy(from);
    const isBefore = told !== undefined && (life - told.life || serial - told.serial) < 0;
    if (life < owners.epochOf(from) || isBefore) return 'stale';
    const key = owners.get(from)?.publicKey ?? trust.keyOf(from);
    if (key !== undefined && !isSameKey(key, publicKey)) return 'key';
    if (!this.checks.take(1, now)) return 'busy';
    const bytes = useBytes({ ...message, owner: self });
    if (!proofs.verify(publicKey, bytes, message.signature)) return 'signature';
    return key === undefined && !trust.bind(from, publicKey) ? 'key' : undefined;
  }

  private tell(owner: string, ack: Unconfirmed, now: number): void {
    const networks: NetworkVersion[] = Array.from(ack.versions, ([network, version]) => {
      return { network, version };
    });
    const { self: from, interest, proofs, tunables } = this.core;
    const use = {
      from,
      epoch: ack.epoch,
      life: this.own.epoch,
      serial: ++this.serial,
      interest: [...interest].filter((network) => network !== ''),
      networks,
    };
    const signature = proofs.sign(useBytes({ ...use, owner }));
    const { publicKey } = proofs;
    // From the third time on as a stream: somebody may wait for it while datagrams are lost.
    const reliable = ack.repeatMs > 2 * tunables.ackRepeatMs;
    this.core.send(owner, { type: 'applied', publicKey, ...use, signature }, reliable);
    ack.atMs = now + ack.repeatMs;
    ack.repeatMs = Math.min(2 * ack.repeatMs, repeatFactorMax * tunables.ackRepeatMs);
  }
}

function takes(told: Acknowledged, network: string): boolean {
  return network === '' || told.interest.has(network);
}
