/** Thrown by a reader at bytes that are not of the format. */
export class Malformed extends Error {}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Writes numbers, texts and bytes one after the other; big-endian. */
export class ByteWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private used = 0;

  get length(): number {
    return this.used;
  }

  // Growing replaces the array: it must be over before `bytes` or `view` is read.
  u8(value: number): this {
    const at = this.grow(1);
    this.bytes[at] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.grow(4);
    this.view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.grow(8);
    this.view.setBigUint64(at, value);
    return this;
  }

  /** Seven bits per byte, the lowest first; the high bit says that more follow. 0-2^53-1. */
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }

  raw(value: Uint8Array): this {
    const at = this.grow(value.length);
    this.bytes.set(value, at);
    return this;
  }

  /** Length in bytes as a varint, then UTF-8. */
  text(value: string): this {
    const bytes = encoder.encode(value);
    return this.varint(bytes.length).raw(bytes);
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.used);
  }

  /** Makes room and returns where it begins. */
  private grow(size: number): number {
    const at = this.used;
    this.used += size;
    if (this.used > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.used, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Reads what ByteWriter wrote; throws Malformed. Bytes that it returns are views. */
export class ByteReader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get rest(): number {
    return this.bytes.length - this.at;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u32(): number {
    return this.view.getUint32(this.take(4));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8));
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (value > Number.MAX_SAFE_INTEGER) throw new Malformed('number');
      if (byte < 0x80) return value;
      if (factor > 2 ** 49) throw new Malformed('number');
    }
  }

  raw(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  text(lengthMax: number): string {
    const length = this.varint();
    if (length > lengthMax) throw new Malformed('text');
    const bytes = this.raw(length);
    try {
      return decoder.decode(bytes);
    } catch {
      throw new Malformed('text');
    }
  }

  /** A count of things that follow; they are read until they end, so it need not be believed. */
  list<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.varint(); left > 0; left--) items.push(item());
    return items;
  }

  private take(length: number): number {
    if (length > this.rest) throw new Malformed('end');
    const at = this.at;
    this.at += length;
    return at;
  }
}
