/**
 * Netlink messages (RFC 3549, linux/netlink.h): building and walking. All integers are in host
 * byte order, which is little-endian on every platform Node runs Linux on, unless a name says Be.
 *
 * Message:   [length u32 | type u16 | flags u16 | sequence u32 | port id u32 | body], padded to 4
 * Attribute: [length u16 | type u16 | payload], padded to 4; length counts the header
 */
export const headerBytes = 16;
export const attributeHeaderBytes = 4;

export const flag = {
  request: 0x1,
  ack: 0x4,
  root: 0x100,
  match: 0x200,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

/** Reply flag: the object changed during a dump, which must be repeated (NLM_F_DUMP_INTR). */
export const dumpInterrupted = 0x10;

export const messageType = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

const nested = 0x8000;
/** The bits of an attribute type that are no flag. */
export const attributeTypeMask = 0x3fff;

/**
 * Writes messages one behind the other into a buffer that grows as needed. What netlink aligns
 * (headers, attributes, 32-bit values) is written a word at a time: a batch has 100,000 of them.
 */
export class MessageWriter {
  private buffer: Buffer;
  private words: Uint32Array;
  private at = 0;
  private messageStart = 0;
  private readonly open: number[] = [];

  constructor(sizeHint = 4096) {
    this.buffer = Buffer.alloc((sizeHint + 3) & ~3);
    this.words = wordsOf(this.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.at;
  }

  /** What was written; valid until the next write. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.at);
  }

  reset(): void {
    this.at = 0;
  }

  begin(type: number, flags: number, sequence: number): void {
    this.reserve(headerBytes);
    this.messageStart = this.at;
    const word = this.at >> 2;
    this.words[word] = 0; // The length, set by end().
    this.words[word + 1] = type | (flags << 16);
    this.words[word + 2] = sequence;
    this.words[word + 3] = 0;
    this.at += headerBytes;
  }

  end(): void {
    this.words[this.messageStart >> 2] = this.at - this.messageStart;
    this.pad();
  }

  u8(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.buffer[this.at++] = value;
    this.buffer[this.at++] = value >>> 8;
  }

  u32(value: number): void {
    this.reserve(4);
    this.buffer[this.at++] = value;
    this.buffer[this.at++] = value >>> 8;
    this.buffer[this.at++] = value >>> 16;
    this.buffer[this.at++] = value >>> 24;
  }

  u32Be(value: number): void {
    this.u32(swap32(value));
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Whole words, for messages and parts of them that were written before. */
  wholeWords(words: Uint32Array): void {
    this.reserve(words.length * 4);
    this.words.set(words, this.at >> 2);
    this.at += words.length * 4;
  }

  /** A copy of the words from byte `start` to the end of what was written. */
  copyWords(start: number): Uint32Array {
    return this.words.slice(start >> 2, this.at >> 2);
  }

  attributeU8(type: number, value: number): void {
    this.attributeWord(type, 1, value & 0xff);
  }

  attributeU16(type: number, value: number): void {
    this.attributeWord(type, 2, value & 0xffff);
  }

  attributeU16Be(type: number, value: number): void {
    this.attributeWord(type, 2, swap16(value));
  }

  attributeU32(type: number, value: number): void {
    this.attributeWord(type, 4, value);
  }

  attributeU32Be(type: number, value: number): void {
    this.attributeWord(type, 4, swap32(value));
  }

  attributeBytes(type: number, bytes: Uint8Array): void {
    this.attributeHeader(type, bytes.length);
    this.raw(bytes);
    this.pad();
  }

  /** A text with a final zero byte (NLA_NUL_STRING). */
  attributeString(type: number, text: string): void {
    this.attributeBytes(type, Buffer.from(`${text}\0`, 'utf8'));
  }

  attributeFlag(type: number): void {
    this.attributeHeader(type, 0);
  }

  beginNested(type: number): void {
    this.open.push(this.at);
    this.attributeHeader(type | nested, 0);
  }

  endNested(): void {
    const start = this.open.pop()!;
    const length = this.at - start;
    this.buffer[start] = length;
    this.buffer[start + 1] = length >>> 8;
  }

  /** An attribute of at most 4 bytes, padding included; `value` in host byte order. */
  private attributeWord(type: number, payloadBytes: number, value: number): void {
    this.reserve(8);
    const word = this.at >> 2;
    this.words[word] = (payloadBytes + attributeHeaderBytes) | (type << 16);
    this.words[word + 1] = value;
    this.at += 8;
  }

  private attributeHeader(type: number, payloadBytes: number): void {
    this.reserve(attributeHeaderBytes);
    this.words[this.at >> 2] = (payloadBytes + attributeHeaderBytes) | (type << 16);
    this.at += attributeHeaderBytes;
  }

  private pad(): void {
    while (this.at % 4 !== 0) this.u8(0);
  }

  private reserve(count: number): void {
    if (this.at + count > this.buffer.length) this.grow(count);
  }

  private grow(count: number): void {
    const grown = Buffer.alloc((Math.max(this.buffer.length * 2, this.at + count) + 3) & ~3);
    this.buffer.copy(grown);
    this.buffer = grown;
    this.words = wordsOf(grown);
  }
}

function wordsOf(buffer: Buffer): Uint32Array {
  return new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2);
}

export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

export function swap32(value: number): number {
  return (
    (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | ((value >>> 24) & 0xff)
  );
}

/** One message of a reply; `body` is a view into it. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** In an announcement: the socket whose request caused it; 0 = none, or the kernel does not say. */
  readonly portId: number;
  readonly body: Buffer;
}

/** Walks the messages of a reply; stops at the first that does not fit. */
export function* messagesOf(bytes: Buffer): Generator<Message> {
  let at = 0;
  while (at + headerBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    if (length < headerBytes || at + length > bytes.length) return;
    yield {
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      portId: bytes.readUInt32LE(at + 12),
      body: bytes.subarray(at + headerBytes, at + length),
    };
    at += (length + 3) & ~3;
  }
}

/**
 * Calls `visit` with the type of each attribute and where its payload lies in `bytes`.
 * Stops at the first attribute that does not fit. Returns whether all of it was well formed.
 */
export function walkAttributes(
  bytes: Buffer,
  start: number,
  end: number,
  visit: (type: number, payload: number, length: number) => void,
): boolean {
  let at = start;
  while (at + attributeHeaderBytes <= end) {
    const length = bytes[at]! | (bytes[at + 1]! << 8);
    if (length < attributeHeaderBytes || at + length > end) return false;
    const type = (bytes[at + 2]! | (bytes[at + 3]! << 8)) & attributeTypeMask;
    visit(type, at + attributeHeaderBytes, length - attributeHeaderBytes);
    at += (length + 3) & ~3;
  }
  return at >= end;
}

/** Attributes by type, as views; later ones of the same type win. */
export function attributesOf(bytes: Buffer, start = 0): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  walkAttributes(bytes, start, bytes.length, (type, payload, length) => {
    attributes.set(type, bytes.subarray(payload, payload + length));
  });
  return attributes;
}
