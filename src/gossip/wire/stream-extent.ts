import type { DropReason } from '../messages.js';
import { readFields } from './fields.js';
import { limits, typeByte } from './format.js';
import { MsgpackReader } from './msgpack.js';
import { ValueScanner } from './msgpack-scan.js';
import { problemOf } from './push-pull.js';

const knownTypes: readonly (number | undefined)[] = [
  typeByte.ping,
  typeByte.ack,
  typeByte.pushPull,
  typeByte.user,
  typeByte.compress,
  typeByte.error,
];

/**
 * Finds where a message ends that comes in pieces and tells no length, each byte looked at once.
 * It begins at `start` with its type byte.
 */
export class MessageExtent {
  readonly #start: number;
  /** Of the value that is being passed. */
  #scanner: ValueScanner | undefined;
  /** Maps of members that are still to be passed; undefined before the header was read. */
  #members: number | undefined;
  #userSize = 0;
  /** Known as soon as all maps were passed. */
  #end: number | undefined;

  constructor(start: number) {
    this.#start = start;
  }

  /** Where the message ends; undefined as long as that lies behind bytes[0..end). */
  find(bytes: Buffer, end: number): number | DropReason | undefined {
    if (this.#start >= end) return undefined;
    if (!knownTypes.includes(bytes[this.#start])) return 'unknown-type';
    const problem = this.#passMaps(bytes, end);
    if (problem !== undefined) return problem;
    return this.#end !== undefined && this.#end <= end ? this.#end : undefined;
  }

  #passMaps(bytes: Buffer, end: number): DropReason | undefined {
    this.#scanner ??= new ValueScanner(this.#start + 1, firstMax(bytes[this.#start]!));
    while (this.#end === undefined && this.#scanner.scan(bytes, end)) {
      const offset: number = this.#scanner.offset;
      const problem = this.#passed(bytes, offset);
      if (problem !== undefined) return problem;
      if (this.#members === 0) this.#end = offset + this.#userSize;
      else this.#scanner = new ValueScanner(offset, limits.streamMap);
    }
    return this.#scanner.problem;
  }

  /** A map ends at `offset`: the header, or after it a member. */
  #passed(bytes: Buffer, offset: number): DropReason | undefined {
    if (this.#members !== undefined) {
      this.#members -= 1;
      return undefined;
    }
    this.#members = 0;
    const type = bytes[this.#start]!;
    if (type !== typeByte.pushPull && type !== typeByte.user) return undefined;
    const reader = new MsgpackReader(bytes, this.#start + 1, offset);
    const header = readFields(bytes, reader);
    if (type === typeByte.pushPull) this.#members = header.memberCount;
    this.#userSize = header.userSize;
    return reader.problem ?? problemOf(header);
  }
}

/** The most bytes that the first map may have. */
function firstMax(type: number): number {
  return type === typeByte.compress ? limits.frame : limits.streamMap;
}
