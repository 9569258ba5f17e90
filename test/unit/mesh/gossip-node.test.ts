import { afterEach, describe, expect, test } from 'vitest';
import { Keyring, profiles, wireOptions, type GossipEvent } from '../../../src/gossip/index.js';
import { openGossipTransport, realClock } from '../../../src/io/index.js';
import { GossipNode } from '../../../src/mesh/gossip-node.js';

const open: GossipNode[] = [];
afterEach(() => Promise.all(open.splice(0).map((node) => node.close())));

/** A node on loopback, and what it was told. */
class Peer {
  private readonly events: string[] = [];
  private readonly waiting: { text: string; met: () => void }[] = [];

  private constructor(readonly node: GossipNode) {}

  static async start(name: string, key: number, address = '127.0.0.1'): Promise<Peer> {
    const started: { peer?: Peer } = {};
    const node = await GossipNode.start(
      {
        swim: { name, profile: profiles.local, random: () => 0.5 },
        wire: wireOptions({ keyring: new Keyring(Buffer.alloc(32, key)) }),
        clock: realClock,
        onEvent: (event) => started.peer?.note(event),
      },
      (handlers) => openGossipTransport({ address, port: 0 }, handlers),
      { address, port: 0 },
    );
    open.push(node);
    started.peer = new Peer(node);
    return started.peer;
  }

  join(other: Peer): void {
    this.node.join([other.node.self.at]);
  }

  /** Resolves once an event reads like this. */
  told(text: string): Promise<void> {
    if (this.events.some((event) => event.startsWith(text))) return Promise.resolve();
    return new Promise((met) => this.waiting.push({ text, met }));
  }

  private note(event: GossipEvent): void {
    const line = textOf(event);
    this.events.push(line);
    for (const { text, met } of this.waiting) if (line.startsWith(text)) met();
  }
}

function textOf(event: GossipEvent): string {
  if (event.kind === 'member') return `${event.change} ${event.member.node}`;
  if (event.kind === 'user') return `user ${Buffer.from(event.payload).toString()}`;
  if (event.kind === 'join') return `join ${event.problem ?? 'worked'}`;
  return event.kind;
}

describe('gossip nodes', () => {
  test.each(['127.0.0.1', '::1'])('find each other, talk and part (%s)', async (address) => {
    const [a, b, c] = [
      await Peer.start('a', 1, address),
      await Peer.start('b', 1, address),
      await Peer.start('c', 1, address),
    ];
    b.join(a);
    c.join(a);
    await Promise.all([b.told('joined c'), c.told('joined b'), a.told('joined b')]);
    a.node.broadcast('news', Buffer.from('to all'));
    await Promise.all([b.told('user to all'), c.told('user to all')]);
    expect(b.node.send('c', Buffer.alloc(100_000, 'x'), true)).toBe(true);
    await c.told('user xxx');
    expect(b.node.send('nobody', Buffer.from('x'), false)).toBe(false);
    c.node.leave();
    await Promise.all([a.told('left c'), b.told('left c'), c.told('leave-told')]);
  });

  test('do not join with another key, and say why', async () => {
    const a = await Peer.start('a', 1);
    const b = await Peer.start('b', 2);
    b.join(a);
    await b.told('join ');
    expect(a.node.members().map(({ node }) => node)).toEqual(['a']);
    expect(b.node.members().map(({ node }) => node)).toEqual(['b']);
    expect([...a.node.drops]).toEqual([['undecryptable', 1]]);
  });
});
