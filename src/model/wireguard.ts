import { createPrivateKey, createPublicKey } from 'node:crypto';
import { formatEndpoint } from './address.js';

/** PKCS#8 and SPKI around a bare X25519 key (RFC 8410, sections 7 and 4). */
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const keyBytes = 32;

/** A private key of Curve25519 (RFC 7748). Printed or written as JSON it shows its public key. */
export class PrivateKey {
  /** Base64. */
  readonly publicKey: string;
  readonly #bytes: Uint8Array;

  /** `bytes`: 32, from a source of secrets. Errors: RangeError for another size. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== keyBytes) throw new RangeError(`a private key has ${keyBytes} bytes`);
    this.#bytes = Uint8Array.from(bytes);
    const der = Buffer.concat([privatePrefix, this.#bytes]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
    this.publicKey = spki.subarray(publicPrefix.length).toString('base64');
  }

  /** The secret, for a kernel or a private file. */
  reveal(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** The 32 bytes of a public key; undefined when `text` is not the canonical base64 of so many. */
export function publicKeyBytes(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === keyBytes && bytes.toString('base64') === text ? bytes : undefined;
}

/** What makes a wireguard device work: it has no configuration before it has a key. */
export interface WireguardRule {
  readonly kind: 'wireguard';
  readonly device: string;
  /** By which its peers know it. Base64 of 32 bytes. */
  readonly publicKey: string;
  /** The one of that public key. Never in what was observed: nobody has to see it again. */
  readonly privateKey?: PrivateKey;
  /** UDP port of its packets, on every address of the sandbox. Range 1-65535. */
  readonly port: number;
  /** Mark of the packets it sends; absent = none. Range 1-4294967295. */
  readonly fwmark?: number;
}

/** Another device that a wireguard device talks with. */
export interface WireguardPeerRule {
  readonly kind: 'wireguard-peer';
  readonly device: string;
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
  /** Where to look for it first; absent = it comes to us. It is followed to where it moves. */
  readonly endpoint?: { readonly address: string; readonly port: number };
  /**
   * Canonical prefixes, in no order: packets to them go to this peer, and of its packets only
   * those from them are taken. A prefix belongs to one peer of a device: the last to ask for it.
   * Range: at most 1500 of them, which is what one request holds.
   */
  readonly allowedIps: readonly string[];
  /** Keeps the way through a NAT open. Unit: seconds, range 1-65535; absent = only when needed. */
  readonly keepaliveS?: number;
  /**
   * Only in what was observed: there is a session, so it is wherever its packets come from, and
   * its endpoint is not ours to correct.
   */
  readonly live?: true;
}

/** `key BASE64 port 51820 fwmark 0x1`, without the device. */
export function formatWireguard({ publicKey, port, fwmark }: WireguardRule): string {
  const mark = fwmark === undefined ? '' : ` fwmark 0x${fwmark.toString(16)}`;
  return `key ${publicKey} port ${port}${mark}`;
}

/** `endpoint 192.0.2.2:51820 allowed fd00::2/128 keepalive 25s`, without the device and the key. */
export function formatWireguardPeer(rule: WireguardPeerRule): string {
  const { endpoint, keepaliveS } = rule;
  const words = [`allowed ${rule.allowedIps.toSorted().join(',') || 'none'}`];
  if (endpoint !== undefined) {
    words.unshift(`endpoint ${formatEndpoint(endpoint.address, endpoint.port)}`);
  }
  if (keepaliveS !== undefined) words.push(`keepalive ${keepaliveS}s`);
  if (rule.live === true) words.push('live');
  return words.join(' ');
}

/** True when what is held needs no change to be what is wanted. */
export function sameWireguardPeer(wanted: WireguardPeerRule, held: WireguardPeerRule): boolean {
  const { live, endpoint, ...rest } = held;
  const isFree = wanted.endpoint === undefined || live === true;
  const other = isFree ? wanted.endpoint : endpoint;
  const asAsked = other === undefined ? rest : { ...rest, endpoint: other };
  return formatWireguardPeer(wanted) === formatWireguardPeer(asAsked);
}
