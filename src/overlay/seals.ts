import { FieldError } from '../base/index.js';
import { publicKeyBytes, type PrivateKey, type Rule } from '../model/index.js';
import { checkAddress } from './check.js';
import { sealedUnderlay, type Underlay } from './compile.js';
import { sealAddress, sealDevice, sealGenerationMax } from './names.js';
import { sealGuard, sealLinks } from './seal-table.js';

/*
 * Seals: WireGuard between the hosts of sealed networks. Keys come in generations, of which a host
 * has one, or two while they change: each a device of its own, with the same address on both. To a
 * peer goes what the route to it says; what comes is taken by either.
 */

/** A key that a node announces. */
export interface Seal {
  readonly generation: number;
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
  /** Where its packets are taken, UDP. */
  readonly address: string;
  readonly port: number;
}

/** A key of this node. */
export interface OwnSeal {
  readonly generation: number;
  readonly key: PrivateKey;
  readonly port: number;
  /** The others are told of it: it may be sent by. A withdrawn one is only listened on. */
  readonly isAnnounced: boolean;
  /** Unit: milliseconds. */
  readonly ageMs: number;
}

/** A node on the same sealed networks. */
export interface SealPeer {
  readonly node: string;
  /** It is not heard of; it may be there all the same. */
  readonly isAway: boolean;
  readonly seals: readonly Seal[];
}

export interface SealView {
  /** Ascending by generation; at most two, of which one is even. */
  readonly own: readonly OwnSeal[];
  readonly peers: readonly SealPeer[];
  /** The newest generation of any node, -1 when there is none. */
  readonly latest: number;
}

/** `meshw-0 KEY` of the peers that have answered there of late. */
export type Proven = ReadonlySet<string>;

export function provenKey(device: string, publicKey: string): string {
  return `${device} ${publicKey}`;
}

/** Generations lie side by side by it. */
const metricMin = 100;
const mainTable = 254;
/** WireGuard's own advice, for NATs; it also makes the handshake that proves a new key. */
const keepaliveS = 25;

/** What another node says of a key. Errors: FieldError. */
export function checkSeal(generation: number, value: unknown): Seal {
  if (!Number.isInteger(generation) || generation < 0 || generation > sealGenerationMax) {
    throw new FieldError('generation', `expected 0-${sealGenerationMax}`);
  }
  const { publicKey, address, port } = (value ?? {}) as Record<string, unknown>;
  if (typeof publicKey !== 'string' || publicKeyBytes(publicKey) === undefined) {
    throw new FieldError('publicKey', 'expected 32 bytes in base64');
  }
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) {
    throw new FieldError('port', 'expected 1-65535');
  }
  const at = checkAddress('address', address);
  return { generation, publicKey, address: at, port: port as number };
}

/** The UDP port of a generation: that of the one before is still in use. */
export function sealPort(base: number, generation: number): number {
  return base + (generation % 2);
}

/** The generation that packets to the peer go by: the newest that is proven, else the newest. */
export function wayTo(
  { own }: Pick<SealView, 'own'>,
  peer: SealPeer,
  proven: Proven,
): number | undefined {
  const common = own.toReversed().flatMap(({ generation, isAnnounced }) => {
    const theirs = peer.seals.find((seal) => seal.generation === generation);
    return isAnnounced && theirs !== undefined ? [theirs] : [];
  });
  const best = common.find(({ generation, publicKey }) =>
    proven.has(provenKey(sealDevice(generation), publicKey)),
  );
  return (best ?? common[0])?.generation;
}

/** What the host's sandbox holds so that hosts of sealed networks reach each other. */
export function compileSeals(view: SealView, underlay: Underlay, proven: Proven): Rule[] {
  if (view.own.length === 0) return [];
  const peers = distinctPeers(view, underlay.node);
  return [
    ...sealGuard,
    ...sealLinks(view.own.map(({ generation }) => sealDevice(generation))),
    ...view.own.flatMap((own) => deviceRules(own, peers, underlay)),
    ...peers.flatMap((peer): Rule[] => {
      const generation = wayTo(view, peer, proven);
      if (generation === undefined) return [];
      const destination = `${sealAddress(peer.node)}/128`;
      const [device, metric] = [sealDevice(generation), metricMin + (generation % 2)];
      return [{ kind: 'route', type: 'unicast', destination, table: mainTable, device, metric }];
    }),
  ];
}

function deviceRules(
  { generation, key, port }: OwnSeal,
  peers: readonly SealPeer[],
  underlay: Underlay,
): Rule[] {
  const device = sealDevice(generation);
  const { vtep, mtu } = sealedUnderlay(underlay);
  const { publicKey } = key;
  return [
    { kind: 'link', name: device, type: 'wireguard', up: true, mtu },
    { kind: 'wireguard', device, publicKey, privateKey: key, port },
    { kind: 'address', device, prefix: `${vtep}/128` },
    ...peers.flatMap(({ node, seals }): Rule[] => {
      const seal = seals.find((one) => one.generation === generation);
      if (seal === undefined) return [];
      return [
        {
          kind: 'wireguard-peer',
          device,
          publicKey: seal.publicKey,
          endpoint: { address: seal.address, port: seal.port },
          allowedIps: [`${sealAddress(node)}/128`],
          keepaliveS,
        },
      ];
    }),
  ];
}

/** Without those that give a key or have an address that is another's: the first by name has it. */
function distinctPeers({ own, peers }: SealView, self: string): SealPeer[] {
  const taken = new Set([sealAddress(self), ...own.map(({ key }) => key.publicKey)]);
  const byName = peers.toSorted((a, b) => (a.node < b.node ? -1 : 1));
  return byName.filter(({ node, seals }) => {
    const names = [sealAddress(node), ...seals.map(({ publicKey }) => publicKey)];
    if (names.some((name) => taken.has(name))) return false;
    for (const name of names) taken.add(name);
    return true;
  });
}
