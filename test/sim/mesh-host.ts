import type { Clock, Log } from '../../src/base/index.js';
import {
  Keyring,
  wireOptions,
  type PeerAddress,
  type ProfileName,
} from '../../src/gossip/index.js';
import {
  noNetworks,
  noSeals,
  Control,
  MeshNode,
  readKeys,
  readState,
  writeKeys,
  writeState,
} from '../../src/mesh/index.js';
import type { MeshHost } from '../../src/mesh/services.js';
import { ServiceTable, VipPool, type Prepared } from '../../src/store/index.js';
import { parseService } from '../support/service-text.js';
import type { ByteNetwork } from './byte-network.js';

export interface MeshHostOptions {
  readonly profile: ProfileName;
  readonly seed: Uint8Array;
  /** Of the mesh, in the beginning; base64. */
  readonly key: string;
  readonly nonce: () => Uint8Array;
  /** Whether this time the disk takes the keys. */
  readonly canSave: () => boolean;
  readonly log: (host: SimMeshHost, text: string) => void;
}

/** Unit: milliseconds. */
const diskMs = 3;
const kernelMs = 10;

/** A host whose files, kernel and clock are simulated, and whose node of the mesh is the daemon's. */
export class SimMeshHost {
  readonly at: PeerAddress;
  /** Of the running daemon; undefined while there is none. */
  control: Control | undefined;
  node: MeshNode | undefined;
  keyring: Keyring | undefined;
  table = emptyTable();
  /** Resolves when the daemon that runs now does not any more. */
  ended: Promise<void> = Promise.resolve();
  private end: () => void = () => undefined;
  private keyWrites = 0;
  private life = 0;
  private keyFile: string;
  private stateFile: string;
  /** What its users ask for: weights by the name of the service. */
  private readonly wanted = new Map<string, number>();

  constructor(
    readonly name: string,
    private readonly index: number,
    private readonly net: ByteNetwork,
    private readonly options: MeshHostOptions,
  ) {
    this.at = { address: `10.0.0.${index + 1}`, port: 7946 };
    this.keyFile = writeKeys([options.key]);
    const { seed } = options;
    const nothing = { trust: [], claims: new Map(), declarations: [], peers: [] };
    this.stateFile = writeState({
      seed,
      epoch: 0,
      ...nothing,
      networks: noNetworks,
      seals: noSeals,
    });
  }

  get isUp(): boolean {
    return this.control !== undefined;
  }

  /** What it seals with, then what else it opens, or would when it is started again; fingerprints. */
  get keys(): string[] {
    return (this.keyring ?? readKeys(this.keyFile, 'keys')).accepted.map((key) => key.fingerprint);
  }

  /** What cannot be right at any time; undefined = nothing. */
  get problem(): string | undefined {
    if (this.node === undefined || this.keyring === undefined) return undefined;
    for (const [reason, count] of this.node.gossip.drops) {
      if (reason !== 'undecryptable') return `${this.name} got ${count} packets: ${reason}`;
    }
    const [kept, has] = [readKeys(this.keyFile, 'keys'), this.keyring].map((keyring) => {
      return keyring.accepted.map(({ fingerprint }) => fingerprint).join(', ');
    });
    if (this.keyWrites > 0 || kept === has) return undefined;
    return `${this.name} has the keys ${has}, but kept ${kept}`;
  }

  async start(peers: readonly PeerAddress[]): Promise<void> {
    const { net, name, at } = this;
    const clock = this.clockOf(++this.life);
    this.ended = new Promise((resolve) => (this.end = resolve));
    this.keyWrites = 0;
    const keyring = readKeys(this.keyFile, 'keys');
    this.table = emptyTable();
    const host = this.hostOf(clock);
    const node = new MeshNode({
      name,
      version: '0.1.0',
      at,
      profile: this.options.profile,
      wire: wireOptions({ keyring, nonce: this.options.nonce }),
      host,
      clock,
      random: net.network.random,
      log: this.log(),
      saved: readState(this.stateFile, 'state'),
      save: (state) => this.write(clock, () => (this.stateFile = writeState(state))),
      explain: () => Promise.reject(new Error('there is no kernel here')),
      saveKeys: (keys) => this.saveKeys(clock, keys),
      networkChanged: () => undefined,
      seals: { port: 7948, changed: () => undefined },
      openTransport: (handlers) => {
        const undecryptable = (): number => node.gossip.drops.get('undecryptable') ?? 0;
        return Promise.resolve(net.open({ at, keyring, undecryptable }, handlers));
      },
    });
    this.node = node;
    this.keyring = keyring;
    for (const service of this.wanted.keys()) this.commit(this.prepare(service));
    node.services.restore();
    this.control = new Control(node);
    await node.start(peers.filter(({ address }) => address !== at.address));
  }

  /** Without a word, and without another look at its files. */
  async crash(): Promise<void> {
    this.life++;
    await this.node?.gossip.close();
    this.over();
  }

  /** An operator stops the daemon, writes the keys by hand and starts it. */
  async restartWith(keys: readonly string[], peers: readonly PeerAddress[]): Promise<void> {
    if (this.isUp) await this.crash();
    this.keyFile = writeKeys(keys);
    await this.start(peers);
  }

  /** Its user asks for a service, or for other weights; 0 = no more. */
  want(number: number, weight: number): void {
    const service = `${this.name}-${number}`;
    if (weight > 0) this.wanted.set(service, weight);
    else if (!this.wanted.delete(service)) return;
    if (!this.isUp) return;
    this.commit(this.prepare(service));
    this.node?.services.localChanged(service);
  }

  /** Services of the whole mesh as this host serves them; lines `NAME WEIGHT of OWNER`. */
  shown(): string[] {
    return [...this.table.all()]
      .map(({ service, owner = this.name }) => {
        return `${service.name} ${service.destinations[0]!.weight} of ${owner}`;
      })
      .sort();
  }

  /** What all hosts should serve of this one. */
  asked(): string[] {
    return [...this.wanted].map(([service, weight]) => `${service} ${weight} of ${this.name}`);
  }

  /** Members by state, as this host sees them: `NAME STATE`. */
  members(): string[] {
    return this.control?.nodes().map(({ name, state }) => `${name} ${state}`) ?? [];
  }

  private over(): void {
    this.control = undefined;
    this.node = undefined;
    this.keyring = undefined;
    this.end();
  }

  private prepare(service: string): Prepared {
    const weight = this.wanted.get(service);
    if (weight === undefined)
      return this.table.prepare({ source: 'api', set: [], remove: [service] });
    const number = Number(service.split('-').at(-1));
    const line = `service ${service} vip=10.96.${this.index}.${number} port=80/tcp`;
    const set = [parseService(line, [`10.1.0.1 weight=${weight}`])];
    return this.table.prepare({ source: 'api', set, remove: [] });
  }

  private commit(prepared: Prepared): void {
    this.table.commit(prepared);
  }

  private hostOf(clock: Clock): MeshHost {
    const { table } = this;
    let programmed = 0;
    return {
      table,
      submitMesh: (request) => {
        const prepared = table.prepareMesh(request);
        table.commit(prepared);
        clock.after(kernelMs, () => {
          programmed = Math.max(programmed, prepared.revision);
          this.node?.services.passed(prepared.revision);
        });
        return Promise.resolve(prepared);
      },
      isProgrammed: ({ revision }) => revision <= programmed,
      areNetworksProgrammed: () => true,
    };
  }

  private saveKeys(clock: Clock, keys: readonly string[]): Promise<void> {
    if (!this.options.canSave()) return Promise.reject(new Error('no space left on device'));
    this.keyWrites++;
    return this.write(clock, () => {
      this.keyWrites--;
      this.keyFile = writeKeys(keys);
    });
  }

  private write(clock: Clock, write: () => void): Promise<void> {
    return new Promise((resolve) => {
      clock.after(diskMs, () => {
        write();
        resolve();
      });
    });
  }

  /** Stands still for a daemon that has ended. */
  private clockOf(life: number): Clock {
    const { network } = this.net;
    return {
      now: () => network.nowMs,
      wallMs: () => network.nowMs,
      after: (delayMs, callback) => {
        const timer = network.events.at(network.nowMs + delayMs, () => {
          if (life === this.life) callback();
        });
        return () => timer.cancel();
      },
    };
  }

  private log(): Log {
    const note = (context: object, message: string): void => {
      const causes = Object.values(context).map((one) => (one instanceof Error ? one.stack : ''));
      const text = [message, JSON.stringify(context), ...causes].join(' ').trimEnd();
      this.options.log(this, text);
    };
    return { debug: note, info: note, warn: note, error: note };
  }
}

function emptyTable(): ServiceTable {
  return new ServiceTable(new VipPool([]));
}
