import type { DropReason } from '../messages.js';
import { keys } from './encode.js';
import { readFields } from './fields.js';
import { typeByte } from './format.js';
import { compress, inflate } from './lzw.js';
import { MsgpackReader, MsgpackWriter } from './msgpack.js';

/** The only algorithm there is. */
const lzw = 0;

/** The message, compressed; may come out longer. */
export function compressMessage(message: Buffer): Buffer {
  const compressed = compress(message);
  const writer = new MsgpackWriter(compressed.length + 20);
  writer.byte(typeByte.compress);
  writer.map(2);
  writer.append(keys.Algo);
  writer.uint(lzw);
  writer.append(keys.Buf);
  writer.raw(compressed);
  return writer.finish();
}

/** What a compress message holds: at most `max` bytes. */
export function inflateMessage(bytes: Buffer, max: number): Buffer | DropReason {
  const reader = new MsgpackReader(bytes, 1, bytes.length);
  const fields = readFields(bytes, reader);
  if (reader.problem !== undefined) return reader.problem;
  if (fields.algorithm !== lzw) return 'unknown-type';
  return inflate(fields.buffer, max);
}
