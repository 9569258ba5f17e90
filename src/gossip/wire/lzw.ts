/*
 * LZW as Go's compress/lzw does it in LSB order with 8-bit literals (the variant of GIF): codes of
 * 9 to 12 bits, least significant bit first; 256 clears the table, 257 ends.
 */

const clearCode = 256;
const endCode = 257;
const codesMax = 4096;
/** The writer clears the table instead of giving out this code. */
const lastCode = codesMax - 1;

/*
 * Tables that are used anew by each call; nothing in them outlives one. Allocating them for every
 * packet would cost more than the compression.
 */
const slots = new Int32Array(1 << 14);
const starts = new Int32Array(codesMax);
const sizes = new Int32Array(codesMax);

/** Compresses to the very bytes that peers would send. */
export function compress(bytes: Uint8Array): Buffer {
  return new LzwWriter(bytes).run();
}

class LzwWriter {
  readonly #input: Uint8Array;
  readonly #output: Buffer;
  #length = 0;
  /** Bits that do not fill a byte yet. */
  #bits = 0;
  #bitCount = 0;
  #width = 9;
  /** The last code given out. */
  #high = endCode;
  /** Hash table of at least twice the strings that it will hold, or 16,384: (string << 12) | code. */
  readonly #mask: number;

  constructor(input: Uint8Array) {
    this.#input = input;
    const clears = Math.ceil(input.length / (lastCode - endCode)) + 2;
    this.#output = Buffer.allocUnsafe(Math.ceil(((input.length + clears) * 12) / 8) + 4);
    let size = 256;
    while (size < 2 * input.length && size < slots.length) size *= 2;
    this.#mask = size - 1;
  }

  run(): Buffer {
    const input = this.#input;
    this.#emit(clearCode);
    slots.fill(0, 0, this.#mask + 1);
    if (input.length > 0) {
      let code = input[0]!;
      for (let i = 1; i < input.length; i++) code = this.#extend(code, input[i]!);
      this.#emit(code);
      this.#raiseHigh();
    }
    this.#emit(endCode);
    if (this.#bitCount > 0) this.#output[this.#length++] = this.#bits & 0xff;
    return this.#output.subarray(0, this.#length);
  }

  /** The code of the string and the byte; where there is none, writes the string and begins anew. */
  #extend(code: number, byte: number): number {
    const string = (code << 8) | byte;
    let slot = ((string >>> 12) ^ string) & this.#mask;
    for (;;) {
      const entry = slots[slot]!;
      if (entry === 0) break;
      if (entry >>> 12 === string) return entry & 0xfff;
      slot = (slot + 1) & this.#mask;
    }
    this.#emit(code);
    if (this.#raiseHigh()) slots[slot] = (string << 12) | this.#high;
    return byte;
  }

  /** Makes room for one more code; false: the table was full and has been cleared. */
  #raiseHigh(): boolean {
    this.#high += 1;
    if (this.#high === 1 << this.#width) this.#width += 1;
    if (this.#high < lastCode) return true;
    this.#emit(clearCode);
    this.#width = 9;
    this.#high = endCode;
    slots.fill(0, 0, this.#mask + 1);
    return false;
  }

  #emit(code: number): void {
    this.#bits |= code << this.#bitCount;
    this.#bitCount += this.#width;
    while (this.#bitCount >= 8) {
      this.#output[this.#length++] = this.#bits & 0xff;
      this.#bits >>>= 8;
      this.#bitCount -= 8;
    }
  }
}

/**
 * The bytes that were compressed. 'malformed' when the codes are wrong or do not end; 'too-large'
 * when there would be more than `max`, told before room is made for them. What follows the end is
 * passed over.
 */
export function inflate(bytes: Uint8Array, max: number): Buffer | 'malformed' | 'too-large' {
  return new LzwReader(bytes, max).run();
}

/**
 * Every string of the table is a run of the output already written, one byte longer than the run
 * of the code before: a code costs one copy, however long its string.
 */
class LzwReader {
  readonly #input: Uint8Array;
  readonly #max: number;
  #output: Buffer;
  #length = 0;
  /** Where the string of the code before lies in the output. */
  #previousStart = 0;
  #previousSize = 0;

  constructor(input: Uint8Array, max: number) {
    this.#input = input;
    this.#max = max;
    this.#output = Buffer.allocUnsafe(Math.min(max, 4 * input.length));
  }

  run(): Buffer | 'malformed' | 'too-large' {
    const input = this.#input;
    let offset = 0;
    let bits = 0;
    let bitCount = 0;
    let width = 9;
    let next = clearCode + 1; // The first code after a clear makes no string, and raises it to 258.
    let hasPrevious = false;
    for (;;) {
      while (bitCount < width) {
        if (offset >= input.length) return 'malformed';
        bits |= input[offset++]! << bitCount;
        bitCount += 8;
      }
      const code = bits & ((1 << width) - 1);
      bits >>>= width;
      bitCount -= width;
      if (code === endCode) return this.#output.subarray(0, this.#length);
      if (code === clearCode) {
        width = 9;
        next = clearCode + 1;
        hasPrevious = false;
        continue;
      }
      // One byte behind the string before: the first of this one, copied in a moment.
      if (hasPrevious && next < codesMax) sizes[next] = this.#previousSize + 1;
      if (hasPrevious && next < codesMax) starts[next] = this.#previousStart;
      if (code > endCode && (code > next || (code === next && !hasPrevious))) return 'malformed';
      if (!this.#write(code)) return 'too-large';
      if (next < codesMax) next += 1;
      hasPrevious = next < codesMax;
      if (next === 1 << width && width < 12) width += 1;
    }
  }

  #write(code: number): boolean {
    const size = code < clearCode ? 1 : sizes[code]!;
    const at = this.#length;
    if (!this.#reserve(size)) return false;
    if (code < clearCode) this.#output[at] = code;
    else this.#copy(starts[code]!, at, size);
    this.#previousStart = at;
    this.#previousSize = size;
    this.#length += size;
    return true;
  }

  /** The run may reach into what it writes by its last byte, which then is its own first. */
  #copy(from: number, to: number, size: number): void {
    const output = this.#output;
    const short = size > 32 ? 0 : size - 1;
    for (let i = 0; i < short; i++) output[to + i] = output[from + i]!;
    if (short === 0) output.copyWithin(to, from, from + size - 1);
    output[to + size - 1] = output[from + size - 1]!;
  }

  #reserve(size: number): boolean {
    const needed = this.#length + size;
    if (needed <= this.#output.length) return true;
    if (needed > this.#max) return false;
    const capacity = Math.min(this.#max, Math.max(needed, 2 * this.#output.length));
    const larger = Buffer.allocUnsafe(capacity);
    this.#output.copy(larger, 0, 0, this.#length);
    this.#output = larger;
    return true;
  }
}
