import { describe, expect, it } from 'vitest';
import { encodeMessage as encodeCatalog, decodeMessage } from '../../../src/catalog/index.js';
import { encodeMessage, sealPacket, type PacketMessage } from '../../../src/gossip/index.js';
import { compressMessage } from '../../../src/gossip/wire/compress.js';
import { joinParts } from '../../../src/gossip/wire/compound.js';
import { seal } from '../../../src/gossip/wire/seal.js';
import { wrapUserMessage } from '../../../src/mesh/user-message.js';
import { seededRandom } from '../../sim/random.js';
import { at, newCatalog, Victim, wire } from './victim.js';

const mebibyte = 1024 * 1024;
const noMeta = Buffer.alloc(0);

/** As somebody with the key could send it, whatever it is. */
function sealed(plain: Buffer): Buffer {
  const { primary: key } = wire.keyring!;
  return seal(noMeta, plain, { key, version: 1, nonce: wire.nonce(), additional: noMeta });
}

function sealedStream(plain: Buffer): Buffer {
  const head = Buffer.from([10, 0, 0, 0, 0]);
  head.writeUInt32BE(plain.length + 29, 1);
  const { primary: key } = wire.keyring!;
  return seal(head, plain, { key, version: 1, nonce: wire.nonce(), additional: head });
}

function alive(node: string): PacketMessage {
  return { type: 'alive', node, incarnation: 1, at, meta: noMeta };
}

/** News of one row, as its owner gossips it. */
function newsOf(owner: string): Buffer {
  const catalog = newCatalog(owner);
  catalog.put('k', Buffer.from('v'));
  catalog.tick(0);
  const payload = catalog.ready().flatMap((e) => (e.kind === 'broadcast' ? [e.payload] : []))[0]!;
  return Buffer.from(payload);
}

function user(payload: Buffer): PacketMessage {
  return { type: 'user', payload: wrapUserMessage('catalog', payload) };
}

/** The head of a push-pull: so many members, so much user state. */
function pushPullHead(members: number, userState: number): Buffer {
  const counts = [members, userState].map((count) => {
    const bytes = Buffer.from('ce00000000', 'hex');
    bytes.writeUInt32BE(count, 1);
    return bytes;
  });
  const text = (of: string): Buffer =>
    Buffer.concat([Buffer.from([0xa0 | of.length]), Buffer.from(of)]);
  return Buffer.concat([
    Buffer.from([6, 0x82]),
    text('Nodes'),
    counts[0]!,
    text('UserStateLen'),
    counts[1]!,
  ]);
}

/** {Incarnation 1, Addr 10.0.0.9, Name, Port 7946, State 0, Meta}: so large that as many as may be just fit. */
function largeMember(index: number): Buffer {
  const name = `${index}`.padEnd(180, 'x');
  return Buffer.concat([
    Buffer.from('86ab496e6361726e6174696f6e01a441646472a40a000009a44e616d65d9b4', 'hex'),
    Buffer.from(name),
    Buffer.from('a4506f7274cd1f0aa5537461746500a44d657461da0200', 'hex'),
    Buffer.alloc(512, index),
  ]);
}

function times<T>(count: number, what: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => what(index));
}

interface Attack {
  readonly what: string;
  readonly send: (victim: Victim) => void | Promise<void>;
  /** Why it was turned away, as it is counted. */
  readonly counted: string;
  readonly count: number;
  /** Members that are believed in at most, the victim and one peer included. */
  readonly members?: number;
}

const attacks: readonly Attack[] = [
  {
    what: 'a packet, again 10,000 times',
    send: (victim) => {
      const packet = sealPacket([encodeMessage(user(newsOf('peer')))], wire, false);
      for (let n = 0; n < 10_000; n++) victim.bytes(packet);
    },
    counted: 'swim messagesReceived',
    count: 10_001,
  },
  {
    what: 'random bytes',
    send: (victim) => {
      const random = seededRandom(1);
      const bytes = (size: number): Buffer => Buffer.from(times(size, () => random() * 256));
      for (let n = 0; n < 1_000; n++) victim.bytes(Buffer.concat([Buffer.of(1), bytes(n)]));
    },
    counted: 'drop undecryptable',
    count: 1_000,
  },
  {
    what: 'a packet cut anywhere',
    send: (victim) => {
      const packet = sealPacket([encodeMessage(alive('x'))], wire, false);
      for (let size = 1; size < packet.length; size++) victim.bytes(packet.subarray(0, size));
    },
    counted: 'drop undecryptable',
    count: sealPacket([encodeMessage(alive('x'))], wire, false).length - 1,
  },
  {
    what: 'a packet that inflates to 16 MiB',
    send: (victim) => victim.bytes(sealed(compressMessage(Buffer.alloc(16 * mebibyte, 8)))),
    counted: 'drop too-large',
    count: 1,
  },
  {
    what: 'a stream that inflates to 64 MiB',
    send: (victim) =>
      victim.connect().received(sealedStream(compressMessage(Buffer.alloc(64 * mebibyte, 8)))),
    counted: 'drop too-large',
    count: 1,
  },
  {
    what: 'a compound of compounds',
    send: (victim) => {
      const parts = times(2, () => encodeMessage(alive('x')));
      victim.bytes(sealed(joinParts([joinParts(parts), joinParts(parts)])));
    },
    counted: 'drop too-deep',
    count: 1,
  },
  {
    what: 'a name of 60 KiB',
    send: (victim) => victim.packet(alive('x'.repeat(60 * 1024))),
    counted: 'drop too-large',
    count: 1,
  },
  {
    what: 'a push-pull of 4 billion members',
    send: (victim) => victim.connect().received(sealedStream(pushPullHead(2 ** 32 - 1, 0))),
    counted: 'drop too-large',
    count: 1,
  },
  {
    what: 'a push-pull with 4 GB of user state',
    send: (victim) => victim.connect().received(sealedStream(pushPullHead(0, 2 ** 32 - 1))),
    counted: 'drop too-large',
    count: 1,
  },
  {
    what: '10,000 names within a second',
    send: async (victim) => {
      for (let n = 0; n < 10_000; n++) {
        victim.packet(alive(`made-up-${n}`));
        if (n % 1_000 === 999) await victim.pass(100);
      }
    },
    counted: 'swim membersRefused',
    count: 10_000 - 2_047 - 90,
    members: 2 + 2_047 + 90,
  },
  {
    what: '1,000 push-pulls at once',
    send: (victim) => {
      const message = { type: 'push-pull', join: true, members: [], userState: noMeta } as const;
      for (let n = 0; n < 1_000; n++) victim.stream(message);
    },
    counted: 'swim requestsRefused',
    count: 1_000 - 256,
  },
  {
    what: 'rows of another, with another value',
    send: (victim) => {
      victim.packet(alive('other'));
      const news = decodeMessage(newsOf('other'));
      if (typeof news === 'string' || news.type !== 'news') throw new Error('no news');
      const [section] = news.sections;
      const rows = section!.rows.map((row) => ({ ...row, value: Buffer.from('forged') }));
      victim.packet(
        user(Buffer.from(encodeCatalog({ type: 'news', sections: [{ ...section!, rows }] }))),
      );
    },
    counted: 'catalog signature',
    count: 1,
    members: 3,
  },
  {
    what: 'rows of another, signed with a key of its own',
    send: (victim) => {
      victim.packet(alive('other'), user(newsOf('other')));
      const news = decodeMessage(newsOf('peer'));
      if (typeof news === 'string' || news.type !== 'news') throw new Error('no news');
      const sections = news.sections.map((section) => ({ ...section, owner: 'other' }));
      victim.packet(user(Buffer.from(encodeCatalog({ type: 'news', sections }))));
    },
    counted: 'catalog key',
    count: 1,
    members: 3,
  },
  {
    what: 'the digest of a node that is no member',
    send: (victim) => victim.packet(user(Buffer.from(newCatalog('stranger').pushPullState()))),
    counted: 'catalog stranger',
    count: 1,
  },
  {
    what: 'a digest of 100,000 owners, 20 times',
    send: (victim) => {
      const payload = wrapUserMessage('catalog', largeDigest());
      for (let n = 0; n < 20; n++) victim.stream({ type: 'user', payload });
    },
    counted: 'catalog busy',
    count: 18,
  },
  {
    what: 'a catalog message of 3 MiB',
    send: (victim) => {
      const payload = wrapUserMessage('catalog', Buffer.alloc(3 * mebibyte, 1));
      victim.stream({ type: 'user', payload });
    },
    counted: 'catalog too-large',
    count: 1,
  },
];

function largeDigest(): Buffer {
  const owners = times(100_000, (index) => ({ owner: `${index}`, epoch: 1, version: 1 }));
  const networks = [{ network: '', owners }];
  return Buffer.from(encodeCatalog({ type: 'digest', from: 'peer', asks: true, networks }));
}

function countOf({ node, catalog }: Victim, counted: string): number {
  const [kind, reason = ''] = counted.split(' ');
  if (kind === 'drop') return new Map<string, number>(node.drops).get(reason) ?? 0;
  if (kind === 'catalog') return new Map<string, number>(catalog.refusals()).get(reason) ?? 0;
  return (node.counters as unknown as Record<string, number>)[reason]!;
}

describe('a hostile peer', () => {
  it.each(attacks)('$what: $counted', async ({ send, counted, count, members = 2 }) => {
    const victim = await Victim.start();
    await send(victim);
    expect(countOf(victim, counted)).toBe(count);
    expect(victim.node.members().length).toBeLessThanOrEqual(members);
    expect(victim.node.counters.userBroadcasts).toBeLessThanOrEqual(64);
    expect(victim.catalog.size().rows).toBeLessThanOrEqual(1);
    const before = victim.packets;
    await victim.pass(1_000);
    // Five ticks of gossip to three members each, a tenth of that for what is new; probes.
    expect(victim.packets - before).toBeLessThan(200);
  });

  it('without the key cannot make us hold more than 32 MiB', async () => {
    const victim = await Victim.start();
    const head = Buffer.from([10, 0, 0x7f, 0xff, 0xff]);
    const peers = times(128, () => victim.connect());
    for (const peer of peers) peer.received(head);
    const segment = Buffer.alloc(64 * 1024);
    // Each in turn, up to 2 MiB.
    for (let n = 0; n < 32; n++) for (const peer of peers) peer.received(segment);
    expect(victim.node.drops.get('busy')).toBeGreaterThan(100);
    for (const peer of peers) peer.closed(undefined);
    const before = victim.node.drops.get('busy');
    victim.stream({ type: 'push-pull', join: true, members: [], userState: noMeta });
    expect(victim.node.drops.get('busy')).toBe(before);
  });

  it('with the key cannot make one stream cost more than 45 MiB', async () => {
    const victim = await Victim.start();
    const count = 16_384;
    const plain = Buffer.concat([pushPullHead(count, 0), ...times(count, largeMember)]);
    const tooMany = Buffer.concat([pushPullHead(count + 1, 0), plain]);
    victim.connect().received(sealedStream(compressMessage(tooMany)));
    expect(victim.node.drops.get('too-large')).toBe(1);
    const bomb = sealedStream(compressMessage(plain));
    const before = process.memoryUsage();
    victim.connect().received(bomb);
    const after = process.memoryUsage();
    const grown = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
    expect(grown / mebibyte).toBeLessThan(45);
    // Taken over as far as one source may name strangers.
    expect(victim.node.members().length).toBe(2 + 2_047);
  });
});
