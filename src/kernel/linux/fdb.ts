/**
 * Forwarding entries of vxlan devices: neighbor messages of family AF_BRIDGE with NTF_SELF, where
 * `NDA_DST` is the VTEP. They keep no protocol, so those on a device of ours are ours; a vxlan
 * device of ours neither learns nor floods, and makes none itself.
 */
import type { FdbRule, Op } from '../../model/index.js';
import { errno } from '../errors.js';
import { addressOf, macBytes, macOf } from './attributes.js';
import { attributesOf, flag, type MessageWriter } from './message.js';
import { encodeNeighborHeader, nda, neighborState } from './neighbor.js';
import { af, bytesOf, isOurDevice, newFlags, rtm, type Devices } from './rtnetlink.js';

const headerBytes = 12;
const ofDevice = 0x02; // NTF_SELF

/**
 * Writes the request of one Op. Returns 0, or ENODEV when the device is not among the devices
 * (nothing was written then). The kernel answers EEXIST to `add`, ENOENT to the others.
 */
export function encodeFdbOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: FdbRule,
  sequence: number,
  devices: Devices,
): number {
  const index = devices.indexOf(rule.device);
  if (index === undefined) return errno.ENODEV;
  if (verb === 'delete') writer.begin(rtm.deleteNeighbor, flag.request, sequence);
  else writer.begin(rtm.newNeighbor, newFlags[verb], sequence);
  const state = neighborState.permanent | neighborState.noArp;
  encodeNeighborHeader(writer, af.bridge, index, state, ofDevice);
  writer.attributeBytes(nda.mac, macBytes(rule.mac));
  // Without a VTEP, `delete` takes the entry whatever VTEP it leads to.
  if (verb !== 'delete') writer.attributeBytes(nda.destination, bytesOf(rule.vtep));
  writer.end();
  return 0;
}

export function encodeFdbDump(writer: MessageWriter, sequence: number): void {
  writer.begin(rtm.getNeighbor, flag.request | flag.dump, sequence);
  encodeNeighborHeader(writer, af.bridge, 0, 0, 0);
  writer.end();
}

/** The entry of a message body when it is ours, else undefined. */
export function decodeFdb(body: Buffer, devices: Devices): FdbRule | undefined {
  if (body.length < headerBytes || body[0] !== af.bridge) return undefined;
  const device = devices.nameOf(body.readUInt32LE(4));
  if (device === undefined || !isOurDevice(device)) return undefined;
  const isPermanent = (body.readUInt16LE(8) & neighborState.permanent) !== 0;
  if (!isPermanent || (body[10]! & ofDevice) === 0) return undefined;
  const attributes = attributesOf(body, headerBytes);
  const mac = macOf(attributes, nda.mac);
  // Bridges list the addresses of their own ports in the same way, without a VTEP.
  const vtep = addressOf(attributes, nda.destination);
  if (mac === undefined || vtep === undefined) return undefined;
  return { kind: 'fdb', device, mac, vtep };
}
