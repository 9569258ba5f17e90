import type { DropReason, StreamMessage, UserMessage } from '../messages.js';
import { decodeMessage } from './decode.js';
import { keys, writeAck, writePing } from './encode.js';
import { readFields } from './fields.js';
import { limits, typeByte } from './format.js';
import { MsgpackReader, MsgpackWriter } from './msgpack.js';
import { decodePushPull, writePushPull } from './push-pull.js';

/** A message as a stream carries it, its type byte included: nothing around it. */
export function encodeStreamMessage(message: StreamMessage): Buffer {
  const writer = new MsgpackWriter(message.type === 'push-pull' ? 16 * 1024 : 128);
  switch (message.type) {
    case 'ping':
      writePing(writer, message);
      break;
    case 'ack':
      writeAck(writer, message.sequence, message.payload);
      break;
    case 'push-pull':
      writePushPull(writer, message);
      break;
    case 'user':
      writer.byte(typeByte.user);
      writer.map(1);
      writer.append(keys.UserMsgLen);
      writer.uint(message.payload.length);
      writer.append(message.payload);
      break;
    case 'error':
      writer.byte(typeByte.error);
      writer.map(1);
      writer.append(keys.Error);
      writer.text(message.text);
      break;
  }
  return writer.finish();
}

/** `bytes`: the whole message with its type byte, or more. */
export function decodeStreamMessage(bytes: Buffer): StreamMessage | DropReason {
  switch (bytes[0]) {
    case typeByte.ping:
    case typeByte.ack:
      return decodeMessage(bytes, 0, bytes.length) as StreamMessage | DropReason;
    case typeByte.pushPull:
      return decodePushPull(bytes);
    case typeByte.user:
      return decodeUser(bytes);
    case typeByte.error: {
      const reader = new MsgpackReader(bytes, 1, bytes.length);
      const { errorText } = readFields(bytes, reader);
      return reader.problem ?? { type: 'error', text: errorText };
    }
    case typeByte.compress:
      return 'too-deep'; // Whoever unwraps has done so before.
    case undefined:
      return 'truncated';
    default:
      return 'unknown-type';
  }
}

/** Unlike in a packet, the size is told. */
function decodeUser(bytes: Buffer): UserMessage | DropReason {
  const reader = new MsgpackReader(bytes, 1, bytes.length);
  const { userSize } = readFields(bytes, reader);
  if (reader.problem !== undefined) return reader.problem;
  if (userSize > limits.userState) return 'too-large';
  const end = reader.offset + userSize;
  if (end > bytes.length) return 'truncated';
  return { type: 'user', payload: bytes.subarray(reader.offset, end) };
}
