/** Just enough netlink to talk to the kernel without the codecs, which have tests of their own. */
import { fileURLToPath } from 'node:url';

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_GETADDR = 22;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly pid: number;
  readonly body: Buffer;
}

/** RTM_GETLINK for one interface, or for all with NLM_F_DUMP. */
export function getLink(seq: number, options: { index?: number; flags?: number } = {}): Buffer {
  const message = header(32, RTM_GETLINK, seq, options.flags ?? 0);
  message.writeInt32LE(options.index ?? 0, 20);
  return message;
}

/** Answered by exactly one acknowledgement: 0 for loopback, an error otherwise. */
export function setLinkNothing(seq: number, index: number): Buffer {
  const message = header(32, RTM_NEWLINK, seq, NLM_F_ACK);
  message.writeInt32LE(index, 20);
  return message;
}

export function dumpAddresses(seq: number): Buffer {
  return header(24, RTM_GETADDR, seq, NLM_F_DUMP);
}

function header(length: number, type: number, seq: number, flags: number): Buffer {
  const message = Buffer.alloc(length);
  message.writeUInt32LE(length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags | 1, 6);
  message.writeUInt32LE(seq, 8);
  return message;
}

export function parse(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = bytes.readUInt32LE(offset);
    if (length < 16 || offset + length > bytes.length) throw new Error('broken framing');
    messages.push({
      type: bytes.readUInt16LE(offset + 4),
      flags: bytes.readUInt16LE(offset + 6),
      seq: bytes.readUInt32LE(offset + 8),
      pid: bytes.readUInt32LE(offset + 12),
      body: bytes.subarray(offset + 16, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return messages;
}

/** errno of NLMSG_ERROR, positive; 0 = acknowledgement. */
export function errorOf(message: Message): number {
  return Math.abs(message.body.readInt32LE(0));
}

/** IFLA_IFNAME of an RTM_NEWLINK. */
export function linkName(message: Message): string {
  for (let offset = 16; offset < message.body.length;) {
    const length = message.body.readUInt16LE(offset);
    if (message.body.readUInt16LE(offset + 2) === 3) {
      return message.body.toString('latin1', offset + 4, offset + length - 1);
    }
    offset += (length + 3) & ~3;
  }
  throw new Error('a link without a name');
}

/** For worker threads and processes that load the addon themselves. */
export function addonPath(): string {
  const built = new URL('../../../native/build/Release/netlink.node', import.meta.url);
  return process.env['MESHD_ADDON'] ?? fileURLToPath(built);
}
