import { familyOf, type Family } from '../model/index.js';
import { decodePacket, packetBytesMin } from './packet.js';
import { isTrouble, judgeWay, worstOf, type PathVerdict } from './verdict.js';
import { Way, type OwnEnd } from './way.js';

/** Another node, by its addresses on the network. */
export interface PathPeer {
  readonly node: string;
  readonly addresses: readonly string[];
}

export interface Outgoing {
  readonly to: string;
  readonly bytes: Buffer;
}

/** The way to another node, all families together. */
export interface PathState {
  readonly node: string;
  readonly verdict: PathVerdict;
  /** When only one of several is in trouble. */
  readonly family?: Family;
  /** Largest packet on the network here, and there as far as known. Unit: bytes. */
  readonly mtu: number;
  readonly peerMtu?: number;
  /** Of the last small request that was answered. */
  readonly rttMs?: number;
  /** Requests since the node is known. */
  readonly sent: number;
  readonly lost: number;
  /** Of the last 16 of each size, those without an answer. Range 0-1. */
  readonly smallLoss: number;
  readonly largeLoss: number;
  /** How long ago the last answer came. */
  readonly smallAgeMs?: number;
  readonly largeAgeMs?: number;
}

/** Between two turns; a turn goes to one node. Unit: milliseconds. */
const turnMs = 1_000;
/**
 * Each node has a turn at least this often: stateful firewalls take the peer's requests for answers
 * to ours as long as they remember ours (nf_conntrack_udp_timeout). Unit: milliseconds.
 */
const roundMsMax = 30_000;
/** IP header without options, and UDP. Unit: bytes. */
const headerBytes = { 4: 20 + 8, 6: 40 + 8 } as const;

interface Peer {
  readonly node: string;
  readonly ways: ReadonlyMap<string, Way>;
}

/**
 * Small and large requests to every other node in turn, and what becomes of them. Pure: time and
 * chance come from outside, packets go there.
 */
export class PathHealth {
  private peers: Peer[] = [];
  private byAddress = new Map<string, Way>();
  private next = 0;
  private mtu = 0;

  constructor(private readonly own: OwnEnd) {}

  /** Nodes that are heard of. What is known of those that stay, stays. */
  setPeers(peers: readonly PathPeer[], mtu: number): void {
    const before = this.peers[this.next]?.node;
    const known = new Map(this.peers.map((peer) => [peer.node, peer.ways]));
    this.mtu = mtu;
    this.peers = peers.map(({ node, addresses }) => {
      const make = (address: string): Way => known.get(node)?.get(address) ?? new Way(this.own);
      return { node, ways: new Map(addresses.map((address) => [address, make(address)])) };
    });
    this.byAddress = new Map(this.peers.flatMap(({ ways }) => [...ways]));
    const at = this.peers.findIndex(({ node }) => node === before);
    this.next = at === -1 ? 0 : at;
  }

  /** Until the next turn. Unit: milliseconds. */
  get pauseMs(): number {
    return Math.min(turnMs, roundMsMax / Math.max(1, this.peers.length));
  }

  /** The requests of the next turn, to all addresses of one node. */
  turn(now: number): Outgoing[] {
    const peer = this.peers[this.next];
    if (peer === undefined) return [];
    this.next = (this.next + 1) % this.peers.length;
    return [...peer.ways].flatMap(([to, way]) => {
      way.expire(now);
      const largeBytes = Math.max(packetBytesMin, this.mtu - headerBytes[familyOf(to)]);
      return way.nextTurn(now, this.mtu, largeBytes).map((bytes) => ({ to, bytes }));
    });
  }

  /** Returns the answer, if it wants one. Strangers get none. */
  received(from: string, bytes: Buffer, now: number): Outgoing | undefined {
    const way = this.byAddress.get(from);
    const packet = way === undefined ? undefined : decodePacket(bytes);
    if (way === undefined || packet === undefined) return undefined;
    if (packet.kind === 'request') {
      const answer = way.request(packet, now, this.mtu);
      return answer === undefined ? undefined : { to: from, bytes: answer };
    }
    way.answer(packet, now);
    return undefined;
  }

  states(now: number): PathState[] {
    return this.peers.map(({ node, ways }) => stateOf(node, [...ways], this.mtu, now));
  }
}

function stateOf(
  node: string,
  ways: readonly (readonly [address: string, Way])[],
  mtu: number,
  now: number,
): PathState {
  const verdicts = ways.map(([address, way]) => {
    way.expire(now);
    return { family: familyOf(address), verdict: judgeWay(way) };
  });
  const troubled = verdicts.filter(({ verdict }) => isTrouble(verdict));
  const family = troubled.length < ways.length ? troubled[0]?.family : undefined;
  const all = ways.map(([, way]) => way);
  const sum = (read: (way: Way) => number): number =>
    all.reduce((total, way) => total + read(way), 0);
  const turns = all.flatMap((way) => way.turns);
  const loss = (size: 'small' | 'large'): number => {
    const ended = turns.filter(({ outcome }) => outcome[size] !== 'pending');
    const lost = ended.filter(({ outcome }) => outcome[size] === 'lost');
    return ended.length === 0 ? 0 : lost.length / ended.length;
  };
  const lowest = (numbers: readonly (number | undefined)[]): number | undefined => {
    const known = numbers.filter((one) => one !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  };
  const ageOf = (size: 'small' | 'large'): number | undefined =>
    lowest(all.map(({ answeredMs }) => answeredMs[size] && now - answeredMs[size]));
  return {
    node,
    verdict: worstOf(verdicts.map(({ verdict }) => verdict)),
    ...present({ family }),
    mtu,
    ...present({ peerMtu: lowest(all.map(({ peerMtu }) => peerMtu)) }),
    ...present({ rttMs: lowest(all.map(({ rttMs }) => rttMs)) }),
    sent: sum(({ totals }) => totals.sent),
    lost: sum(({ totals }) => totals.lost),
    smallLoss: loss('small'),
    largeLoss: loss('large'),
    ...present({ smallAgeMs: ageOf('small'), largeAgeMs: ageOf('large') }),
  };
}

/** Without the fields that are undefined. */
function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [K in keyof T]?: NonNullable<T[K]> };
}
