/** What holds of every response of ours, whatever was asked. */
import { decode, type Packet } from 'dns-packet';
import { insist } from './attack.js';

const headerBytes = 12;
const plainBytesMax = 512;
const ednsBytesMax = 1_232;

/** Throws unless `response`, of our own making, is one to `query`. */
export function checkResponse(query: Buffer, response: Buffer, transport: 'udp' | 'tcp'): void {
  checkFrame(query, response, transport);
  const packet = decode(response);
  insist((response[3]! & 0x60) === 0, 'Z or AD is set');
  const records = [...(packet.answers ?? []), ...(packet.authorities ?? [])];
  insist(!packet.flag_tc || records.length === 0, 'cut short, but with records');
}

/** The same of one whose records are somebody else's. */
export function checkFrame(query: Buffer, response: Buffer, transport: 'udp' | 'tcp'): void {
  insist(response.length >= headerBytes, 'less than a header');
  insist(response.readUInt16BE(0) === query.readUInt16BE(0), 'another id');
  insist((response[2]! & 0x80) !== 0, 'no response');
  insist((response[2]! & 0x78) === (query[2]! & 0x78), 'another opcode');
  const bytesMax = transport === 'udp' ? udpBytesMax(query, response) : 0xffff;
  insist(response.length <= bytesMax, `${response.length} bytes, of at most ${bytesMax}`);
  if (response.readUInt16BE(4) === 0) return;
  const end = questionEnd(response);
  insist(response.subarray(headerBytes, end).equals(query.subarray(headerBytes, end)), 'question');
}

/** What the asker takes by UDP, as dns-packet, which knows nothing of us, reads the query. */
function udpBytesMax(query: Buffer, response: Buffer): number {
  const asked = readable(query);
  // What it cannot read may be read by us; then EDNS is answered with EDNS.
  const reads = asked ?? readable(response);
  const opt = [
    ...(reads?.additionals ?? []),
    ...(reads?.answers ?? []),
    ...(reads?.authorities ?? []),
  ]
    .filter(({ type }) => type === 'OPT')
    .map((one) => (one as { udpPayloadSize?: number }).udpPayloadSize ?? 0)[0];
  if (opt === undefined) return plainBytesMax;
  return Math.min(ednsBytesMax, Math.max(plainBytesMax, opt));
}

function readable(message: Buffer): Packet | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

/** Of a name that is written out. */
function questionEnd(message: Buffer): number {
  let at = headerBytes;
  while (message[at] !== undefined && message[at] !== 0) at += 1 + message[at]!;
  return at + 5;
}

/** Of addresses any order is right, before what is said of EDNS. */
export function inOrder(response: Buffer): string {
  const records = response.toString('hex').split(/c00c|(?=0000290[0-9a-f]{3}0{12}$)/);
  return [records[0], ...records.slice(1).sort()].join(' c00c');
}
