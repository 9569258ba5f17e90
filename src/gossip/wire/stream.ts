import { MeshError } from '../../base/index.js';
import type { DropReason, StreamMessage } from '../messages.js';
import { compressMessage, inflateMessage } from './compress.js';
import { limits, typeByte } from './format.js';
import { hasLabel } from './label.js';
import type { WireOptions } from './options.js';
import { open, seal, sealedSize } from './seal.js';
import { MessageExtent } from './stream-extent.js';
import { decodeStreamMessage, encodeStreamMessage } from './stream-message.js';

/*
 * A TCP stream holds one message in each direction. From outside to inside, each wrapper may be
 * missing:
 *
 *     label > encrypted frame > compression > message
 *
 * Only the request has the label. A frame is: type byte, length of the block (32 bits, network
 * order), block; those five bytes and the label are authenticated with it. Without encryption
 * nothing tells the length, and the message must be parsed to find its end.
 */

/** The connecting side requests, the other one replies. */
export type StreamSide = 'request' | 'reply';

const frameHead = 5;

/** All bytes to write. Errors: resource_exhausted when no peer would read that much. */
export function encodeStream(
  message: StreamMessage,
  options: WireOptions,
  side: StreamSide,
): Buffer {
  const { label, keyring } = options;
  checkSize(message);
  const plain = encodeStreamMessage(message);
  // Unlike in packets, peers compress whether or not it helps.
  const inner = options.compress ? compressMessage(plain) : plain;
  const labelHeader = side === 'request' ? label.header : Buffer.alloc(0);
  if (keyring === undefined || !options.verifyOutgoing) {
    if (inner.length > limits.stream) throw tooLarge(inner.length, limits.stream);
    return labelHeader.length === 0 ? inner : Buffer.concat([labelHeader, inner]);
  }
  const size = sealedSize(inner.length, options.sealVersion);
  if (size > limits.frame) throw tooLarge(size, limits.frame);
  const head = Buffer.alloc(frameHead);
  head[0] = typeByte.encrypt;
  head.writeUInt32BE(size, 1);
  return seal(Buffer.concat([labelHeader, head]), inner, {
    key: keyring.primary,
    version: options.sealVersion,
    nonce: options.nonce(),
    additional: Buffer.concat([head, label.bytes]),
  });
}

function checkSize(message: StreamMessage): void {
  if (message.type === 'push-pull') {
    if (message.userState.length <= limits.userState) return;
    throw tooLarge(message.userState.length, limits.userState);
  }
  if (message.type === 'user' && message.payload.length > limits.userState) {
    throw tooLarge(message.payload.length, limits.userState);
  }
}

function tooLarge(size: number, max: number): MeshError {
  return new MeshError('resource_exhausted', `encode a stream: ${size} bytes; peers read ${max}`);
}

/** More than any stream may have: the rest is not kept. */
const heldMax = 2 + limits.label + frameHead + limits.stream;

/**
 * Reads the one message of a stream, from segments cut anywhere. Room is made as bytes come, not
 * as they are announced; each is looked at once.
 */
export class StreamReader {
  readonly #options: WireOptions;
  readonly #side: StreamSide;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Behind the label, once that was read. */
  #start: number | undefined;
  #extent: MessageExtent | undefined;
  #result: StreamMessage | DropReason | undefined;

  /** `side`: who writes what is read. */
  constructor(options: WireOptions, side: StreamSide) {
    this.#options = options;
    this.#side = side;
  }

  /**
   * The message, or why there is none, as soon as it is known; undefined = more is needed. What
   * comes later is passed over. The segment must not be changed afterwards.
   */
  push(segment: Buffer): StreamMessage | DropReason | undefined {
    if (this.#result !== undefined) return this.#result;
    this.#append(segment.subarray(0, heldMax - this.#length));
    this.#result = this.#read();
    if (this.#result === undefined && this.#length === heldMax) this.#result = 'too-large';
    if (this.#result !== undefined) this.#bytes = Buffer.alloc(0);
    return this.#result;
  }

  /** The stream has ended. */
  end(): StreamMessage | DropReason {
    this.#result ??= 'truncated';
    this.#bytes = Buffer.alloc(0);
    return this.#result;
  }

  /** Most streams come in one segment, which is used as it is. */
  #append(segment: Buffer): void {
    const needed = this.#length + segment.length;
    if (this.#length === 0) {
      this.#bytes = segment;
    } else {
      if (needed > this.#bytes.length) {
        const larger = Buffer.allocUnsafe(Math.min(heldMax, Math.max(needed, 2 * this.#length)));
        this.#bytes.copy(larger, 0, 0, this.#length);
        this.#bytes = larger;
      }
      segment.copy(this.#bytes, this.#length);
    }
    this.#length = needed;
  }

  #read(): StreamMessage | DropReason | undefined {
    const problem = this.#passLabel();
    if (problem !== undefined) return problem;
    const start = this.#start;
    if (start === undefined || start >= this.#length) return undefined;
    if (this.#bytes[start] === typeByte.encrypt) return this.#readFrame(start);
    if (this.#options.keyring !== undefined && this.#options.verifyIncoming) return 'not-encrypted';
    this.#extent ??= new MessageExtent(start);
    const end = this.#extent.find(this.#bytes, this.#length);
    if (end === undefined || typeof end === 'string') return end;
    return decode(this.#bytes.subarray(start, end));
  }

  /** Sets `#start` when the label is complete and right. */
  #passLabel(): DropReason | undefined {
    if (this.#start !== undefined || this.#length === 0) return undefined;
    const held = this.#bytes.subarray(0, this.#length);
    if (this.#side === 'reply') {
      this.#start = 0;
      return held[0] === typeByte.hasLabel ? 'label' : undefined;
    }
    const { label } = this.#options;
    if (held.length < label.header.length) {
      // What cannot become the label any more need not be waited for.
      return label.header.subarray(0, held.length).equals(held) ? undefined : 'label';
    }
    if (!hasLabel(held, label)) return 'label';
    this.#start = label.header.length;
    return undefined;
  }

  #readFrame(start: number): StreamMessage | DropReason | undefined {
    const { keyring, label } = this.#options;
    if (keyring === undefined) return 'undecryptable';
    const body = start + frameHead;
    if (body > this.#length) return undefined;
    const size = this.#bytes.readUInt32BE(start + 1);
    if (size > limits.frame) return 'too-large';
    if (body + size > this.#length) return undefined;
    const additional = Buffer.concat([this.#bytes.subarray(start, body), label.bytes]);
    const plain = open(this.#bytes.subarray(body, body + size), keyring, additional);
    return plain === undefined ? 'undecryptable' : decode(plain);
  }
}

/** A stream is inflated at most once. */
function decode(bytes: Buffer): StreamMessage | DropReason {
  if (bytes[0] !== typeByte.compress) return decodeStreamMessage(bytes);
  const inflated = inflateMessage(bytes, limits.stream);
  return typeof inflated === 'string' ? inflated : decodeStreamMessage(inflated);
}
