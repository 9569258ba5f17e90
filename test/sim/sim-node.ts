import {
  Catalog,
  FirstSightTrust,
  type CatalogChange,
  type CatalogTunables,
  type Proofs,
} from '../../src/catalog/index.js';
import type { GossipEvent, MemberState, PeerAddress } from '../../src/gossip/index.js';
import { CatalogTurns } from '../../src/mesh/catalog-turns.js';
import { unwrapUserMessage, wrapUserMessage } from '../../src/mesh/user-message.js';
import { CheapProofs } from '../support/cheap-proofs.js';
import type { Network } from './network.js';
import { SimMember, type Choices } from './sim-member.js';

export interface SimNodeOptions {
  readonly choices: Omit<Choices, 'userState'>;
  readonly tunables?: Partial<CatalogTunables>;
  /** Default: some that cost nothing. */
  readonly proofs?: Proofs;
  readonly onChanges?: (node: SimNode, changes: readonly CatalogChange[]) => void;
}

/** How a node starts. */
export interface SimStart {
  /** Its state file: absent = lost, but for its key. */
  readonly keepsState?: boolean;
  readonly join?: readonly PeerAddress[];
  /** Members that it knows from the first moment on, itself among them or not. */
  readonly known?: readonly MemberState[];
}

/** A host with a member and its catalog, put together as in the daemon. */
export class SimNode {
  readonly member: SimMember;
  catalog: Catalog | undefined;
  /** What its host wants to be known, by key; survives a crash. */
  readonly wanted = new Map<string, string>();
  /** What a state file would hold. */
  private savedEpoch = 0;
  private turns: CatalogTurns | undefined;
  private readonly proofs: Proofs;

  constructor(
    readonly name: string,
    index: number,
    private readonly network: Network,
    private readonly options: SimNodeOptions,
  ) {
    this.proofs = options.proofs ?? new CheapProofs(name);
    const userState = (): Uint8Array => wrapUserMessage('catalog', this.catalog!.pushPullState());
    const choices = { ...options.choices, userState };
    this.member = new SimMember(name, index, network, choices, (_, event) => this.heard(event));
  }

  start({ keepsState = true, join = [], known = [] }: SimStart): void {
    this.open(this.openCatalog(keepsState), known);
    if (join.length > 0) this.member.use((swim, nowMs) => swim.join(join, nowMs));
  }

  /** The catalog of a node that starts, with the rows of its host. */
  openCatalog(keepsState: boolean): Catalog {
    const { member, network, options } = this;
    const catalog = new Catalog({
      name: this.name,
      proofs: this.proofs,
      trust: new FirstSightTrust(),
      random: network.random,
      now: member.now(),
      lastEpoch: keepsState ? this.savedEpoch : 0,
      ...(options.tunables === undefined ? {} : { tunables: options.tunables }),
    });
    for (const [key, value] of this.wanted) catalog.put(key, Buffer.from(value));
    return catalog;
  }

  /** Starts with this catalog. */
  open(catalog: Catalog, known: readonly MemberState[]): void {
    const { member } = this;
    this.catalog = catalog;
    this.turns = this.turnsOf(catalog);
    member.start('', [], known);
    for (const { node } of known) {
      if (node !== this.name) catalog.memberChanged(node, 'up', member.now());
    }
    this.turns.start();
  }

  /** Without a word. */
  crash(): void {
    this.turns?.stop();
    this.turns = undefined;
    this.catalog = undefined;
    this.member.crash();
  }

  put(key: string, value: string): void {
    this.wanted.set(key, value);
    this.catalog?.put(key, Buffer.from(value));
    this.turns?.soon();
  }

  delete(key: string): void {
    this.wanted.delete(key);
    this.catalog?.delete(key, this.member.now());
    this.turns?.soon();
  }

  /** What its users see of the owners that are there: lines `OWNER KEY=VALUE`, sorted. */
  shown(): string[] {
    return [...(this.catalog?.view() ?? [])]
      .filter(({ inService }) => inService)
      .map(({ row }) => `${row.owner} ${row.key}=${Buffer.from(row.value!).toString()}`)
      .sort();
  }

  private turnsOf(catalog: Catalog): CatalogTurns {
    const { member, network } = this;
    return new CatalogTurns(catalog, {
      clock: {
        now: () => member.now(),
        after: (delayMs, run) => {
          const timer = network.events.at(network.nowMs + delayMs, run);
          return () => timer.cancel();
        },
      },
      broadcast: (name, payload) => {
        const message = wrapUserMessage('catalog', payload);
        member.use((swim, nowMs) => swim.broadcast(name, message, nowMs));
      },
      send: (to, payload, reliable) => {
        const message = wrapUserMessage('catalog', payload);
        member.use((swim, nowMs) => swim.sendUser(to, message, { reliable }, nowMs));
      },
      changed: ({ changes, complete }) => {
        this.options.onChanges?.(this, changes);
        for (const watermark of complete) catalog.applied(watermark, member.now());
      },
      epochBegan: (epoch) => (this.savedEpoch = epoch),
    });
  }

  private heard(event: GossipEvent): void {
    if (event.kind === 'member' && event.member.node !== this.name) {
      this.turns?.memberChanged(event.member.node, event.change);
    }
    if (event.kind !== 'user' && event.kind !== 'user-state') return;
    const message = unwrapUserMessage(event.payload);
    if (message?.kind === 'catalog') this.turns?.receive(message.payload);
  }
}

/** What all live nodes should show once nothing changes any more. */
export function shouldShow(nodes: readonly SimNode[]): string[] {
  return nodes
    .filter(({ catalog }) => catalog !== undefined)
    .flatMap(({ name, wanted }) => [...wanted].map(([key, value]) => `${name} ${key}=${value}`))
    .sort();
}
