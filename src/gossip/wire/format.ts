/*
 * Numbers of memberlist's wire, and the limits that we hold bytes of strangers to.
 */

/** First byte of every message. */
export const typeByte = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  error: 13,
  hasLabel: 244,
} as const;

const mebibyte = 1024 * 1024;

/** Unit: bytes, unless said otherwise. */
export const limits = {
  /** Members are named by host names (at most 253 bytes) or by short ids. */
  name: 255,
  /** memberlist's own. */
  meta: 512,
  label: 255,
  /** Six are in use. */
  versions: 15,
  errorText: 4096,
  /** A UDP packet, and what it may inflate to. */
  packet: 64 * 1024,
  /** Messages; the count is a byte. */
  compoundParts: 255,
  compoundPart: 0xffff,
  /** An encrypted frame of a stream, from version to tag; memberlist's is 20 MiB. */
  frame: 8 * mebibyte,
  /** What is built upon membership: the state in a push-pull, a message on a stream. */
  userState: 8 * mebibyte,
  /** A stream in plain text, and what it may inflate to; memberlist's is 40 MiB. */
  stream: 12 * mebibyte,
  /** Members in a push-pull: as many as are believed in. Each costs some 600 bytes for a while. */
  members: 16_384,
  /** One map of a stream: a member, a header, a ping. The largest of peers' has under 1 KiB. */
  streamMap: 64 * 1024,
} as const;
