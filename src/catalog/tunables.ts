/**
 * Defaults of everything that can be tuned. Times in milliseconds, sizes in bytes. The limits are
 * hard: what goes beyond is refused and counted, whoever sends it.
 */
export const catalogTunables = {
  /** Between two exchanges with a random live peer, varied by a fifth. */
  exchangeIntervalMs: 2_000,
  /** Rows and heads of one gossip payload. */
  newsBytes: 1_000,
  /** Gossip payloads per tick; what waits for more than that is left to the exchanges. */
  newsPerTick: 8,
  /** Gossip payloads that the transport may hold of ours: so many names are used in turn. */
  newsSlots: 64,
  /** Rows of one owner and network that go by gossip at once; more are only announced. */
  newsRows: 24,
  /** A datagram's payload; what is larger goes as a stream. */
  datagramBytes: 1_200,
  /** Rows in one answer. Range up to 1 MiB; checking signatures takes about 0.1 ms each. */
  chunkBytes: 64 * 1024,
  /** Answers awaited at once. */
  pullsOutstanding: 4,
  /** Owners and networks in one question. */
  pullStreams: 32,
  /** Of peers that answer in time; of slow ones it is more. */
  pullTimeoutMs: 1_000,
  /** After so many failures a difference is left to the next exchange. */
  pullAttempts: 5,
  /** How long gossip may take to complete itself before we ask. */
  pullDelayMs: 300,
  /** An owner over a limit, a peer that deceived: left alone for so long. */
  penaltyMs: 30_000,
  /** Differences known and not yet settled. */
  wantsMax: 8_192,
  /** Bytes given to peers that ask, per second, over all of them. */
  serveBytesPerSecond: 16 * 1024 * 1024,
  /** Signatures of unasked-for rows, and as many acknowledgements, checked per second. */
  checksPerSecond: 2_000,
  /** Of payloads larger than a packet that nobody asked for: reading a megabyte takes 0.3 s. */
  unaskedBytesPerSecond: 1024 * 1024,
  ackDelayMs: 200,
  /** First repetition; doubles up to 16 times this. */
  ackRepeatMs: 1_000,
  /** Tombstones that everybody live has acknowledged go after this. */
  tombstoneMinMs: 30_000,
  /** Tombstones go after this, acknowledged or not. */
  tombstoneMaxMs: 3_600_000,
  compactIntervalMs: 10_000,
  /** Rows of an owner that is not up are dropped after this. */
  reapMs: 3_600_000,
  /** Rows of an owner's earlier epoch are dropped so long after a later one was seen. */
  epochGraceMs: 10_000,
  /** Owners, this node included. */
  ownersMax: 4_096,
  /** Rows of one owner, tombstones included. */
  rowsPerOwnerMax: 10_000,
  /** Keys, values and signatures of one owner. */
  bytesPerOwnerMax: 8 * 1024 * 1024,
  /** The same of all owners. */
  bytesMax: 256 * 1024 * 1024,
  valueBytesMax: 16 * 1024,
  networksPerOwnerMax: 64,
  /** Networks in a node's interest. */
  interestMax: 64,
  /** Members that are not up and whose time is kept. */
  goneMax: 16_384,
  /** Reaped owners whose last epoch is remembered. */
  gravesMax: 4_096,
  /** Effects that nobody fetched; the oldest sends go first. */
  effectsMax: 4_096,
} as const;

export type CatalogTunables = { readonly [K in keyof typeof catalogTunables]: number };

/** Longest texts, in bytes of UTF-8; part of the format. */
export const textLimits = { name: 255, network: 64, key: 255 } as const;
