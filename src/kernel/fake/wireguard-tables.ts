import {
  ruleKey,
  type LinkRule,
  type Op,
  type WireguardPeerRule,
  type WireguardRule,
} from '../../model/index.js';
import { errno } from '../errors.js';
import type { WireguardPeer } from '../port.js';

const ok = 0;
/** As long as a session carries packets. */
const sessionS = 180;

/** What wireguard devices hold besides being links, with the refusals of the kernel. */
export class WireguardTables {
  /** False for a kernel without the module. */
  present = true;
  private readonly devices = new Map<string, WireguardRule>();
  private readonly peers = new Map<string, WireguardPeerRule>();
  private readonly handshakeAgesS = new Map<string, number>();

  /** `type`: of the device that the rule is about, undefined where there is none of that name. */
  apply(
    verb: Op['verb'],
    rule: WireguardRule | WireguardPeerRule,
    type: LinkRule['type'] | undefined,
  ): number {
    if (!this.present) return errno.EOPNOTSUPP;
    if (type === undefined) return errno.ENODEV;
    if (type !== 'wireguard') return errno.EOPNOTSUPP;
    return rule.kind === 'wireguard' ? this.device(verb, rule) : this.peer(verb, rule);
  }

  /** Puts a rule there without any check. */
  plant(rule: WireguardRule | WireguardPeerRule): void {
    if (rule.kind === 'wireguard') this.putDevice(rule);
    else this.putPeer(rule);
  }

  unplant(key: string): void {
    this.devices.delete(key);
    this.peers.delete(key);
    this.handshakeAgesS.delete(key);
  }

  removeDevice(name: string): void {
    for (const rule of this.rules()) if (rule.device === name) this.unplant(ruleKey(rule));
  }

  /** Nothing happens where there is no such peer. */
  setHandshakeAge(device: string, publicKey: string, ageS: number): void {
    const key = `wireguard peer ${publicKey} dev ${device}`;
    const rule = this.peers.get(key);
    if (rule === undefined) return;
    const { live: _before, ...rest } = rule;
    this.peers.set(key, ageS < sessionS ? { ...rest, live: true } : rest);
    this.handshakeAgesS.set(key, ageS);
  }

  states(): WireguardPeer[] {
    return [...this.peers].map(([key, { device, publicKey, endpoint }]) => {
      const handshakeAgeS = this.handshakeAgesS.get(key);
      return {
        device,
        publicKey,
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(handshakeAgeS === undefined ? {} : { handshakeAgeS }),
        receivedBytes: 0,
        sentBytes: 0,
      };
    });
  }

  rules(): (WireguardRule | WireguardPeerRule)[] {
    return [...this.devices.values(), ...this.peers.values()];
  }

  private device(verb: Op['verb'], rule: WireguardRule): number {
    const key = ruleKey(rule);
    const refusal = strictness(verb, this.devices.has(key));
    if (refusal !== ok) return refusal;
    if (verb === 'delete') this.devices.delete(key);
    else if (rule.privateKey?.publicKey !== rule.publicKey) return errno.EINVAL;
    else this.putDevice(rule);
    return ok;
  }

  private peer(verb: Op['verb'], rule: WireguardPeerRule): number {
    const key = ruleKey(rule);
    const held = this.peers.get(key);
    const refusal = strictness(verb, held !== undefined);
    if (refusal !== ok) return refusal;
    if (verb === 'delete') this.unplant(key);
    else if (this.isOwnKey(rule)) return errno.EINVAL;
    else this.putPeer(held === undefined ? rule : changed(held, rule));
    return ok;
  }

  private isOwnKey({ device, publicKey }: WireguardPeerRule): boolean {
    return this.devices.get(`wireguard ${device}`)?.publicKey === publicKey;
  }

  private putDevice({ privateKey: _secret, ...rule }: WireguardRule): void {
    this.devices.set(ruleKey(rule), rule);
    for (const [key, peer] of this.peers) {
      if (peer.device === rule.device && this.isOwnKey(peer)) this.unplant(key);
    }
  }

  /** Prefixes move to the last to ask for them. */
  private putPeer(rule: WireguardPeerRule): void {
    const own = ruleKey(rule);
    const taken = new Set(rule.allowedIps);
    for (const [key, peer] of this.peers) {
      if (key === own || peer.device !== rule.device) continue;
      const allowedIps = peer.allowedIps.filter((prefix) => !taken.has(prefix));
      this.peers.set(key, { ...peer, allowedIps });
    }
    this.peers.set(own, rule);
  }
}

function strictness(verb: Op['verb'], exists: boolean): number {
  if (verb === 'add') return exists ? errno.EEXIST : ok;
  return exists ? ok : errno.ENOENT;
}

/** What is not asked for stays, and a living peer stays where it is. */
function changed(held: WireguardPeerRule, wanted: WireguardPeerRule): WireguardPeerRule {
  const { endpoint: at, live } = held;
  const endpoint = live === true ? at : (wanted.endpoint ?? at);
  return {
    ...wanted,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(live === undefined ? {} : { live }),
  };
}
