import { randomBytes } from 'node:crypto';
import type { Log } from '../../src/base/index.js';
import { Keyring, wireOptions, type PeerAddress } from '../../src/gossip/index.js';
import { openGossipTransport, realClock } from '../../src/io/index.js';
import { MeshNode, noNetworks, noSeals } from '../../src/mesh/index.js';
import { ServiceTable, VipPool } from '../../src/store/index.js';
import { parseService } from '../support/service-text.js';
import { loopbackAddress } from './loopback.js';
import { Lines, until } from './waiting.js';

export interface MeshPeerOptions {
  readonly name: string;
  readonly key?: Uint8Array;
  readonly profile?: 'lan' | 'local';
  readonly compress?: boolean;
  /** Default: one of its own. */
  readonly address?: string;
}

/** A node of the mesh as the daemon has it, without a kernel. */
export class MeshPeer {
  private constructor(
    readonly node: MeshNode,
    readonly at: PeerAddress,
    /** Messages of its log. */
    readonly log: Lines,
    readonly keyring: Keyring | undefined,
    private readonly table: ServiceTable,
  ) {}

  static async start(options: MeshPeerOptions): Promise<MeshPeer> {
    const { name, key, profile = 'local', compress = true, address = loopbackAddress() } = options;
    const lines = new Lines();
    const note = (_: object, message: string): void => lines.add(message);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const keyring = key === undefined ? undefined : new Keyring(key);
    const table = new ServiceTable(new VipPool([]));
    let port = 0;
    const node = new MeshNode({
      name,
      version: '1.2.3',
      at: { address, port: 0 },
      profile,
      wire: wireOptions({ keyring, compress }),
      host: {
        table,
        submitMesh: (request) => {
          table.commit(table.prepareMesh(request));
          return Promise.resolve({ revision: table.revision });
        },
        isProgrammed: () => true,
        areNetworksProgrammed: () => true,
      },
      clock: realClock,
      random: Math.random,
      log,
      saved: {
        seed: randomBytes(32),
        epoch: 0,
        trust: [],
        claims: new Map(),
        declarations: [],
        peers: [],
        networks: noNetworks,
        seals: noSeals,
      },
      save: () => Promise.resolve(),
      networkChanged: () => undefined,
      seals: { port: 7948, changed: () => undefined },
      explain: () => Promise.reject(new Error('there is no kernel here')),
      saveKeys: () => Promise.resolve(),
      openTransport: async (handlers) => {
        const transport = await openGossipTransport({ address, port: 0 }, handlers);
        port = transport.port;
        return transport;
      },
    });
    await node.start([]);
    return new MeshPeer(node, { address, port }, lines, keyring, table);
  }

  join(...others: readonly PeerAddress[]): void {
    this.node.gossip.join(others);
  }

  /** Asks for a service here: `web vip=10.96.0.9 port=80/tcp`. */
  declare(text: string): void {
    const service = parseService(`service ${text}`, ['10.1.0.1']);
    const request = { source: 'file', set: [service], remove: [] } as const;
    this.table.commit(this.table.prepare(request));
    this.node.services.localChanged(service.name);
  }

  /** Services in force here and whose they are: `web of a`. */
  services(): string {
    const { name } = this.node.options;
    return Array.from(this.table.all(), ({ spec, owner }) => `${spec.name} of ${owner ?? name}`)
      .sort()
      .join(', ');
  }

  /** Everybody else: `a alive, b dead`, by name. */
  view(): string {
    const { gossip, options } = this.node;
    return gossip
      .members()
      .filter(({ node }) => node !== options.name)
      .map(({ node, state }) => `${node} ${state}`)
      .sort()
      .join(', ');
  }

  async sees(view: string, withinMs?: number): Promise<void> {
    await until(
      `${this.node.options.name} sees ${view}`,
      () => this.view(),
      (now) => now === view,
      withinMs,
    );
  }
}
