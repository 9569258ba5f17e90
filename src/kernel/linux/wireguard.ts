import type { Op, Rule, WireguardPeerRule, WireguardRule } from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type { WireguardPeer } from '../port.js';
import { findFamily } from './generic-family.js';
import { MessageWriter } from './message.js';
import { formatOpLine, type Fail, type OpRange } from './op-batch.js';
import type { NetlinkSession } from './session.js';
import {
  WireguardEncoder,
  decodeDevice,
  isLive,
  wireguardFamily,
  type HeldDevice,
  type HeldPeer,
} from './wireguard-codec.js';

type Target = WireguardRule | WireguardPeerRule;

/**
 * Keys and peers of the wireguard devices of a sandbox. The kernel takes every request that can be
 * carried out, whether the object is there or not, so each Op looks first: it is strict towards
 * all that is there, save for what another program does in the same instant.
 */
export class Wireguard {
  private constructor(
    private readonly session: NetlinkSession,
    private readonly family: number,
  ) {}

  /** Errors: KernelError EOPNOTSUPP when the kernel has no WireGuard. */
  static async open(session: NetlinkSession): Promise<Wireguard> {
    return new Wireguard(session, await findFamily(session, wireguardFamily));
  }

  /** The rules of these devices. */
  async rules(devices: readonly string[]): Promise<Rule[]> {
    const nowS = Date.now() / 1000;
    const rules: Rule[] = [];
    for (const name of devices) {
      const { rule, peers } = await this.read(name);
      if (rule !== undefined) rules.push(rule);
      for (const peer of peers.values()) {
        rules.push(isLive(peer, nowS) ? { ...peer.rule, live: true } : peer.rule);
      }
    }
    return rules;
  }

  async peers(devices: readonly string[]): Promise<WireguardPeer[]> {
    const nowS = Date.now() / 1000;
    const found: WireguardPeer[] = [];
    for (const name of devices) {
      for (const peer of (await this.read(name)).peers.values()) found.push(stateOf(peer, nowS));
    }
    return found;
  }

  async apply({ ops, start, end }: OpRange, fail: Fail): Promise<void> {
    const known = new Map<string, HeldDevice>();
    for (let index = start; index < end; index++) {
      const op = ops[index]!;
      const { target } = op;
      if (target.kind !== 'wireguard' && target.kind !== 'wireguard-peer') continue;
      try {
        const held = known.get(target.device) ?? (await this.read(target.device, formatOpLine(op)));
        known.set(target.device, held);
        await this.applyOne(op, target, held);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        fail(index, error);
        // What the kernel made of it is for the kernel to say.
        known.delete(target.device);
      }
    }
  }

  private async applyOne(op: Op, target: Target, held: HeldDevice): Promise<void> {
    const { verb } = op;
    const action = formatOpLine(op);
    const value = refusal(verb, target, held);
    if (value !== 0) throw new KernelError(action, value);
    const writer = new MessageWriter(512);
    const sequence = this.session.nextSequence();
    encode(new WireguardEncoder(this.family, writer), sequence, verb, target, held);
    const refused = (await this.session.transact(writer.bytes())).get(sequence);
    if (refused !== undefined) throw new KernelError(action, refused.errno, refused.message);
    note(verb, target, held);
  }

  /** Errors: KernelError ENODEV, or EOPNOTSUPP for a device of another type. */
  private async read(device: string, action = `read ${device}`): Promise<HeldDevice> {
    const writer = new MessageWriter(64);
    new WireguardEncoder(this.family, writer).dump(this.session.nextSequence(), device);
    const held: HeldDevice = { peers: new Map() };
    await this.session.scan(action, writer.bytes(), (bytes, _, from, to) => {
      decodeDevice(bytes.subarray(from, to), device, held);
    });
    return held;
  }
}

/** The errno of what keeps an Op from being done, where the kernel would do something else. */
function refusal(verb: Op['verb'], target: Target, { rule, peers }: HeldDevice): number {
  const isDevice = target.kind === 'wireguard';
  const exists = isDevice ? rule !== undefined : peers.has(target.publicKey);
  if (verb === 'add' && exists) return errno.EEXIST;
  if (verb !== 'add' && !exists) return errno.ENOENT;
  if (verb === 'delete') return 0;
  if (isDevice) return target.privateKey?.publicKey === target.publicKey ? 0 : errno.EINVAL;
  // The kernel passes over a peer that is the device itself.
  return target.publicKey === rule?.publicKey ? errno.EINVAL : 0;
}

function encode(
  encoder: WireguardEncoder,
  sequence: number,
  verb: Op['verb'],
  target: Target,
  { rule, peers }: HeldDevice,
): void {
  if (target.kind === 'wireguard') {
    if (verb === 'delete') encoder.clearDevice(sequence, target.device);
    else {
      const isNew = rule?.publicKey !== target.publicKey;
      encoder.device(sequence, target, isNew ? target.privateKey?.reveal() : undefined);
    }
  } else if (verb === 'delete') {
    encoder.removePeer(sequence, target);
  } else {
    const held = peers.get(target.publicKey);
    const isHeldLive = held !== undefined && isLive(held, Date.now() / 1000);
    encoder.peer(sequence, target, held, isHeldLive);
  }
}

/** Keeps `held` what the kernel holds, so that a thousand peers are not read a thousand times. */
function note(verb: Op['verb'], target: Target, held: HeldDevice): void {
  const { peers } = held;
  if (target.kind === 'wireguard') {
    if (verb === 'delete') {
      delete held.rule;
      return;
    }
    const { privateKey: _secret, ...rule } = target;
    held.rule = rule;
    peers.delete(target.publicKey); // The kernel throws out a peer that is the device itself.
    return;
  }
  if (verb === 'delete') {
    peers.delete(target.publicKey);
    return;
  }
  for (const [key, peer] of peers) {
    const kept = peer.rule.allowedIps.filter((prefix) => !target.allowedIps.includes(prefix));
    peers.set(key, { ...peer, rule: { ...peer.rule, allowedIps: kept } });
  }
  const before = peers.get(target.publicKey) ?? noSession;
  peers.set(target.publicKey, { ...before, rule: target });
}

const noSession = { handshakeAtS: 0, receivedBytes: 0, sentBytes: 0 } as const;

function stateOf({ rule, handshakeAtS, ...bytes }: HeldPeer, nowS: number): WireguardPeer {
  const { device, publicKey, endpoint } = rule;
  return {
    device,
    publicKey,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(handshakeAtS === 0 ? {} : { handshakeAgeS: Math.max(0, nowS - handshakeAtS) }),
    receivedBytes: bytes.receivedBytes,
    sentBytes: bytes.sentBytes,
  };
}
