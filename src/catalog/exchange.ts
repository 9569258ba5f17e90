import type { Acks } from './acks.js';
import { ByteWriter } from './bytes.js';
import type { Core } from './core.js';
import type { Digest, DigestNetwork, Hello } from './messages.js';
import { isLater, type Watermark } from './model.js';
import { Owner } from './owners.js';
import { networkId, shortHash } from './proof.js';
import type { OwnRows } from './own.js';
import type { Pulls } from './pulls.js';
import type { Stream } from './stream.js';

type OwnerMark = DigestNetwork['owners'][number];

/** All that this node has in one network. */
class Summary {
  hash = 0n;
  private readonly streams: Stream[] = [];
  private marks: readonly OwnerMark[] | undefined;

  constructor(readonly network: string) {}

  add(stream: Stream): void {
    this.streams.push(stream);
    this.hash ^= markHashOf(stream);
  }

  /** Most exchanges end with the hashes: these are listed when they are asked for. */
  get owners(): readonly OwnerMark[] {
    this.marks ??= this.streams.map(({ owner, epoch, version }) => ({ owner, epoch, version }));
    return this.marks;
  }
}

/** How often an owner is told that its epoch is over. Unit: milliseconds. */
const correctionMs = 1_000;

/** Bytes that an owner takes in a digest, about; what answers cost is counted with it. */
const markBytes = 32;

/**
 * Finds out what this node and another one do not have alike. A hello carries a hash per network;
 * who has another one answers with its digest, and is answered where it is behind. Each side pulls
 * what it lacks.
 */
export class Exchange {
  private nextAtMs: number;
  /** By network; valid for `revision`. */
  private summaries = new Map<string, Summary>();
  private revision = '';

  constructor(
    private readonly core: Core,
    private readonly pulls: Pulls,
    private readonly own: OwnRows,
    private readonly acks: Acks,
    now: number,
  ) {
    // The first at any time: nodes that start together shall not ask together.
    this.nextAtMs = now + core.random() * core.tunables.exchangeIntervalMs;
  }

  tick(now: number): void {
    if (now < this.nextAtMs) return;
    const { exchangeIntervalMs } = this.core.tunables;
    this.nextAtMs = now + exchangeIntervalMs * (0.8 + 0.4 * this.core.random());
    const peer = this.pick();
    if (peer === undefined) return;
    const networks = [...this.all().values()].map(({ network, hash }) => {
      return { id: networkId(network), hash };
    });
    this.core.send(peer, { type: 'hello', from: this.core.self, networks }, false);
  }

  /** Everything, for a push-pull. */
  digest(): Digest {
    return this.digestOf([...this.all().values()], false);
  }

  hello(message: Hello, now: number): void {
    const theirs = new Map(message.networks.map(({ id, hash }) => [id, hash]));
    const different = [...this.all().values()].filter(({ network, hash }) => {
      const other = theirs.get(networkId(network));
      return other !== undefined && other !== hash;
    });
    if (different.length > 0) this.answer(message.from, this.digestOf(different, true), now);
  }

  compare(message: Digest, now: number): void {
    const mine = this.all();
    const ahead: DigestNetwork[] = [];
    for (const { network, owners } of message.networks) {
      for (const mark of owners) {
        if (mark.owner !== this.core.self || !isLater(mark, this.own)) continue;
        this.pulls.want({ ...mark, network }, message.from, now);
      }
      const summary = mine.get(network);
      if (summary === undefined) continue;
      const theirs = new Map(owners.map((mark) => [mark.owner, mark]));
      for (const mark of theirs.values()) this.hear({ ...mark, network }, message.from, now);
      const better = summary.owners.filter((mark) => {
        const other = theirs.get(mark.owner);
        return other === undefined ? message.asks : isLater(mark, other);
      });
      if (better.length > 0) ahead.push({ network, owners: better });
    }
    if (!message.asks || ahead.length === 0) return;
    this.answer(message.from, this.digestOf(ahead, false), now);
  }

  /** Tells an owner that speaks of a past epoch how far it was. */
  correct(name: string, now: number): void {
    const { owners, members } = this.core;
    const known = owners.get(name) ?? owners.grave(name);
    const head = known instanceof Owner ? known.proof : known?.head;
    if (known === undefined || head === undefined || !members.isUp(name)) return;
    if (now < known.correctedAtMs + correctionMs) return;
    known.correctedAtMs = now;
    const { network, epoch, version } = head;
    const mark = { owner: name, epoch, version };
    this.answer(name, this.digestOf([{ network, owners: [mark] }], false), now);
  }

  /**
   * By lot, but every other time one that is known to take a network of ours besides '': where few
   * take it, they would seldom meet, and nobody else can tell them of it.
   */
  private pick(): string | undefined {
    const { interest, members, random } = this.core;
    if (interest.size > 1 && random() < 0.5) {
      const network = [...interest][1 + Math.floor(random() * (interest.size - 1))]!;
      const takers = this.acks.takersOf(network);
      if (takers.length > 0) return takers[Math.floor(random() * takers.length)];
    }
    return members.pick(random);
  }

  /** What a peer has of an owner. */
  private hear(theirs: Watermark, peer: string, now: number): void {
    const { owners, members } = this.core;
    if (theirs.version === 0 || !members.isUp(theirs.owner)) return;
    const stream = owners.stream(theirs.owner, theirs.network);
    if (theirs.epoch < owners.epochOf(theirs.owner)) {
      // What we know of its later life may be of networks that it takes no more, so that no
      // digest of ours for its networks would ever show it.
      if (theirs.owner === peer) this.correct(peer, now);
    } else if (stream === undefined || isLater(theirs, stream)) {
      this.pulls.want(theirs, peer, now);
    }
  }

  private answer(to: string, digest: Digest, now: number): void {
    const count = digest.networks.reduce((sum, { owners }) => sum + owners.length, 0);
    if (!this.pulls.mayServe(count * markBytes, now)) return;
    this.core.send(to, digest, true);
  }

  private digestOf(networks: readonly DigestNetwork[], asks: boolean): Digest {
    const plain = networks.map(({ network, owners }) => ({ network, owners }));
    return { type: 'digest', from: this.core.self, asks, networks: plain };
  }

  /** Of the owners that are up, so that a dead one's rows do not wander about for ever. */
  private all(): ReadonlyMap<string, Summary> {
    const { owners, members, interest, view } = this.core;
    const revision = `${owners.revision} ${members.revision} ${[...interest].join('\0')}`;
    if (revision === this.revision) return this.summaries;
    const summaries = new Map([...interest].map((network) => [network, new Summary(network)]));
    for (const owner of owners.all()) {
      if (!view.inService(owner.name)) continue;
      // Version 0 where an epoch is known and not yet its rows: the owner may have forgotten it.
      for (const stream of owner.streams.values())
        if (stream.epoch === owner.epoch) summaries.get(stream.network)?.add(stream);
    }
    this.revision = revision;
    this.summaries = summaries;
    return this.summaries;
  }
}

/** Of what this stream adds to its network's hash, kept as long as it is the same. */
function markHashOf(stream: Stream): bigint {
  const { owner, epoch, version, mark } = stream;
  if (mark?.epoch === epoch && mark.version === version) return mark.hash;
  const hash = shortHash(new ByteWriter().text(owner).varint(epoch).varint(version).finish());
  stream.mark = { epoch, version, hash };
  return hash;
}
