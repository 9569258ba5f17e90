/**
 * Wireguard devices over generic netlink: WG_CMD_GET_DEVICE (a dump) and WG_CMD_SET_DEVICE
 * (linux/wireguard.h). A device with many peers or prefixes comes in several messages: those after
 * the first name no device, and repeat the key of a peer of which more prefixes follow.
 */
import {
  addressBytes,
  familyOf,
  formatAddress,
  prefixBase,
  prefixLength,
  publicKeyBytes,
  type WireguardPeerRule,
  type WireguardRule,
} from '../../model/index.js';
import { u32Of, type Attributes } from './attributes.js';
import { genlHeaderBytes, type GenericFamily } from './generic-family.js';
import { attributesOf, flag, walkAttributes, type MessageWriter } from './message.js';
import { af, afOf } from './rtnetlink.js';

export const wireguardFamily: GenericFamily = {
  name: 'wireguard',
  title: 'WireGuard',
  module: 'wireguard',
};
const familyVersion = 1;
const command = { getDevice: 0, setDevice: 1 } as const;

/** WGDEVICE_A_*, WGPEER_A_*, WGALLOWEDIP_A_* */
const deviceAttribute = {
  name: 2,
  privateKey: 3,
  publicKey: 4,
  port: 6,
  fwmark: 7,
  peers: 8,
} as const;
const peerAttribute = {
  publicKey: 1,
  flags: 3,
  endpoint: 4,
  keepalive: 5,
  handshake: 6,
  receivedBytes: 7,
  sentBytes: 8,
  allowedIps: 9,
} as const;
const allowedIpAttribute = { family: 1, address: 2, length: 3 } as const;
/** WGPEER_F_* */
const peerFlag = { remove: 1, replaceAllowedIps: 2, updateOnly: 4 } as const;

const keyBytes = 32;
const portAt = 2;
/** struct sockaddr_in and sockaddr_in6: where the address is, and their sizes. */
const socketAddress = { 4: { at: 4, size: 16 }, 6: { at: 8, size: 28 } } as const;

/** Younger sessions than this carry packets (REJECT_AFTER_TIME of the WireGuard paper, 5.4). */
const sessionS = 180;

/** A peer as the kernel holds it. */
export interface HeldPeer {
  /** Without `live`, which is a question of time. */
  readonly rule: WireguardPeerRule;
  /** Unix time; 0 = never. Unit: seconds. */
  readonly handshakeAtS: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** What a wireguard device holds besides being a link. */
export interface HeldDevice {
  /** Absent as long as it has no key. */
  rule?: WireguardRule;
  readonly peers: Map<string, HeldPeer>;
}

export function isLive({ handshakeAtS }: HeldPeer, nowS: number): boolean {
  return handshakeAtS !== 0 && nowS - handshakeAtS < sessionS;
}

/** Writes requests about wireguard devices; `family` is the number of the generic netlink family. */
export class WireguardEncoder {
  constructor(
    private readonly family: number,
    private readonly writer: MessageWriter,
  ) {}

  /** The kernel answers ENODEV, or EOPNOTSUPP for a device of another type. */
  dump(sequence: number, device: string): void {
    this.begin(flag.request | flag.dump, command.getDevice, sequence, device);
    this.writer.end();
  }

  /** A new key ends all sessions, even if it is the old one: without `privateKey` it stays. */
  device(sequence: number, rule: WireguardRule, privateKey: Uint8Array | undefined): void {
    const { writer } = this;
    this.begin(flag.request, command.setDevice, sequence, rule.device);
    if (privateKey !== undefined) writer.attributeBytes(deviceAttribute.privateKey, privateKey);
    writer.attributeU16(deviceAttribute.port, rule.port);
    writer.attributeU32(deviceAttribute.fwmark, rule.fwmark ?? 0);
    writer.end();
  }

  /** Takes the key away, and with it all that the rule says. */
  clearDevice(sequence: number, device: string): void {
    const { writer } = this;
    this.begin(flag.request, command.setDevice, sequence, device);
    writer.attributeBytes(deviceAttribute.privateKey, new Uint8Array(keyBytes));
    writer.attributeU16(deviceAttribute.port, 0);
    writer.attributeU32(deviceAttribute.fwmark, 0);
    writer.end();
  }

  /** What becomes of a peer. Prefixes that it keeps are not touched: packets are on their way. */
  peer(sequence: number, wanted: WireguardPeerRule, held?: HeldPeer, isHeldLive = false): void {
    const { writer } = this;
    const before = new Set(held?.rule.allowedIps);
    const isShrinking = [...before].some((prefix) => !wanted.allowedIps.includes(prefix));
    const allowedIps = wanted.allowedIps.filter((prefix) => isShrinking || !before.has(prefix));
    const flags =
      (held === undefined ? 0 : peerFlag.updateOnly) |
      (isShrinking ? peerFlag.replaceAllowedIps : 0);
    this.beginPeer(sequence, wanted, flags);
    if (wanted.endpoint !== undefined && !isHeldLive) {
      writer.attributeBytes(peerAttribute.endpoint, endpointBytes(wanted.endpoint));
    }
    writer.attributeU16(peerAttribute.keepalive, wanted.keepaliveS ?? 0);
    writer.beginNested(peerAttribute.allowedIps);
    for (const prefix of allowedIps) this.allowedIp(prefix);
    writer.endNested();
    this.endPeer();
  }

  removePeer(sequence: number, rule: WireguardPeerRule): void {
    this.beginPeer(sequence, rule, peerFlag.remove);
    this.endPeer();
  }

  private begin(flags: number, number: number, sequence: number, device: string): void {
    this.writer.begin(this.family, flags, sequence);
    this.writer.u32(number | (familyVersion << 8));
    this.writer.attributeString(deviceAttribute.name, device);
  }

  private beginPeer(sequence: number, rule: WireguardPeerRule, flags: number): void {
    const { writer } = this;
    this.begin(flag.request, command.setDevice, sequence, rule.device);
    writer.beginNested(deviceAttribute.peers);
    writer.beginNested(0);
    writer.attributeBytes(peerAttribute.publicKey, publicKeyBytes(rule.publicKey)!);
    writer.attributeU32(peerAttribute.flags, flags);
  }

  private endPeer(): void {
    this.writer.endNested();
    this.writer.endNested();
    this.writer.end();
  }

  private allowedIp(prefix: string): void {
    const { writer } = this;
    writer.beginNested(0);
    writer.attributeU16(allowedIpAttribute.family, afOf(prefix));
    writer.attributeBytes(allowedIpAttribute.address, addressBytes(prefixBase(prefix))!);
    writer.attributeU8(allowedIpAttribute.length, prefixLength(prefix));
    writer.endNested();
  }
}

/** Adds to `held` what a message about `device` says; garbage adds nothing. */
export function decodeDevice(body: Buffer, device: string, held: HeldDevice): void {
  const attributes = attributesOf(body, genlHeaderBytes);
  const publicKey = keyOf(attributes, deviceAttribute.publicKey);
  const port = u16Of(attributes, deviceAttribute.port);
  if (publicKey !== undefined && port !== undefined) {
    const fwmark = u32Of(attributes, deviceAttribute.fwmark) ?? 0;
    const mark = fwmark === 0 ? {} : { fwmark };
    held.rule = { kind: 'wireguard', device, publicKey, port, ...mark };
  }
  forEachNested(attributes.get(deviceAttribute.peers), (peer) => decodePeer(peer, device, held));
}

function decodePeer(attributes: Attributes, device: string, { peers }: HeldDevice): void {
  const publicKey = keyOf(attributes, peerAttribute.publicKey);
  if (publicKey === undefined) return;
  const allowedIps: string[] = [];
  forEachNested(attributes.get(peerAttribute.allowedIps), (part) => {
    const prefix = decodeAllowedIp(part);
    if (prefix !== undefined) allowedIps.push(prefix);
  });
  const before = peers.get(publicKey);
  if (before !== undefined) {
    const { rule } = before;
    const all = [...rule.allowedIps, ...allowedIps].sort();
    peers.set(publicKey, { ...before, rule: { ...rule, allowedIps: all } });
    return;
  }
  const endpoint = decodeEndpoint(attributes.get(peerAttribute.endpoint));
  const keepaliveS = u16Of(attributes, peerAttribute.keepalive) ?? 0;
  peers.set(publicKey, {
    rule: {
      kind: 'wireguard-peer',
      device,
      publicKey,
      ...(endpoint === undefined ? {} : { endpoint }),
      allowedIps: allowedIps.sort(),
      ...(keepaliveS === 0 ? {} : { keepaliveS }),
    },
    // struct __kernel_timespec: seconds, then nanoseconds.
    handshakeAtS: u64Of(attributes.get(peerAttribute.handshake)),
    receivedBytes: u64Of(attributes.get(peerAttribute.receivedBytes)),
    sentBytes: u64Of(attributes.get(peerAttribute.sentBytes)),
  });
}

function decodeAllowedIp(attributes: Attributes): string | undefined {
  const address = attributes.get(allowedIpAttribute.address);
  const length = attributes.get(allowedIpAttribute.length)?.[0];
  if ((address?.length !== 4 && address?.length !== 16) || length === undefined) return undefined;
  return `${formatAddress(address)}/${length}`;
}

function endpointBytes({ address, port }: NonNullable<WireguardPeerRule['endpoint']>): Buffer {
  const { at, size } = socketAddress[familyOf(address)];
  const bytes = Buffer.alloc(size);
  bytes.writeUInt16LE(afOf(address));
  bytes.writeUInt16BE(port, portAt);
  bytes.set(addressBytes(address)!, at);
  return bytes;
}

function decodeEndpoint(bytes: Buffer | undefined): WireguardPeerRule['endpoint'] {
  if (bytes === undefined || bytes.length < 2) return undefined;
  const family = bytes.readUInt16LE() === af.inet6 ? 6 : 4;
  const { at, size } = socketAddress[family];
  if (bytes.length < size) return undefined;
  const address = formatAddress(bytes.subarray(at, at + (family === 4 ? 4 : 16)));
  return { address, port: bytes.readUInt16BE(portAt) };
}

function keyOf(attributes: Attributes, type: number): string | undefined {
  const payload = attributes.get(type);
  return payload?.length === keyBytes ? payload.toString('base64') : undefined;
}

function u16Of(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload?.length === 2 ? payload.readUInt16LE() : undefined;
}

/** The first 8 bytes; beyond 2^53 nobody counts. */
function u64Of(payload: Buffer | undefined): number {
  return payload === undefined || payload.length < 8 ? 0 : Number(payload.readBigInt64LE());
}

function forEachNested(nest: Buffer | undefined, visit: (attributes: Attributes) => void): void {
  if (nest === undefined) return;
  walkAttributes(nest, 0, nest.length, (_, start, length) => {
    visit(attributesOf(nest.subarray(start, start + length)));
  });
}
