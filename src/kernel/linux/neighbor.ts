/**
 * Permanent neighbors (ARP, ND): RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (linux/neighbour.h).
 *
 *     [family u8 | pad u8 | pad u16 | device index u32 | state u16 | flags u8 | type u8 | attributes]
 *
 * Ours lie on devices of ours and carry `routeProtocol` (NDA_PROTOCOL, since Linux 5.2).
 */
import { routeProtocol, type NeighborRule, type Op } from '../../model/index.js';
import { errno } from '../errors.js';
import { addressOf, macBytes, macOf, u8Of } from './attributes.js';
import { attributesOf, flag, type MessageWriter } from './message.js';
import { af, afOf, bytesOf, isOurDevice, newFlags, rtm, type Devices } from './rtnetlink.js';

const headerBytes = 12;
export const nda = { destination: 1, mac: 2, protocol: 12 } as const;
export const neighborState = { noArp: 0x40, permanent: 0x80 } as const;

/**
 * Writes the request of one Op. Returns 0, or ENODEV when the device is not among the devices
 * (nothing was written then). `set` and `delete` fail with ENOENT when there is none. `add`
 * replaces one that is there: packets make entries too, of addresses that nobody answered for.
 */
export function encodeNeighborOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: NeighborRule,
  sequence: number,
  devices: Devices,
): number {
  const index = devices.indexOf(rule.device);
  if (index === undefined) return errno.ENODEV;
  const family = afOf(rule.address);
  if (verb === 'delete') {
    writer.begin(rtm.deleteNeighbor, flag.request, sequence);
    encodeNeighborHeader(writer, family, index, 0, 0);
    writer.attributeBytes(nda.destination, bytesOf(rule.address));
  } else {
    const flags = verb === 'add' ? flag.request | flag.create | flag.replace : newFlags.set;
    writer.begin(rtm.newNeighbor, flags, sequence);
    encodeNeighborHeader(writer, family, index, neighborState.permanent, 0);
    writer.attributeBytes(nda.destination, bytesOf(rule.address));
    writer.attributeBytes(nda.mac, macBytes(rule.mac));
    writer.attributeU8(nda.protocol, routeProtocol);
  }
  writer.end();
  return 0;
}

export function encodeNeighborDump(writer: MessageWriter, sequence: number): void {
  writer.begin(rtm.getNeighbor, flag.request | flag.dump, sequence);
  encodeNeighborHeader(writer, af.unspecified, 0, 0, 0);
  writer.end();
}

/** The neighbor of a message body when it is ours, else undefined. */
export function decodeNeighbor(body: Buffer, devices: Devices): NeighborRule | undefined {
  if (body.length < headerBytes) return undefined;
  const device = devices.nameOf(body.readUInt32LE(4));
  if (device === undefined || !isOurDevice(device)) return undefined;
  if ((body.readUInt16LE(8) & neighborState.permanent) === 0) return undefined;
  const attributes = attributesOf(body, headerBytes);
  const address = addressOf(attributes, nda.destination);
  const mac = macOf(attributes, nda.mac);
  if (address === undefined || mac === undefined || afOf(address) !== body[0]) return undefined;
  if (u8Of(attributes, nda.protocol) !== routeProtocol) return undefined;
  return { kind: 'neighbor', device, address, mac };
}

export function encodeNeighborHeader(
  writer: MessageWriter,
  family: number,
  index: number,
  state: number,
  flags: number,
): void {
  writer.u8(family);
  writer.u8(0);
  writer.u16(0);
  writer.u32(index);
  writer.u16(state);
  writer.u8(flags);
  writer.u8(0);
}
