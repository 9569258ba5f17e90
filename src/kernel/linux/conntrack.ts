/**
 * Connection tracking over NETLINK_NETFILTER (linux/netfilter/nfnetlink_conntrack.h): connections
 * with a label of ours, and ending them.
 *
 *     [family u8 | version u8 | resource id u16 BE | attributes]; integers in attributes are BE
 */
import { formatAddress, type Protocol } from '../../model/index.js';
import type { Connection } from '../port.js';
import { u16BeOf, u32BeOf, u8Of, type Attributes } from './attributes.js';
import { attributesOf, flag, MessageWriter } from './message.js';
import type { NetlinkSession } from './session.js';

/** Subsystem 1 (NFNL_SUBSYS_CTNETLINK), IPCTNL_MSG_CT_*. */
const message = { new: 0x100, get: 0x101, delete: 0x102 } as const;
const headerBytes = 4;
const cta = {
  original: 1,
  reply: 2,
  status: 3,
  protocolInfo: 4,
  timeout: 7,
  id: 12,
  zone: 18,
  labels: 22,
  statusMask: 26,
} as const;
const tuple = { addresses: 1, protocol: 2 } as const;
const part = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const;
const ports = { number: 1, source: 2, destination: 3 } as const;
const infoTcp = 1;
const infoSctp = 3;
const statusDnat = 0x20; // IPS_DST_NAT

const protocols: ReadonlyMap<number, Protocol> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);
/** enum tcp_conntrack, in the words of IPVS. */
const tcpStates = [
  ...['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT'],
  ...['CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'SYN_SENT'],
];
/** enum sctp_conntrack, likewise. */
const sctpStates = [
  ...['NONE', 'CLOSED', 'INIT', 'COOKIE_ECHOED', 'ESTABLISHED'],
  ...['SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'ESTABLISHED'],
];

/** A connection whose destination was translated, and what it takes to end it. */
export interface Tracked extends Connection {
  /** 16 bytes in hexadecimal. */
  readonly label: string;
  readonly handle: Handle;
}

/** What names an entry of the table to the kernel. */
interface Handle {
  readonly family: number;
  readonly original: Buffer;
  readonly id: Buffer;
  readonly zone: Buffer | undefined;
}

/** Visits those whose label begins with `magic`. Errors: KernelError. */
export async function scanTracked(
  session: NetlinkSession,
  magic: Buffer,
  visit: (connection: Tracked) => void,
): Promise<void> {
  const writer = new MessageWriter(64);
  writer.begin(message.get, flag.request | flag.dump, session.nextSequence());
  writer.u32(0);
  // Kernels before 6.1 do not heed it, and tell of all.
  writer.attributeU32Be(cta.status, statusDnat);
  writer.attributeU32Be(cta.statusMask, statusDnat);
  writer.end();
  await session.scan('list connections', writer.bytes(), (bytes, type, start, end) => {
    if (type !== message.new) return;
    const found = decodeTracked(bytes.subarray(start, end), magic);
    if (found !== undefined) visit(found);
  });
}

/** Ends them at once. Those that ended meanwhile are no failure. */
export async function endTracked(
  session: NetlinkSession,
  handles: readonly Handle[],
): Promise<void> {
  if (handles.length === 0) return;
  const writer = new MessageWriter();
  for (const { family, original, id, zone } of handles) {
    writer.begin(message.delete, flag.request, session.nextSequence());
    writer.u8(family);
    writer.u8(0);
    writer.u16(0);
    writer.attributeBytes(cta.original | nestedFlag, original);
    writer.attributeBytes(cta.id, id);
    if (zone !== undefined) writer.attributeBytes(cta.zone, zone);
    writer.end();
  }
  await session.transact(writer.bytes());
}
const nestedFlag = 0x8000;

/** Undefined for connections of others, and for garbage. */
export function decodeTracked(body: Buffer, magic: Buffer): Tracked | undefined {
  if (body.length < headerBytes) return undefined;
  const attributes = attributesOf(body, headerBytes);
  const label = attributes.get(cta.labels);
  if (label === undefined || !label.subarray(0, magic.length).equals(magic)) return undefined;
  const original = attributes.get(cta.original);
  const reply = attributes.get(cta.reply);
  const id = attributes.get(cta.id);
  if (original === undefined || reply === undefined || id === undefined) return undefined;
  const asked = tupleOf(original);
  const answered = tupleOf(reply);
  if (asked === undefined || answered === undefined) return undefined;
  return {
    protocol: asked.protocol,
    client: asked.source,
    clientPort: asked.sourcePort,
    virtual: asked.destination,
    virtualPort: asked.destinationPort,
    destination: answered.source,
    destinationPort: answered.sourcePort,
    state: stateOf(asked.protocol, attributes),
    expiresS: u32BeOf(attributes, cta.timeout) ?? 0,
    label: label.toString('hex'),
    handle: { family: body[0]!, original, id, zone: attributes.get(cta.zone) },
  };
}

interface Tuple {
  readonly protocol: Connection['protocol'];
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

function tupleOf(bytes: Buffer): Tuple | undefined {
  const parts = attributesOf(bytes);
  const addresses = attributesOf(parts.get(tuple.addresses) ?? empty);
  const protocol = attributesOf(parts.get(tuple.protocol) ?? empty);
  const source = addresses.get(part.source4) ?? addresses.get(part.source6);
  const destination = addresses.get(part.destination4) ?? addresses.get(part.destination6);
  if (!isAddress(source) || !isAddress(destination)) return undefined;
  return {
    protocol: protocols.get(u8Of(protocol, ports.number) ?? 0) ?? 'ip',
    source: formatAddress(source),
    destination: formatAddress(destination),
    sourcePort: u16BeOf(protocol, ports.source) ?? 0,
    destinationPort: u16BeOf(protocol, ports.destination) ?? 0,
  };
}

const empty = Buffer.alloc(0);

function isAddress(bytes: Buffer | undefined): bytes is Buffer {
  return bytes?.length === 4 || bytes?.length === 16;
}

function stateOf(protocol: Connection['protocol'], attributes: Attributes): string {
  const info = attributesOf(attributes.get(cta.protocolInfo) ?? empty);
  const state = (of: number): number => u8Of(attributesOf(info.get(of) ?? empty), 1) ?? 0;
  if (protocol === 'tcp') return tcpStates[state(infoTcp)] ?? 'NONE';
  if (protocol === 'sctp') return sctpStates[state(infoSctp)] ?? 'NONE';
  return protocol.toUpperCase();
}
