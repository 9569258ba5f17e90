/**
 * Network devices: RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK, RTM_GETLINK (linux/if_link.h).
 *
 *     [family u8 | pad u8 | device type u16 | index u32 | flags u32 | change mask u32 | attributes]
 *
 * Requests name the device in IFLA_IFNAME with index 0, so they need no earlier dump. The other
 * end of a veth pair may lie in a namespace that cannot be seen from here, so what was asked for
 * is written on our end as its alias (`ip link` shows it). `up` is about our end: the other is made
 * down (the kernel refuses to make it up, ENOTCONN) and belongs to whoever uses its namespace.
 *
 * A sandbox with a use for the other end has a rule of its own for it (`veth-end`). It cannot make
 * that device: its `add` and `set` alike change what is there, and leave an alias of its own. A veth device without an alias of ours is not ours whatever its name: neither the pairs of
 * others, nor the other end of a pair of ours where nobody asked for it.
 */
import { familyOf, type LinkRule, type Op } from '../../model/index.js';
import { errno } from '../errors.js';
import {
  addressOf,
  macBytes,
  macOf,
  textOf,
  u16BeOf,
  u32Of,
  type Attributes,
} from './attributes.js';
import { attributesOf, flag, type MessageWriter } from './message.js';
import {
  af,
  bytesOf,
  isOurDevice,
  newFlags,
  rtm,
  unheededSequence,
  type Devices,
} from './rtnetlink.js';

const headerBytes = 16;
const flagUp = 1;
const flagLoopback = 8;

const ifla = {
  mac: 1, // IFLA_ADDRESS
  name: 3,
  mtu: 4,
  master: 10,
  linkInfo: 18,
  alias: 20,
  group: 27,
  netnsFd: 28,
  extendedMask: 29,
} as const;
const infoKind = 1;
const infoData = 2;
const vethPeer = 1;
const vxlan = { id: 1, local: 4, learning: 7, proxy: 11, port: 15, local6: 17 } as const;
/** RTEXT_FILTER_SKIP_STATS: counters are no concern of a dump, and most of its bytes. */
const skipStatistics = 8;

export interface LinkContext {
  readonly devices: Devices;
  /**
   * A descriptor, open in this process until the request was answered, of the namespace file
   * `path`: the kernel knows a namespace only by such (IFLA_NET_NS_FD).
   */
  netnsFd(path: string): number | undefined;
  /** What the kernel calls the device; absent = the type. */
  readonly kind?: string;
}

/**
 * Holds addresses and drops what is sent, like a dummy, on kernels that are built without those.
 * Its alias says so: it is read as a dummy, other devices of its type are not ours.
 */
export const dummySubstitute = 'ifb';
const dummyAlias = 'meshd dummy';

/** What a link message says: every device has a name, ours are rules as well. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly rule?: LinkRule;
  /** Of the loopback device, while it is up. */
  readonly isLoopbackUp?: true;
}

/**
 * Writes the requests of one Op. `set` changes size, MAC, state and master; it cannot change the
 * type. Returns 0, or the errno of what keeps it from being written (then nothing was): ENODEV when
 * the master is not among the devices, ENOENT when the peer's namespace is not there. The kernel
 * answers ENODEV to `add` of a `veth-end` that is not there, EADDRNOTAVAIL to a MAC of a group.
 */
export function encodeLinkOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: LinkRule,
  sequence: number,
  context: LinkContext,
): number {
  const master = rule.master === undefined ? 0 : context.devices.indexOf(rule.master);
  if (verb === 'delete') {
    encodeNamed(writer, rtm.deleteLink, flag.request, rule.name, sequence);
    writer.end();
    return 0;
  }
  if (master === undefined) return errno.ENODEV;
  const netns = rule.peer?.netns;
  const netnsFd = netns === undefined ? undefined : context.netnsFd(netns);
  if (verb === 'add' && netns !== undefined && netnsFd === undefined) return errno.ENOENT;

  // RTM_NEWLINK has no NLM_F_REPLACE (EOPNOTSUPP); RTM_SETLINK answers ENODEV when there is none.
  const makes = verb === 'add' && rule.type !== 'veth-end';
  if (makes) encodeNamed(writer, rtm.newLink, newFlags.add, rule.name, sequence, rule.up);
  else encodeNamed(writer, rtm.setLink, flag.request, rule.name, sequence, rule.up);
  // Writing even the same MAC makes the kernel forget the neighbors of the device.
  if (rule.mac !== undefined && (makes || rule.mac !== context.devices.macOf(rule.name))) {
    writer.attributeBytes(ifla.mac, macBytes(rule.mac));
  }
  if (rule.mtu !== undefined) writer.attributeU32(ifla.mtu, rule.mtu);
  if (!makes || master !== 0) writer.attributeU32(ifla.master, master);
  if (!makes || rule.group !== undefined) writer.attributeU32(ifla.group, rule.group ?? 0);
  if (makes) encodeInfo(writer, rule, netnsFd, context.kind ?? rule.type);
  else if (rule.type === 'veth-end') writer.attributeString(ifla.alias, endAlias);
  writer.end();

  // The request that makes the device takes no alias (rtnl_create_link, 6.1). This second one can
  // only fail when the first did, which is the failure to report.
  const alias = makes ? aliasOf(rule, context.kind) : undefined;
  if (alias !== undefined) {
    encodeNamed(writer, rtm.setLink, flag.request, rule.name, unheededSequence);
    writer.attributeString(ifla.alias, alias);
    writer.end();
  }
  return 0;
}

/** Only up or down is said of it; every namespace has one, of this name (drivers/net/loopback.c). */
export function encodeLoopbackUp(writer: MessageWriter, sequence: number): void {
  encodeNamed(writer, rtm.setLink, flag.request, 'lo', sequence, true);
  writer.end();
}

export function encodeLinkDump(writer: MessageWriter, sequence: number): void {
  writer.begin(rtm.getLink, flag.request | flag.dump, sequence);
  encodeHeader(writer, 0, 0);
  writer.attributeU32(ifla.extendedMask, skipStatistics);
  writer.end();
}

/** The device of a message body; undefined when it is garbage. `rule` needs `master` in devices. */
export function decodeLink(body: Buffer, devices: Devices): Link | undefined {
  // Bridges announce their ports in messages of their own family, which tell only a part.
  if (body.length < headerBytes || body[0] !== af.unspecified) return undefined;
  const attributes = attributesOf(body, headerBytes);
  const name = textOf(attributes, ifla.name);
  if (name === undefined || name === '') return undefined;
  const index = body.readUInt32LE(4);
  if (!isOurDevice(name)) return { index, name, ...loopbackOf(body.readUInt32LE(8)) };

  const specific = decodeInfo(attributes);
  if (specific === undefined) return { index, name };
  const mac = macOf(attributes, ifla.mac);
  const mtu = u32Of(attributes, ifla.mtu);
  const master = devices.nameOf(u32Of(attributes, ifla.master));
  const group = u32Of(attributes, ifla.group) ?? 0;
  const rule: LinkRule = {
    kind: 'link',
    name,
    ...specific,
    up: (body.readUInt32LE(8) & flagUp) !== 0,
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(master === undefined ? {} : { master }),
    ...(group === 0 ? {} : { group }),
  };
  return { index, name, rule };
}

function loopbackOf(flags: number): Pick<Link, 'isLoopbackUp'> {
  return (flags & flagLoopback) !== 0 && (flags & flagUp) !== 0 ? { isLoopbackUp: true } : {};
}

function encodeHeader(writer: MessageWriter, flags: number, change: number): void {
  writer.u32(0); // family, padding, device type
  writer.u32(0); // index
  writer.u32(flags);
  writer.u32(change);
}

function encodeNamed(
  writer: MessageWriter,
  type: number,
  flags: number,
  name: string,
  sequence: number,
  up?: boolean,
): void {
  writer.begin(type, flags, sequence);
  encodeHeader(writer, up === true ? flagUp : 0, up === undefined ? 0 : flagUp);
  writer.attributeString(ifla.name, name);
}

function encodeInfo(
  writer: MessageWriter,
  rule: LinkRule,
  netnsFd: number | undefined,
  kind: string,
): void {
  writer.beginNested(ifla.linkInfo);
  writer.attributeString(infoKind, kind);
  if (rule.vxlan !== undefined) {
    writer.beginNested(infoData);
    writer.attributeU32(vxlan.id, rule.vxlan.vni);
    const local = familyOf(rule.vxlan.local) === 4 ? vxlan.local : vxlan.local6;
    writer.attributeBytes(local, bytesOf(rule.vxlan.local));
    // No group and no remote: a frame to an address without an FDB entry is dropped, not flooded.
    writer.attributeU8(vxlan.learning, 0);
    writer.attributeU8(vxlan.proxy, rule.vxlan.proxy ? 1 : 0);
    writer.attributeU16Be(vxlan.port, rule.vxlan.port);
    writer.endNested();
  }
  if (rule.peer !== undefined) {
    writer.beginNested(infoData);
    writer.beginNested(vethPeer);
    encodeHeader(writer, 0, 0);
    writer.attributeString(ifla.name, rule.peer.name);
    if (rule.peer.mac !== undefined) writer.attributeBytes(ifla.mac, macBytes(rule.peer.mac));
    if (rule.mtu !== undefined) writer.attributeU32(ifla.mtu, rule.mtu);
    if (netnsFd !== undefined) writer.attributeU32(ifla.netnsFd, netnsFd);
    writer.endNested();
    writer.endNested();
  }
  writer.endNested();
}

type Specific = Pick<LinkRule, 'type' | 'peer' | 'vxlan'>;

/** The type and what belongs to it; undefined for a type we never make. */
function decodeInfo(attributes: Attributes): Specific | undefined {
  const info = attributes.get(ifla.linkInfo);
  if (info === undefined) return undefined;
  const nested = attributesOf(info);
  const type = textOf(nested, infoKind);
  switch (type) {
    case dummySubstitute:
      return textOf(attributes, ifla.alias) === dummyAlias ? { type: 'dummy' } : undefined;
    case 'dummy':
    case 'bridge':
    case 'wireguard':
      return { type };
    case 'veth':
      return decodeAlias(textOf(attributes, ifla.alias));
    case 'vxlan':
      return decodeVxlan(attributesOf(nested.get(infoData) ?? Buffer.alloc(0)));
    case undefined:
    default:
      return undefined;
  }
}

function decodeVxlan(data: Attributes): Specific | undefined {
  const vni = u32Of(data, vxlan.id);
  const port = u16BeOf(data, vxlan.port);
  const local = addressOf(data, vxlan.local) ?? addressOf(data, vxlan.local6);
  if (vni === undefined || port === undefined) return undefined;
  // A device that learns, or has no local address, is not one we made: told apart by its address.
  const learns = data.get(vxlan.learning)?.[0] === 1;
  const proxy = data.get(vxlan.proxy)?.[0] === 1;
  return { type: 'vxlan', vxlan: { vni, port, local: learns ? '' : (local ?? ''), proxy } };
}

const endAlias = 'meshd end';
const peerPattern = /^meshd peer (\S+)(?: mac (\S+))?(?: netns (.+))?$/;

/** What tells a device of ours from others of its type. */
function aliasOf({ type, peer }: LinkRule, kind: string | undefined): string | undefined {
  if (type === 'veth') return peerAlias(peer);
  return kind === dummySubstitute ? dummyAlias : undefined;
}

function peerAlias(peer: LinkRule['peer']): string {
  const mac = peer?.mac === undefined ? '' : ` mac ${peer.mac}`;
  const netns = peer?.netns === undefined ? '' : ` netns ${peer.netns}`;
  return `meshd peer ${peer?.name ?? ''}${mac}${netns}`;
}

function decodeAlias(alias = ''): Specific | undefined {
  if (alias === endAlias) return { type: 'veth-end' };
  const match = peerPattern.exec(alias);
  if (match === null) return undefined;
  const [, name, mac, netns] = match;
  const peer = {
    name: name!,
    ...(mac === undefined ? {} : { mac }),
    ...(netns === undefined ? {} : { netns }),
  };
  return { type: 'veth', peer };
}
