import { Catalog, FirstSightTrust } from '../../../src/catalog/index.js';
import {
  encodeMessage,
  encodeStream,
  Keyring,
  profiles,
  sealPacket,
  wireOptions,
  type GossipEvent,
  type GossipHandlers,
  type GossipTransport,
  type PacketMessage,
  type StreamHandlers,
  type StreamMessage,
} from '../../../src/gossip/index.js';
import { CatalogTurns } from '../../../src/mesh/catalog-turns.js';
import { GossipNode } from '../../../src/mesh/gossip-node.js';
import { unwrapUserMessage, wrapUserMessage } from '../../../src/mesh/user-message.js';
import { CheapProofs } from '../../support/cheap-proofs.js';
import { SimClock } from '../../support/sim-clock.js';
import { seededRandom } from '../../sim/random.js';

export const at = { address: '10.0.0.9', port: 7946 };
export const wire = wireOptions({ keyring: new Keyring(Buffer.alloc(32, 1)) });

/** What a stream of the victim got from a peer and did with it. */
export interface PeerStream extends StreamHandlers {
  readonly answers: Buffer[];
  isClosed: boolean;
}

/** A node without a network: a test is everybody else. */
export class Victim {
  readonly clock = new SimClock();
  readonly catalog = newCatalog('victim');
  /** What it sent. */
  packets = 0;
  node!: GossipNode;
  private handlers!: GossipHandlers;
  private readonly turns = new CatalogTurns(this.catalog, {
    clock: this.clock,
    broadcast: (name, payload) => this.node.broadcast(name, wrapUserMessage('catalog', payload)),
    send: (to, payload, reliable) =>
      this.node.send(to, wrapUserMessage('catalog', payload), reliable),
    changed: () => undefined,
    epochBegan: () => undefined,
  });

  static async start(): Promise<Victim> {
    const victim = new Victim();
    victim.node = await GossipNode.start(
      {
        swim: { name: 'victim', profile: profiles.lan, random: seededRandom(1) },
        wire,
        clock: victim.clock,
        onEvent: (event) => victim.heard(event),
      },
      (handlers) => Promise.resolve(victim.transport(handlers)),
      { address: '10.0.0.1', port: 7946 },
    );
    victim.turns.start();
    victim.packet({ type: 'alive', node: 'peer', incarnation: 1, at, meta: Buffer.alloc(0) });
    return victim;
  }

  packet(...messages: PacketMessage[]): void {
    this.bytes(sealPacket(messages.map(encodeMessage), wire, false));
  }

  bytes(packet: Buffer): void {
    this.handlers.packet(packet, at);
  }

  /** A peer connects. */
  connect(address = at.address): PeerStream {
    const answers: Buffer[] = [];
    const stream = {
      send: (bytes: Uint8Array) => {
        answers.push(Buffer.from(bytes));
      },
      close: () => {
        peer.isClosed = true;
      },
    };
    const peer: PeerStream = {
      ...this.handlers.accepted(stream, address),
      answers,
      isClosed: false,
    };
    return peer;
  }

  /** A whole stream. */
  stream(message: StreamMessage): PeerStream {
    const peer = this.connect();
    peer.received(encodeStream(message, wire, 'request'));
    return peer;
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  private transport(handlers: GossipHandlers): GossipTransport {
    this.handlers = handlers;
    const none = { sentPackets: 0, sentBytes: 0, sendErrors: 0, receivedPackets: 0 };
    const counters = { ...none, receivedBytes: 0, streams: 0, refusedStreams: 0, streamBytes: 0 };
    return {
      port: 7946,
      counters,
      send: () => {
        this.packets++;
      },
      connect: () => ({ send: () => undefined, close: () => undefined }),
      close: () => Promise.resolve(),
    };
  }

  private heard(event: GossipEvent): void {
    if (event.kind === 'member' && event.member.node !== 'victim')
      this.turns.memberChanged(event.member.node, event.change);
    if (event.kind !== 'user' && event.kind !== 'user-state') return;
    const message = unwrapUserMessage(event.payload);
    if (message?.kind === 'catalog') this.turns.receive(message.payload);
  }
}

export function newCatalog(name: string): Catalog {
  return new Catalog({
    name,
    proofs: new CheapProofs(name),
    trust: new FirstSightTrust(),
    random: seededRandom(2),
    now: 0,
  });
}
