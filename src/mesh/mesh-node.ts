import { MeshError, type Clock, type Log } from '../base/index.js';
import { Catalog, Ed25519Proofs, FirstSightTrust, type Acknowledgement } from '../catalog/index.js';
import type {
  GossipEvent,
  GossipHandlers,
  GossipTransport,
  MemberEvent,
  MemberState,
  PeerAddress,
  SwimOptions,
  WireOptions,
} from '../gossip/index.js';
import { compareRows, rowList, type RowDifference, type RowMark } from './catalog-diff.js';
import { CatalogTurns } from './catalog-turns.js';
import { GossipNode } from './gossip-node.js';
import { NodeKeyring, type KeyChange, type NodeKeys } from './keys.js';
import { encodeMeta, versionOf } from './member-meta.js';
import { Questions } from './questions.js';
import type { SavedState } from './saved-state.js';
import { SerfLayer, serfVersions } from './serf.js';
import { MeshServices, type MeshHost } from './services.js';
import { unwrapUserMessage, wrapUserMessage, type UserMessageKind } from './user-message.js';

export interface MeshNodeOptions {
  /** Unique in the mesh. */
  readonly name: string;
  /** Of the daemon, told to others. */
  readonly version: string;
  readonly at: PeerAddress;
  readonly profile: SwimOptions['profile'];
  readonly wire: WireOptions;
  readonly host: MeshHost;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Of an earlier run, or a fresh one with a random seed. */
  readonly saved: SavedState;
  /** Keeps what the next run needs; called at most once a second. */
  readonly save: (state: SavedState) => Promise<void>;
  readonly saveKeys: (keys: readonly string[]) => Promise<void>;
  readonly openTransport: (handlers: GossipHandlers) => Promise<GossipTransport>;
}

/** A node as this one sees it. */
export interface MeshMember {
  readonly name: string;
  readonly at: PeerAddress;
  readonly state: MemberState['state'];
  readonly incarnation: number;
  /** Of meshd; absent for other programs in the same cluster. */
  readonly version?: string;
  readonly isSelf: boolean;
}

const saveDelayMs = 1_000;
/** Nodes that only an earlier run knew of are waited for this long once another node is there. */
const unheardMs = 60_000;
/** Serf's word for a leave is waited for as long as membership's. Unit: gossip intervals. */
const leaveIntervalsMax = 25;
/** Larger than the catalog's own limit, for services with many destinations. Unit: bytes. */
const valueBytesMax = 256 * 1024;

/**
 * A node of the mesh: gossip says who is there, the catalog carries what each asks for, and the
 * host is told what to bring into force.
 */
export class MeshNode {
  readonly services: MeshServices;
  private readonly catalog: Catalog;
  private readonly turns: CatalogTurns;
  private readonly trust: FirstSightTrust;
  private readonly questions: Questions;
  private readonly keys: NodeKeyring;
  private readonly serf: SerfLayer;
  private gossip!: GossipNode;
  private epoch: number;
  private leaveTold: () => void = () => undefined;
  private readonly cancels = new Map<'save' | 'unheard', () => void>();

  private constructor(private readonly options: MeshNodeOptions) {
    const { name, clock, random, saved, host, log } = options;
    this.epoch = saved.epoch;
    this.trust = new FirstSightTrust(saved.trust);
    this.catalog = new Catalog({
      name,
      random,
      proofs: new Ed25519Proofs(saved.seed),
      trust: this.trust,
      now: clock.now(),
      lastEpoch: saved.epoch,
      tunables: { valueBytesMax, chunkBytes: 2 * valueBytesMax },
    });
    this.turns = new CatalogTurns(this.catalog, {
      clock,
      broadcast: (slot, payload) => this.gossip.broadcast(slot, this.wrap('catalog', payload)),
      send: (to, payload, reliable) =>
        this.gossip.send(to, this.wrap('catalog', payload), reliable),
      changed: ({ changes, complete }) => {
        this.services.catalogChanged(changes, complete);
        this.saveSoon();
      },
      epochBegan: (epoch) => {
        this.epoch = epoch;
        this.saveSoon();
      },
    });
    this.keys = new NodeKeyring(options.wire.keyring, options.saveKeys);
    this.serf = new SerfLayer({
      self: name,
      clock,
      log,
      broadcast: (key, payload, done) => this.gossip.broadcast(key, payload, done),
    });
    this.questions = new Questions({
      self: name,
      clock,
      send: (to, kind, payload) => this.gossip.send(to, this.wrap(kind, payload), true),
      topics: {
        keys: (body) => this.keys.change(body as KeyChange),
        rows: () => rowList(this.catalog.view()),
      },
    });
    this.services = new MeshServices({
      self: name,
      host,
      clock,
      log,
      rows: {
        put: (key, value) => this.own(() => this.catalog.put(key, value)),
        delete: (key) => this.own(() => this.catalog.delete(key, clock.now())),
        applied: (watermark) => this.catalog.applied(watermark, clock.now()),
      },
      remembered: saved.declarations,
      claims: saved.claims,
      changed: () => this.saveSoon(),
    });
  }

  /** Errors: unavailable when its address cannot be listened on. */
  static async start(options: MeshNodeOptions): Promise<MeshNode> {
    const node = new MeshNode(options);
    const { name, profile, random, wire, clock, at, version } = options;
    node.gossip = await GossipNode.start(
      {
        swim: {
          name,
          profile,
          random,
          versions: serfVersions,
          meta: encodeMeta(version),
          userState: () => {
            const ours = wrapUserMessage('catalog', node.catalog.pushPullState());
            return node.serf.wrapState(ours);
          },
          // A host that lost its state comes back under its name from another address.
          reclaimAfterMs: 30_000,
        },
        wire,
        clock,
        onEvent: (event) => node.heard(event),
      },
      options.openTransport,
      at,
    );
    node.services.start();
    node.turns.start();
    return node;
  }

  join(addresses: readonly PeerAddress[]): void {
    if (addresses.length > 0) this.gossip.join(addresses);
  }

  /** Says goodbye, so that nobody takes this node for dead. Resolves when that is told. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      this.leaveTold = resolve;
      const isAlone = !this.members().some(({ isSelf, state }) => !isSelf && state === 'alive');
      const { gossipIntervalMs } = this.options.profile;
      this.serf.leave(isAlone ? 0 : leaveIntervalsMax * gossipIntervalMs, () => {
        this.gossip.leave();
      });
    });
  }

  async stop(): Promise<void> {
    for (const cancel of this.cancels.values()) cancel();
    this.turns.stop();
    this.services.stop();
    await this.gossip.close();
    await this.options.save(this.state());
  }

  members(): MeshMember[] {
    return this.gossip.members().map(({ node, at, state, incarnation, meta }) => {
      const version = versionOf(meta);
      const isSelf = node === this.options.name;
      return {
        name: node,
        at,
        state,
        incarnation,
        isSelf,
        ...(version === undefined ? {} : { version }),
      };
    });
  }

  /** What this node counts of its gossip and its catalog. */
  counters() {
    return {
      gossip: this.gossip.counters,
      drops: this.gossip.drops,
      serf: this.serf.counters,
      catalog: this.catalog.size(),
      refusals: this.catalog.refusals(),
    };
  }

  /** Of the last change of this node's own services. */
  get version(): number {
    return this.catalog.version;
  }

  /** Which live nodes have this node's services up to `version` in their kernels. */
  acknowledged(version: number): Acknowledgement {
    return this.catalog.acknowledged(version);
  }

  /** The same change on all live nodes; each answers for itself. */
  changeKeys(change: KeyChange): Promise<NodeKeys[]> {
    const nodes = this.members().filter(({ version, state }) => {
      return version !== undefined && (state === 'alive' || state === 'suspect');
    });
    const ask = async ({ name: node }: MeshMember): Promise<NodeKeys> => {
      try {
        const answer = await this.questions.ask(node, 'keys', change);
        return { node, fingerprints: answer as string[] };
      } catch (error) {
        return { node, fingerprints: [], problem: (error as Error).message };
      }
    };
    return Promise.all(nodes.map(ask));
  }

  /** The rows on which another node disagrees. Errors: not_found, deadline_exceeded. */
  async compareWith(node: string): Promise<RowDifference[]> {
    if (node === this.options.name) {
      throw new MeshError('invalid_argument', `node ${node}: it is this one`);
    }
    const theirs = (await this.questions.ask(node, 'rows', {})) as RowMark[];
    return compareRows(rowList(this.catalog.view()), theirs);
  }

  private wrap(kind: UserMessageKind, payload: Uint8Array): Buffer {
    return this.serf.wrap(wrapUserMessage(kind, payload));
  }

  private own(change: () => unknown): void {
    change();
    this.turns.soon();
  }

  private heard(event: GossipEvent): void {
    switch (event.kind) {
      case 'member':
        this.memberChanged(event.change, event.member);
        break;
      case 'user':
        this.received(this.serf.receive(event.payload));
        break;
      case 'user-state':
        this.received(this.serf.receiveState(event.payload, event.join));
        break;
      case 'conflict':
        this.options.log.warn(event, `two nodes are named ${event.node}: the known one stays`);
        break;
      case 'join':
        if (event.problem === undefined) this.serf.joined();
        else this.options.log.warn({ at: event.at }, `join: ${event.problem}`);
        break;
      case 'merge-refused':
        this.options.log.warn({}, `gossip: ${event.problem}`);
        break;
      case 'packets-lost':
        this.options.log.warn(event, `node ${event.node} answers TCP but not UDP`);
        break;
      case 'leave-told':
        this.leaveTold();
        break;
      case 'refuted':
        break;
    }
  }

  private memberChanged(
    change: MemberEvent['change'],
    { node, meta }: Readonly<MemberState>,
  ): void {
    if (node === this.options.name) return;
    const isOurs = versionOf(meta) !== undefined;
    this.options.log.info({ node }, `${isOurs ? 'node' : 'foreign member'} ${node} ${change}`);
    if (!isOurs) return;
    this.turns.memberChanged(node, change);
    if (change === 'joined' && !this.cancels.has('unheard')) {
      this.later('unheard', unheardMs, () => this.services.forgetUnheard());
    }
  }

  private received(bytes: Uint8Array): void {
    const message = unwrapUserMessage(bytes);
    if (message === undefined) return;
    const { kind, payload } = message;
    if (kind !== 'catalog') this.questions.receive(kind, payload);
    else this.turns.receive(payload);
  }

  private state(): SavedState {
    return {
      seed: this.options.saved.seed,
      epoch: this.epoch,
      trust: [...this.trust.entries()],
      claims: this.services.ownClaims(),
      declarations: this.services.declarations(),
    };
  }

  private saveSoon(): void {
    if (this.cancels.has('save')) return;
    this.later('save', saveDelayMs, () => {
      this.cancels.delete('save');
      this.options.save(this.state()).catch((error: unknown) => {
        this.options.log.error({ err: error }, 'the state of the mesh could not be kept');
      });
    });
  }

  private later(what: 'save' | 'unheard', delayMs: number, run: () => void): void {
    this.cancels.get(what)?.();
    this.cancels.set(what, this.options.clock.after(delayMs, run));
  }
}
