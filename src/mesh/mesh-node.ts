import type { PathReport } from '../api/index.js';
import { messageOf, type Clock, type Log } from '../base/index.js';
import { Catalog, Ed25519Proofs, FirstSightTrust } from '../catalog/index.js';
import {
  profiles,
  type GossipEvent,
  type GossipHandlers,
  type GossipTransport,
  type MemberEvent,
  type MemberState,
  type PeerAddress,
  type ProfileName,
  type WireOptions,
} from '../gossip/index.js';
import { rowList } from './catalog-diff.js';
import { CatalogTurns } from './catalog-turns.js';
import { GossipNode } from './gossip-node.js';
import { NodeKeyring, type NodeKeyChange } from './keys.js';
import { Lag } from './lag.js';
import { encodeMeta, versionOf } from './member-meta.js';
import { MeshNetworks } from './networks.js';
import { Questions } from './questions.js';
import type { SavedState } from './saved-state.js';
import { Seals } from './seals.js';
import { SerfLayer, serfVersions } from './serf.js';
import { MeshServices, type MeshHost } from './services.js';
import { unwrapUserMessage, wrapUserMessage, type UserMessageKind } from './user-message.js';

export interface MeshNodeOptions {
  /** Unique in the mesh. */
  readonly name: string;
  /** Of the daemon, told to others. */
  readonly version: string;
  readonly at: PeerAddress;
  readonly profile: ProfileName;
  readonly wire: WireOptions;
  readonly host: MeshHost;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Of an earlier run, or a fresh one with a random seed. */
  readonly saved: SavedState;
  /** Keeps what the next run needs; called at most once a second. */
  readonly save: (state: SavedState) => Promise<void>;
  /** A network, or who is on it, is another than before. */
  readonly networkChanged: (network: string) => void;
  /** Of sealed networks: first of two UDP ports, and who hears that others announce other keys. */
  readonly seals: { readonly port: number; readonly changed: () => void };
  /** How packets fare to the others; absent = nobody tries. */
  readonly paths?: () => PathReport;
  /** What another node asks about the way of a packet here. */
  readonly explain: (question: unknown) => Promise<unknown>;
  readonly saveKeys: (keys: readonly string[]) => Promise<void>;
  readonly openTransport: (handlers: GossipHandlers) => Promise<GossipTransport>;
}

const saveDelayMs = 1_000;
/** Nodes that only an earlier run knew of are waited for this long once another node is there. */
const unheardMs = 60_000;
/** Serf's word for a leave is waited for as long as membership's. Unit: gossip intervals. */
const leaveIntervalsMax = 25;
/** Larger than the catalog's own limit, for services with many destinations. Unit: bytes. */
const valueBytesMax = 256 * 1024;
/** Members to ask for the others at the next start. */
const peersMax = 16;

/**
 * A node of the mesh: gossip says who is there, the catalog carries what each asks for, and the
 * host is told what to bring into force.
 */
export class MeshNode {
  readonly services: MeshServices;
  readonly networks: MeshNetworks;
  readonly seals: Seals;
  readonly catalog: Catalog;
  readonly questions: Questions;
  readonly serf: SerfLayer;
  readonly lag = new Lag();
  gossip!: GossipNode;
  private hasGossip = false;
  hasLeft = false;
  private readonly turns: CatalogTurns;
  private readonly trust: FirstSightTrust;
  private readonly keys: NodeKeyring;
  private epoch: number;
  private leaveTold: () => void = () => undefined;
  private saving: Promise<unknown> = Promise.resolve();
  private readonly cancels = new Map<'save' | 'unheard', () => void>();

  constructor(readonly options: MeshNodeOptions) {
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
    this.turns = this.turnsOf(clock);
    this.keys = new NodeKeyring(options.wire.keyring, options.saveKeys);
    this.serf = new SerfLayer({
      self: name,
      clock,
      log,
      broadcast: (key, payload, done) => {
        // What came over a stream may be larger; serf does not gossip that either.
        if (payload.length > this.gossip.broadcastBytesMax) return;
        this.gossip.broadcast(key, payload, done);
      },
    });
    this.questions = new Questions({
      self: name,
      clock,
      random,
      send: (to, kind, payload) => this.gossip.send(to, this.wrap(kind, payload), true),
      topics: {
        keys: (body) => this.keys.change(body as NodeKeyChange),
        rows: () => rowList(this.catalog.view()),
        path: (body) => this.paths().states.find(({ node }) => node === body)?.verdict ?? null,
        explain: (body) => options.explain(body),
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
    this.networks = new MeshNetworks({
      self: name,
      vtep: options.at.address,
      log,
      rows: {
        put: (key, value, network) => this.own(() => this.catalog.put(key, value, network)),
        delete: (key, network) => this.own(() => this.catalog.delete(key, clock.now(), network)),
        interest: (networks) => this.catalog.setInterest(networks),
      },
      saved: saved.networks,
      changed: (network) => {
        this.saveSoon();
        options.networkChanged(network);
      },
    });
    this.seals = this.sealsOf(options);
  }

  /**
   * Joins the members at `addresses` and those that the earlier run knew.
   * Errors: unavailable when its own address cannot be listened on.
   */
  async start(addresses: readonly PeerAddress[]): Promise<void> {
    const { name, profile, random, wire, clock, at, version, saved } = this.options;
    const swim = {
      name,
      profile: profiles[profile],
      random,
      versions: serfVersions,
      meta: encodeMeta(version),
      userState: () => {
        const ours = wrapUserMessage('catalog', this.catalog.pushPullState());
        return this.serf.wrapState(ours);
      },
      // A host that lost its state comes back under its name from another address.
      reclaimAfterMs: 30_000,
    };
    const onEvent = (event: GossipEvent): void => this.heard(event);
    const options = { swim, wire, clock, onEvent };
    this.gossip = await GossipNode.start(options, this.options.openTransport, at);
    this.hasGossip = true;
    this.services.start();
    this.networks.start();
    this.seals.start();
    this.turns.start();
    const peers = new Map(
      [...addresses, ...saved.peers].map((peer) => [`${peer.address} ${peer.port}`, peer]),
    );
    this.gossip.join([...peers.values()]);
  }

  paths(): PathReport {
    return this.options.paths?.() ?? { port: 0, states: [] };
  }

  /** Says goodbye, so that nobody takes this node for dead. Resolves when that is told. */
  async leave(): Promise<void> {
    if (this.hasLeft) return;
    this.hasLeft = true;
    const told = new Promise<void>((resolve) => (this.leaveTold = resolve));
    const { gossipIntervalMs } = profiles[this.options.profile];
    const waitMs = this.others().length === 0 ? 0 : leaveIntervalsMax * gossipIntervalMs;
    this.serf.leave(waitMs, () => this.gossip.leave());
    await told;
    await this.gossip.close();
    this.services.forgetOthers();
    this.saveSoon();
  }

  /** A name may have another key from now on. */
  forgetKey(name: string): void {
    this.trust.unbind(name);
    this.catalog.forgetOwner(name);
    this.turns.soon();
    this.saveSoon();
  }

  async stop(): Promise<void> {
    for (const cancel of this.cancels.values()) cancel();
    this.turns.stop();
    this.services.stop();
    await this.gossip.close();
    await this.save();
  }

  private turnsOf(clock: Clock): CatalogTurns {
    return new CatalogTurns(this.catalog, {
      clock,
      broadcast: (slot, payload) => this.gossip.broadcast(slot, this.wrap('catalog', payload)),
      send: (to, payload, reliable) =>
        this.gossip.send(to, this.wrap('catalog', payload), reliable),
      changed: ({ changes, complete }) => {
        if (this.hasLeft) return;
        this.services.catalogChanged(changes, complete);
        this.networks.catalogChanged(changes, complete);
        this.seals.catalogChanged(changes);
        this.saveSoon();
      },
      epochBegan: (epoch) => {
        this.epoch = epoch;
        this.lag.restart();
        this.saveSoon();
      },
    });
  }

  private sealsOf({ name, at, log, clock, saved, seals }: MeshNodeOptions): Seals {
    return new Seals({
      self: name,
      at: { address: at.address, port: seals.port },
      rows: {
        put: (key, value) => this.own(() => this.catalog.put(key, value)),
        delete: (key) => this.own(() => this.catalog.delete(key, clock.now())),
      },
      log,
      saved: saved.seals,
      now: () => clock.now(),
      save: () => this.save(),
      changed: () => {
        this.saveSoon();
        seals.changed();
      },
    });
  }

  private wrap(kind: UserMessageKind, payload: Uint8Array): Buffer {
    return this.serf.wrap(wrapUserMessage(kind, payload));
  }

  private own(change: () => unknown): void {
    const { clock, log } = this.options;
    try {
      change();
    } catch (error) {
      // Larger than a row may be, or too many: the others do without it.
      log.error({ err: error }, `not told to other nodes: ${messageOf(error)}`);
      return;
    }
    this.lag.changed(this.catalog.version, clock.now());
    this.turns.soon();
  }

  private heard(event: GossipEvent): void {
    const { log } = this.options;
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
        log.warn(event, `two nodes are named ${event.node}: the known one stays`);
        break;
      case 'join':
        if (event.problem === undefined) this.serf.joined();
        else log.warn({ at: event.at }, `join: ${event.problem}`);
        break;
      case 'merge-refused':
        log.warn({}, `gossip: ${event.problem}`);
        break;
      case 'packets-lost':
        log.warn(event, `node ${event.node} answers TCP but not UDP`);
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
    this.saveSoon();
    if (!isOurs) return;
    this.turns.memberChanged(node, change);
    if (change === 'joined' && !this.cancels.has('unheard')) {
      this.later('unheard', unheardMs, () => {
        this.services.forgetUnheard();
        this.networks.forgetUnheard();
        this.seals.forgetUnheard();
      });
    }
  }

  private received(bytes: Uint8Array): void {
    const message = unwrapUserMessage(bytes);
    if (message === undefined) return;
    const { kind, payload } = message;
    if (kind !== 'catalog') this.questions.receive(kind, payload);
    else {
      this.turns.receive(payload);
      const isKnown = (version: number): boolean =>
        this.catalog.acknowledged(version).lack.length === 0;
      this.lag.look(isKnown, this.options.clock.now());
    }
  }

  private others(): MemberState[] {
    return this.gossip.members().filter(({ node, state }) => {
      return node !== this.options.name && (state === 'alive' || state === 'suspect');
    });
  }

  private state(): SavedState {
    // Before gossip has begun, nobody is known but those of the earlier run.
    const peers = this.hasGossip ? this.others().map(({ at }) => at) : this.options.saved.peers;
    return {
      seed: this.options.saved.seed,
      epoch: this.epoch,
      trust: [...this.trust.entries()],
      claims: this.services.ownClaims(),
      declarations: this.services.declarations(),
      peers: peers.slice(0, peersMax),
      networks: this.networks.saved(),
      seals: this.seals.saved(),
    };
  }

  /** What the next run needs; one after the other: a slow disk must not see two at once. */
  save(): Promise<void> {
    const saved = this.saving.then(() => this.options.save(this.state()));
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  private saveSoon(): void {
    if (this.cancels.has('save')) return;
    this.later('save', saveDelayMs, () => {
      this.cancels.delete('save');
      this.save().catch((error: unknown) => {
        const text = `the state of the mesh could not be kept: ${messageOf(error)}`;
        this.options.log.error({ err: error }, text);
      });
    });
  }

  private later(what: 'save' | 'unheard', delayMs: number, run: () => void): void {
    this.cancels.get(what)?.();
    this.cancels.set(what, this.options.clock.after(delayMs, run));
  }
}
