import { randomBytes } from 'node:crypto';
import { messageOf, type Log } from '../base/index.js';
import type { CatalogChange } from '../catalog/index.js';
import { PrivateKey } from '../model/index.js';
import {
  checkSeal,
  sealPort,
  type OwnSeal,
  type Seal,
  type SealPeer,
  type SealStep,
  type SealView,
} from '../overlay/index.js';
import type { NetworkView } from './network-view.js';
import { readRow, rowBytes } from './slices.js';

/** What a node keeps of seals over a restart. Holds secrets. */
export interface SavedSeals {
  readonly own: readonly {
    readonly generation: number;
    /** Base64. */
    readonly privateKey: string;
    readonly isAnnounced: boolean;
    readonly ageMs: number;
  }[];
  /** Of other nodes: they are served until they are heard of, or not heard of for long. */
  readonly others: readonly { readonly node: string; readonly seals: readonly Seal[] }[];
}

export const noSeals: SavedSeals = { own: [], others: [] };

export interface SealsOptions {
  readonly self: string;
  /** Where this host takes the packets of its even generations; the odd ones have the next port. */
  readonly at: { readonly address: string; readonly port: number };
  readonly rows: {
    put(key: string, value: Uint8Array): void;
    delete(key: string): void;
  };
  readonly log: Log;
  /** Of an earlier run. */
  readonly saved: SavedSeals;
  /** Unit: milliseconds, of a clock that never goes back. */
  now(): number;
  /** Resolves when what the next run needs is on disk. */
  save(): Promise<void>;
  /** What other nodes announce is other than before. */
  changed(): void;
}

interface OwnKey {
  readonly key: PrivateKey;
  isAnnounced: boolean;
  /** By the clock; before it began for a key of an earlier run. */
  readonly madeAt: number;
}

interface OtherNode {
  isAway: boolean;
  /** By generation. */
  readonly seals: Map<number, Seal>;
}

const sealKey = (generation: number | ''): string => `seal/${generation}`;

/** The keys that seal networks: this node's own, and what all nodes announce. */
export class Seals {
  private readonly own = new Map<number, OwnKey>();
  private readonly others = new Map<string, OtherNode>();
  /** Of `others`, those whom only the earlier run knew. */
  private readonly unheard = new Set<string>();

  constructor(private readonly options: SealsOptions) {
    for (const { generation, privateKey, isAnnounced, ageMs } of options.saved.own) {
      const key = new PrivateKey(Buffer.from(privateKey, 'base64'));
      this.own.set(generation, { key, isAnnounced, madeAt: options.now() - ageMs });
    }
    for (const { node, seals } of options.saved.others) {
      const byGeneration = new Map(seals.map((seal) => [seal.generation, seal]));
      this.others.set(node, { isAway: false, seals: byGeneration });
      this.unheard.add(node);
    }
  }

  /** Tells the others of what an earlier run had. */
  start(): void {
    for (const [generation, { isAnnounced }] of this.own) {
      if (isAnnounced) this.publish(generation);
    }
  }

  saved(): SavedSeals {
    const own = this.ownSeals().map(({ generation, key, isAnnounced, ageMs }) => {
      const privateKey = Buffer.from(key.reveal()).toString('base64');
      return { generation, privateKey, isAnnounced, ageMs };
    });
    const others = Array.from(this.others, ([node, { seals }]) => {
      return { node, seals: [...seals.values()] };
    });
    return { own, others };
  }

  /** As they concern a node on these networks. */
  view(networks: readonly NetworkView[]): SealView & { readonly isWanted: boolean } {
    const sealed = networks.filter(({ network, local }) => network.sealed && local.length > 0);
    const nodes = new Set(sealed.flatMap(({ remote }) => remote.map(({ node }) => node)));
    const peers = [...nodes].flatMap((node): SealPeer[] => {
      const other = this.others.get(node);
      if (other === undefined) return [];
      return [{ node, isAway: other.isAway, seals: [...other.seals.values()] }];
    });
    let latest = Math.max(-1, ...this.own.keys());
    for (const { seals } of this.others.values()) latest = Math.max(latest, ...seals.keys());
    return { own: this.ownSeals(), peers, latest, isWanted: sealed.length > 0 };
  }

  /** Errors: those of `save`; then nothing was made. */
  async take({ kind, generation }: SealStep): Promise<void> {
    const { options } = this;
    options.log.info(
      { generation },
      `${stepTexts[kind]} of generation ${generation} for sealed networks`,
    );
    if (kind === 'make') {
      const key = new PrivateKey(randomBytes(32));
      // What is not on disk does not begin: after a crash the others would seal for nobody.
      this.own.set(generation, { key, isAnnounced: true, madeAt: options.now() });
      await options.save().catch((error: unknown) => {
        this.own.delete(generation);
        throw error;
      });
      this.publish(generation);
      return;
    }
    options.rows.delete(sealKey(generation));
    if (kind === 'drop') this.own.delete(generation);
    else this.own.get(generation)!.isAnnounced = false;
    await options.save();
  }

  catalogChanged(changes: readonly CatalogChange[]): void {
    const ours = changes.filter(
      ({ row }) => row.key.startsWith(sealKey('')) && row.owner !== this.options.self,
    );
    for (const change of ours) this.note(change);
    if (ours.length > 0) this.options.changed();
  }

  /** Nodes of which only an earlier run knew are not waited for any longer. */
  forgetUnheard(): void {
    for (const node of this.unheard) this.others.delete(node);
    if (this.unheard.size > 0) this.options.changed();
    this.unheard.clear();
  }

  private note({ row: { owner, key, value }, gone, inService }: CatalogChange): void {
    if (this.unheard.delete(owner)) this.others.delete(owner);
    const other = this.others.get(owner) ?? { isAway: false, seals: new Map<number, Seal>() };
    this.others.set(owner, other);
    other.isAway = !inService;
    const generation = Number(key.slice(sealKey('').length));
    other.seals.delete(generation);
    try {
      if (!gone && value !== undefined) {
        other.seals.set(generation, checkSeal(generation, readRow(value).body));
      }
    } catch (error) {
      this.options.log.warn({ node: owner, key }, `row left out: ${messageOf(error)}`);
    }
    if (other.seals.size === 0) this.others.delete(owner);
  }

  private publish(generation: number): void {
    const { address, port } = this.options.at;
    const { publicKey } = this.own.get(generation)!.key;
    const body = { publicKey, address, port: sealPort(port, generation) };
    this.options.rows.put(sealKey(generation), rowBytes(0, body));
  }

  private ownSeals(): OwnSeal[] {
    const { at } = this.options;
    const now = this.options.now();
    return [...this.own]
      .sort(([a], [b]) => a - b)
      .map(([generation, { key, isAnnounced, madeAt }]) => {
        const port = sealPort(at.port, generation);
        return { generation, key, port, isAnnounced, ageMs: now - madeAt };
      });
  }
}

const stepTexts = {
  make: 'made a key',
  withdraw: 'nothing is sent any more by the key',
  drop: 'dropped the key',
} as const;
