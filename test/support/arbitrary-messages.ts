import fc from 'fast-check';
import {
  type Ack,
  Keyring,
  type MemberState,
  type PacketMessage,
  type PeerAddress,
  type Ping,
  type StreamMessage,
  type UserMessage,
  wireOptions,
  type WireOptions,
} from '../../src/gossip/index.js';
import { formatAddress } from '../../src/model/index.js';

/*
 * Any message that may be sent, and any way to wrap it. Addresses are canonical, so that an IPv4
 * address is never the one that is mapped into IPv6.
 */

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }));
const port = fc.integer({ min: 1, max: 65535 });
const anyName = fc.string({ unit: 'binary', maxLength: 60 });
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });

/** By size and kind, as a number for each byte takes long: all the same, or rather different. */
function bytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.tuple(fc.nat(maxLength), fc.nat(0xffff)).map(([size, factor]) => {
    const result = Buffer.alloc(size);
    for (let i = 0; i < size; i++) result[i] = (i * i * factor) >> 8;
    return result;
  });
}

const address = fc
  .oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  .map((array) => formatAddress(array))
  .filter((text) => !text.startsWith('::ffff:'));

const at: fc.Arbitrary<PeerAddress> = fc.record({ address, port });
const source = fc.record({ address, port, node: anyName });
const uint8 = fc.nat(255);
const versions = fc.record({
  protocolMin: uint8,
  protocolMax: uint8,
  protocol: uint8,
  delegateMin: uint8,
  delegateMax: uint8,
  delegate: uint8,
});

function typed<T extends string>(type: T) {
  return fc.constant(type);
}

const ping: fc.Arbitrary<Ping> = fc.record(
  { type: typed('ping'), sequence: uint32, node: anyName, source },
  { requiredKeys: ['type', 'sequence', 'node'] },
);

const ack: fc.Arbitrary<Ack> = fc.record({
  type: typed('ack'),
  sequence: uint32,
  payload: bytes(100),
});

function user(maxLength: number): fc.Arbitrary<UserMessage> {
  return fc.record({ type: typed('user'), payload: bytes(maxLength) });
}

function accusation<T extends 'suspect' | 'dead'>(type: T) {
  return fc.record({ type: typed(type), incarnation: uint32, node: name, from: anyName });
}

export const packetMessage: fc.Arbitrary<PacketMessage> = fc.oneof(
  ping,
  ack,
  user(300),
  accusation('suspect'),
  accusation('dead'),
  fc.record({ type: typed('nack'), sequence: uint32 }),
  fc.record(
    {
      type: typed('indirect-ping'),
      sequence: uint32,
      node: anyName,
      target: at,
      nack: fc.boolean(),
      source,
    },
    { requiredKeys: ['type', 'sequence', 'node', 'target', 'nack'] },
  ),
  fc.record(
    { type: typed('alive'), incarnation: uint32, node: name, at, meta: bytes(512), versions },
    { requiredKeys: ['type', 'incarnation', 'node', 'at', 'meta'] },
  ),
);

const member: fc.Arbitrary<MemberState> = fc.record(
  {
    node: name,
    at,
    meta: bytes(512),
    incarnation: uint32,
    state: fc.constantFrom('alive', 'suspect', 'dead', 'left'),
    versions,
  },
  { requiredKeys: ['node', 'at', 'meta', 'incarnation', 'state'] },
);

export const streamMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  ping,
  ack,
  user(2000),
  fc.record({ type: typed('error'), text: fc.string({ unit: 'binary', maxLength: 500 }) }),
  fc.record({
    type: typed('push-pull'),
    join: fc.boolean(),
    members: fc.array(member, { maxLength: 8 }),
    userState: bytes(500),
  }),
);

/** Keys and nonces may be any here. */
export const anyOptions: fc.Arbitrary<WireOptions> = fc
  .record({
    label: fc.constantFrom('', 'east', 'ö'.repeat(127)),
    keyBytes: fc.constantFrom(0, 16, 24, 32),
    verifyOutgoing: fc.constantFrom(true, true, false),
    compress: fc.boolean(),
    sealVersion: fc.constantFrom(0 as const, 1 as const),
  })
  .map(({ label, keyBytes, verifyOutgoing, compress, sealVersion }) =>
    wireOptions({
      label,
      ...(keyBytes === 0 ? {} : { keyring: new Keyring(Buffer.alloc(keyBytes, 7)) }),
      verifyOutgoing,
      verifyIncoming: verifyOutgoing,
      compress,
      sealVersion,
    }),
  );
