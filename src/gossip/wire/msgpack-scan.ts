import type { DropReason } from '../messages.js';

/** Values that a value may still have inside while it is looked through. */
const pendingMax = 1 << 20;

/**
 * Finds where a msgpack value ends, without decoding it, in bytes that may still be arriving. What
 * was looked at is not looked at again, and nesting is counted instead of followed: the work is
 * linear in the bytes, however they are cut and whatever they say.
 */
export class ValueScanner {
  /** Up to where the value is known to reach; may lie behind the bytes that have come. */
  offset: number;
  problem: DropReason | undefined;
  readonly #sizeMax: number;
  readonly #start: number;
  /** Values that must still be passed. */
  #pending = 1;

  /** `sizeMax` in bytes. */
  constructor(start: number, sizeMax: number) {
    this.offset = this.#start = start;
    this.#sizeMax = sizeMax;
  }

  /** Whether the value ends within bytes[0..end). False: more are needed, or `problem` is set. */
  scan(bytes: Uint8Array, end: number): boolean {
    while (this.problem === undefined && this.#pending > 0) {
      if (this.offset >= end) return false;
      const type = bytes[this.offset]!;
      const countBytes = countBytesOf(type);
      const body = this.offset + 1 + countBytes;
      if (body > end) return false;
      this.#pass(type, body, readUint(bytes, this.offset + 1, countBytes));
      if (this.#pending > pendingMax || this.offset - this.#start > this.#sizeMax) {
        this.problem = 'too-large';
      }
    }
    return this.problem === undefined && this.offset <= end;
  }

  /** Goes behind one value, or into it when it has values inside. */
  #pass(type: number, body: number, count: number): void {
    this.#pending -= 1;
    this.offset = body;
    if (type < 0x80 || type >= 0xe0) return; // Small integers are their own type.
    if (type < 0x90) this.#pending += 2 * (type & 0x0f);
    else if (type < 0xa0) this.#pending += type & 0x0f;
    else if (type < 0xc0) this.offset += type & 0x1f;
    else if (type === 0xc1) this.problem = 'malformed';
    else if (type === 0xde || type === 0xdf) this.#pending += 2 * count;
    else if (type === 0xdc || type === 0xdd) this.#pending += count;
    else this.offset += count + fixedBytes[type - 0xc0]!;
  }
}

/** Bytes of the length or count that follows the type byte. */
function countBytesOf(type: number): number {
  switch (type) {
    case 0xc4:
    case 0xc7:
    case 0xd9:
      return 1;
    case 0xc5:
    case 0xc8:
    case 0xda:
    case 0xdc:
    case 0xde:
      return 2;
    case 0xc6:
    case 0xc9:
    case 0xdb:
    case 0xdd:
    case 0xdf:
      return 4;
    default:
      return 0;
  }
}

/** Unsigned, big endian; 0 to 4 bytes. */
export function readUint(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let i = offset; i < offset + size; i++) value = value * 256 + bytes[i]!;
  return value;
}

/** Bytes that always follow type 0xc0 + index and its count: numbers, and the kind of an ext. */
const fixedBytes = [
  ...[0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 4, 8, 1, 2, 4, 8],
  ...[1, 2, 4, 8, 2, 3, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0],
];
