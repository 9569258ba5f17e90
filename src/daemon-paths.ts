import { randomBytes } from 'node:crypto';
import type { PathReport } from './api/index.js';
import { messageOf, type Clock } from './base/index.js';
import type { RecentFaults } from './host/index.js';
import type { openProbeSocket, ProbeSocket } from './io/index.js';
import type { MeshNode } from './mesh/index.js';
import { familyOf, parseAddress, type Network } from './model/index.js';
import { ingressName } from './overlay/index.js';
import type { Kernel, PacketFaults } from './kernel/index.js';
import { PathHealth, type Outgoing } from './paths/index.js';

export interface DaemonPathsOptions {
  readonly clock: Clock;
  /** Of the host's own sandbox. */
  readonly kernel: Pick<Kernel, 'packetFaults'>;
  /** The same on all nodes. */
  readonly port: number;
  readonly openSocket: typeof openProbeSocket;
  /** In force on this host. Unit: bytes. */
  readonly mtuOf: (network: Network) => number;
  /** Called when it is needed for the first time, or later. */
  readonly node: () => MeshNode;
}

/** Between two looks at who is on the network. Unit: milliseconds. */
const lookMs = 1_000;
/** Of what the kernel counts, between two looks, and how many are kept: a minute. */
const sampleMs = 10_000;
const samplesMax = 7;
/** The kernel refuses to send what its routes or its firewall do not let out. */
const refusedMs = 5_000;
const nonceBytes = 8;

/**
 * Tries without end whether packets get through between this node's address on the network
 * `ingress` and those of the others. Does nothing as long as this node has none.
 */
export class DaemonPaths {
  private readonly health = new PathHealth({ session: unguessed(), nonce: unguessed });
  private readonly sockets = new Map<string, ProbeSocket>();
  /** Why there is no socket. */
  private problem: string | undefined;
  private refused = { atMs: -Infinity, reason: '' };
  private readonly samples: Sample[] = [];
  private lookedMs = -Infinity;
  private cancel: () => void = () => undefined;
  private isStopped = false;

  constructor(private readonly options: DaemonPathsOptions) {}

  start(): void {
    void this.step();
  }

  report(): PathReport {
    const { clock, port } = this.options;
    const now = clock.now();
    const refused = now - this.refused.atMs < refusedMs ? this.refused.reason : undefined;
    const problem = this.problem ?? refused;
    const states = this.health.states(now);
    return { port, states, ...(problem === undefined ? {} : { problem }) };
  }

  /** What the kernel counted in the last minute, or since the others are known. */
  async recentFaults(): Promise<RecentFaults> {
    const { kernel, clock } = this.options;
    const now = await kernel.packetFaults();
    const { atMs, faults } = this.samples[0] ?? { atMs: clock.now(), faults: now };
    const unsent = Array.from(now.unsent, ([device, count]): [string, number] => {
      return [device, Math.max(0, count - (faults.unsent.get(device) ?? 0))];
    });
    return {
      overMs: clock.now() - atMs,
      udpChecksums: Math.max(0, now.udpChecksums - faults.udpChecksums),
      unsent: new Map(unsent),
    };
  }

  stop(): void {
    this.isStopped = true;
    this.cancel();
    this.listenOn([]);
  }

  private async step(): Promise<void> {
    const { clock } = this.options;
    if (clock.now() - this.lookedMs >= lookMs) {
      this.lookedMs = clock.now();
      await this.look();
    }
    if (this.isStopped) return;
    for (const packet of this.health.turn(clock.now())) this.send(packet);
    this.cancel = clock.after(this.health.pauseMs, () => void this.step());
  }

  /** Addresses may change: of two nodes that claimed the same ones, one gets others. */
  private async look(): Promise<void> {
    const { node, mtuOf } = this.options;
    const view = node().networks.view(ingressName);
    const own = view?.local.find(({ isEntry }) => isEntry)?.addresses ?? [];
    this.listenOn(own);
    await this.listenAlsoOn(own);
    if (view === undefined) return;
    const families = new Set([...this.sockets.keys()].map(familyOf));
    const peers = view.remote
      .filter(({ isEntry, isAway }) => isEntry && !isAway)
      .map((entry) => ({
        node: entry.node,
        addresses: entry.addresses.filter((address) => families.has(familyOf(address))),
      }))
      .filter(({ addresses }) => addresses.length > 0)
      .sort((a, b) => (a.node < b.node ? -1 : 1));
    this.health.setPeers(peers, mtuOf(view.network));
    if (peers.length > 0) await this.sample();
  }

  private async sample(): Promise<void> {
    const { kernel, clock } = this.options;
    const last = this.samples.at(-1)?.atMs ?? -Infinity;
    if (clock.now() - last < sampleMs) return;
    // A sandbox that is gone has other things to tell of.
    const faults = await kernel.packetFaults().catch(() => undefined);
    if (faults === undefined) return;
    this.samples.push({ atMs: clock.now(), faults });
    if (this.samples.length > samplesMax) this.samples.shift();
  }

  /** Closes what listens on others. */
  private listenOn(addresses: readonly string[]): void {
    for (const [address, socket] of this.sockets) {
      if (addresses.includes(address)) continue;
      socket.close();
      this.sockets.delete(address);
    }
    if (addresses.length === 0) this.health.setPeers([], 0);
  }

  private async listenAlsoOn(addresses: readonly string[]): Promise<void> {
    const { openSocket, port } = this.options;
    let problem: string | undefined;
    for (const address of addresses) {
      if (this.sockets.has(address)) continue;
      try {
        const socket = await openSocket(
          { address, port },
          {
            received: (from, bytes) => this.received(from, bytes),
            refused: (reason) => this.noteRefusal(`send from ${address}: ${reason}`),
          },
        );
        if (this.isStopped) socket.close();
        else this.sockets.set(address, socket);
      } catch (error) {
        // The kernel may not have the address yet, or have it in another namespace than ours.
        problem = messageOf(error);
      }
    }
    this.problem = problem;
  }

  private noteRefusal(reason: string): void {
    this.refused = { atMs: this.options.clock.now(), reason };
  }

  private received(from: string, bytes: Buffer): void {
    const answer = this.health.received(
      parseAddress(from) ?? from,
      bytes,
      this.options.clock.now(),
    );
    if (answer !== undefined) this.send(answer);
  }

  private send({ to, bytes }: Outgoing): void {
    for (const [address, socket] of this.sockets) {
      if (familyOf(address) === familyOf(to)) socket.send(to, bytes);
    }
  }
}

interface Sample {
  readonly atMs: number;
  readonly faults: PacketFaults;
}

function unguessed(): bigint {
  return randomBytes(nonceBytes).readBigUInt64BE() | 1n;
}
