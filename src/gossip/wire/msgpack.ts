import type { DropReason } from '../messages.js';
import { readUint, ValueScanner } from './msgpack-scan.js';

/*
 * msgpack as memberlist's peers write it: the specification from before 2013, in which text and
 * bytes are the same thing ("raw", of 0-31 bytes, 16 and 32 bits of length) and a struct is a map
 * of which the keys are capitalised and sorted. We write that; we read the newer forms as well.
 */

const nil = 0xc0;

/** Writes values one after the other. */
export class MsgpackWriter {
  #bytes: Buffer;
  #length = 0;

  /** `capacity` in bytes: what is expected; more is made room for. */
  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  /** What was written. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Bytes as they are: type bytes of messages, keys made beforehand, what follows a map. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    if (bytes.length > 16) this.#bytes.set(bytes, this.#length);
    else for (let i = 0; i < bytes.length; i++) this.#bytes[this.#length + i] = bytes[i]!;
    this.#length += bytes.length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** At most 15 entries; the keys and values follow. */
  map(entries: number): void {
    this.byte(0x80 | entries);
  }

  /** At most 15 values; they follow. */
  list(values: number): void {
    this.byte(0x90 | values);
  }

  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  /** Range 0-2^32-1. */
  uint(value: number): void {
    this.#reserve(5);
    if (value < 0x80) {
      this.#bytes[this.#length++] = value;
    } else if (value <= 0xff) {
      this.#bytes[this.#length++] = 0xcc;
      this.#bytes[this.#length++] = value;
    } else if (value <= 0xffff) {
      this.#bytes[this.#length++] = 0xcd;
      this.#length = this.#bytes.writeUInt16BE(value, this.#length);
    } else {
      this.#bytes[this.#length++] = 0xce;
      this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    }
  }

  raw(bytes: Uint8Array): void {
    this.#rawHead(bytes.length);
    this.append(bytes);
  }

  text(text: string): void {
    const size = Buffer.byteLength(text);
    this.#rawHead(size);
    this.#reserve(size);
    this.#length += this.#bytes.write(text, this.#length);
  }

  nil(): void {
    this.byte(nil);
  }

  #rawHead(size: number): void {
    this.#reserve(5);
    if (size < 32) {
      this.#bytes[this.#length++] = 0xa0 | size;
    } else if (size <= 0xffff) {
      this.#bytes[this.#length++] = 0xda;
      this.#length = this.#bytes.writeUInt16BE(size, this.#length);
    } else {
      this.#bytes[this.#length++] = 0xdb;
      this.#length = this.#bytes.writeUInt32BE(size, this.#length);
    }
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#length + size, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const noBytes = Buffer.alloc(0);

/**
 * Reads values one after the other from bytes[offset..end). It never throws: the first thing that
 * is wrong is kept in `problem`, and whatever is read after it is empty.
 */
export class MsgpackReader {
  /** Behind what was read so far. */
  offset: number;
  problem: DropReason | undefined;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, offset: number, end: number) {
    this.#bytes = bytes;
    this.offset = offset;
    this.#end = end;
  }

  fail(problem: DropReason): void {
    this.problem ??= problem;
    this.offset = this.#end;
  }

  /** Head of a map: how many pairs of key and value follow. */
  map(): number {
    const type = this.#next();
    if (type >= 0x80 && type <= 0x8f) return type & 0x0f;
    if (type === 0xde) return this.#uint(2);
    if (type === 0xdf) return this.#uint(4);
    if (type !== nil) this.fail('malformed');
    return 0;
  }

  /** Head of a list: how many values follow. */
  list(): number {
    const type = this.#next();
    if (type >= 0x90 && type <= 0x9f) return type & 0x0f;
    if (type === 0xdc) return this.#uint(2);
    if (type === 0xdd) return this.#uint(4);
    if (type !== nil) this.fail('malformed');
    return 0;
  }

  bool(): boolean {
    const type = this.#next();
    if (type !== 0xc2 && type !== 0xc3 && type !== nil) this.fail('malformed');
    return type === 0xc3;
  }

  /** A whole number of 0 to `max`, in any width, signed or not: codecs differ. */
  uint(max: number): number {
    const type = this.#next();
    const value = type < 0x80 ? type : this.#wideUint(type);
    if (value <= max) return value;
    this.fail('malformed');
    return 0;
  }

  /** Text or bytes: a view, of at most `max` bytes. */
  raw(max: number): Buffer {
    const start = this.rawStart(max);
    return start === this.offset ? noBytes : this.#bytes.subarray(start, this.offset);
  }

  /** Text of at most `max` bytes. What is not UTF-8 is refused: it could not be told apart. */
  text(max: number): string {
    const start = this.rawStart(max);
    const end = this.offset;
    if (start === end) return '';
    const text = this.#bytes.toString('utf8', start, end);
    if (text.includes('\ufffd') && !Buffer.from(text).equals(this.#bytes.subarray(start, end))) {
      this.fail('malformed');
      return '';
    }
    return text;
  }

  /** Passes text or bytes; gives where they begin. They end at `offset`. */
  rawStart(max: number): number {
    const type = this.#next();
    const size = type >= 0xa0 && type <= 0xbf ? type & 0x1f : this.#wideRawSize(type);
    if (size > max) this.fail('too-large');
    else if (size > this.#end - this.offset) this.fail('truncated');
    else this.offset += size;
    return this.problem === undefined ? this.offset - size : this.offset;
  }

  /** Bytes, also as a list of small numbers, which one of the codecs takes for the same. */
  bytesOrList(max: number): Uint8Array {
    const type = this.offset < this.#end ? this.#bytes[this.offset]! : nil;
    if (type < 0x90 || type > 0x9f) return this.raw(max);
    this.offset += 1;
    const list = new Uint8Array(type & 0x0f);
    for (let i = 0; i < list.length; i++) list[i] = this.uint(0xff);
    if (list.length > max) this.fail('too-large');
    return list;
  }

  /** Passes any value. */
  skip(): void {
    const scanner = new ValueScanner(this.offset, this.#end - this.offset);
    if (scanner.scan(this.#bytes, this.#end)) this.offset = scanner.offset;
    else this.fail(scanner.problem === 'malformed' ? 'malformed' : 'truncated');
  }

  #next(): number {
    if (this.offset < this.#end) return this.#bytes[this.offset++]!;
    this.fail('truncated');
    return nil;
  }

  #uint(size: number): number {
    if (this.#end - this.offset < size) {
      this.fail('truncated');
      return 0;
    }
    const value = readUint(this.#bytes, this.offset, size);
    this.offset += size;
    return value;
  }

  /** Infinity when it is negative or no number. */
  #wideUint(type: number): number {
    if (type === nil) return 0;
    if (type >= 0xcc && type <= 0xce) return this.#uint(1 << (type - 0xcc));
    if (type === 0xcf) return this.#uint(4) * 2 ** 32 + this.#uint(4);
    if (type < 0xd0 || type > 0xd3) return Infinity;
    const isNegative = this.offset < this.#end && this.#bytes[this.offset]! >= 0x80;
    if (isNegative) return Infinity;
    return type === 0xd3 ? this.#uint(4) * 2 ** 32 + this.#uint(4) : this.#uint(1 << (type - 0xd0));
  }

  #wideRawSize(type: number): number {
    switch (type) {
      case nil:
        return 0;
      case 0xc4:
      case 0xd9:
        return this.#uint(1);
      case 0xc5:
      case 0xda:
        return this.#uint(2);
      case 0xc6:
      case 0xdb:
        return this.#uint(4);
      default:
        this.fail('malformed');
        return 0;
    }
  }
}
