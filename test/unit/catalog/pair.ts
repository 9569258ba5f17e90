import {
  Catalog,
  FirstSightTrust,
  type CatalogChange,
  type CatalogOptions,
  type Watermark,
} from '../../../src/catalog/index.js';
import { CheapProofs } from '../../support/cheap-proofs.js';
import { seededRandom } from '../../sim/random.js';

export interface Peer {
  readonly name: string;
  catalog: Catalog;
  readonly changes: CatalogChange[];
  readonly complete: Watermark[];
  epoch: number;
}

/** Few catalogs that know each other, and a network that loses nothing; gossip reaches everybody. */
export class Mesh {
  nowMs = 1_000;
  readonly peers: Peer[] = [];
  /** Payloads in the order in which they were sent. */
  readonly sent: { readonly from: string; readonly to: string; readonly payload: Uint8Array }[] =
    [];
  gossips = true;
  /** How long what a peer sends is on its way; 0 for those who are not in it. Unit: milliseconds. */
  readonly delaysMs = new Map<string, number>();
  private readonly underWay: {
    readonly atMs: number;
    readonly from: string;
    readonly to: string;
    readonly payload: Uint8Array;
  }[] = [];
  private readonly random = seededRandom(7);

  add(name: string, options: Partial<CatalogOptions> = {}): Peer {
    const catalog = this.create(name, options);
    const peer: Peer = { name, catalog, changes: [], complete: [], epoch: 0 };
    for (const other of this.peers) {
      other.catalog.memberChanged(name, 'up', this.nowMs);
      catalog.memberChanged(other.name, 'up', this.nowMs);
    }
    this.peers.push(peer);
    return peer;
  }

  /** Ends a life and begins another, which knows only what `options` give it. */
  restart(peer: Peer, options: Partial<CatalogOptions> = {}): void {
    peer.catalog = this.create(peer.name, options);
    for (const other of this.peers) {
      if (other !== peer) peer.catalog.memberChanged(other.name, 'up', this.nowMs);
    }
  }

  run(durationMs: number): void {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs; this.nowMs += 100) {
      for (const peer of this.peers) {
        peer.catalog.tick(this.nowMs);
        this.act(peer);
      }
      this.deliver();
    }
  }

  private create(name: string, options: Partial<CatalogOptions>): Catalog {
    return new Catalog({
      name,
      proofs: new CheapProofs(name),
      trust: new FirstSightTrust(),
      random: this.random,
      now: this.nowMs,
      ...options,
    });
  }

  private act(peer: Peer): void {
    for (const effect of peer.catalog.ready()) {
      if (effect.kind === 'epoch') peer.epoch = effect.epoch;
      if (effect.kind === 'changes') {
        peer.changes.push(...effect.changes);
        peer.complete.push(...effect.complete);
      }
      if (effect.kind === 'send') this.give(peer.name, effect.to, effect.payload);
      if (effect.kind !== 'broadcast' || !this.gossips) continue;
      for (const { name } of this.peers) {
        if (name !== peer.name) this.give(peer.name, name, effect.payload);
      }
    }
  }

  private give(from: string, to: string, payload: Uint8Array): void {
    this.sent.push({ from, to, payload });
    this.underWay.push({ from, to, payload, atMs: this.nowMs + (this.delaysMs.get(from) ?? 0) });
    if (!this.delaysMs.has(from)) this.deliver();
  }

  private deliver(): void {
    const due = this.underWay.filter(({ atMs }) => atMs <= this.nowMs);
    this.underWay.splice(
      0,
      this.underWay.length,
      ...this.underWay.filter(({ atMs }) => atMs > this.nowMs),
    );
    for (const { from, to, payload } of due) this.hand(from, to, payload);
  }

  private hand(from: string, to: string, payload: Uint8Array): void {
    const receiver = this.peers.find(({ name }) => name === to);
    if (receiver === undefined) return;
    receiver.catalog.receive(payload, from, this.nowMs);
    this.act(receiver);
  }
}

export function linesOf(catalog: Catalog): string[] {
  return [...catalog.view()]
    .map(({ row, inService }) => {
      const value = Buffer.from(row.value!).toString();
      return `${row.owner} ${row.network}${row.key}=${value}${inService ? '' : ' (out of service)'}`;
    })
    .sort();
}
