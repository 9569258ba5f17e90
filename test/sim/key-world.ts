import type { KeyChange, NodeKeys } from '../../src/api/index.js';
import { fingerprintOf, parseKey, type PeerAddress } from '../../src/gossip/index.js';
import { ByteNetwork, type Unopened } from './byte-network.js';
import { SimMeshHost } from './mesh-host.js';
import { Network } from './network.js';
import { oneOf, seededRandom, wholeBetween } from './random.js';
import { Secrets } from './secrets.js';

/** What the seed stands for: nothing but delay; or loss, crashes, cuts, full disks; or one host away. */
export type Kind = 'clean' | 'rough' | 'away';

/** Of each host, at most. */
const services = 3;

/** Hosts with whole nodes, and what must hold of them at any time. */
export class KeyWorld {
  readonly problems: string[] = [];
  readonly random: () => number;
  readonly network: Network;
  readonly hosts: readonly SimMeshHost[];
  readonly kind: Kind;
  /** The one that shall be everywhere, in base64. */
  key: string;
  /** What was sealed with a key that the receiver had then, and not any more when it came. */
  overtaken = 0;
  isDiskFine = true;
  /** From when all have found each other until somebody ends, nobody may suspect anybody. */
  isFearless = false;
  away: SimMeshHost | undefined;
  /** Nobody may find `away`, nor `away` anybody. */
  isRefused = false;
  readonly cutHosts = new Set<SimMeshHost>();
  private readonly secrets = new Secrets((problem) => this.complain(problem));

  constructor(
    seed: number,
    private readonly tell: (line: string) => void,
  ) {
    this.random = seededRandom(seed);
    this.network = new Network(seededRandom(seed + 2_000_000));
    this.kind = oneOf(this.random, ['clean', 'clean', 'rough', 'rough', 'away']);
    this.key = this.newKey();
    const net = new ByteNetwork(this.network, {
      sent: (bytes) => this.secrets.look(bytes),
      unopened: (what) => this.unopened(what),
    });
    const profile = oneOf(this.random, ['lan', 'local', 'fast'] as const);
    let nonces = 0;
    const options = {
      profile,
      key: this.key,
      nonce: () => Buffer.from((++nonces).toString(16).padStart(24, '0'), 'hex'),
      canSave: () => this.isDiskFine || this.random() > 0.05,
      log: (host: SimMeshHost, text: string) => this.logged(host, text),
    };
    this.hosts = Array.from({ length: oneOf(this.random, [3, 3, 4, 4, 5, 6]) }, (_, index) => {
      return new SimMeshHost(`n${index}`, index, net, { ...options, seed: this.bytes(32) });
    });
    this.note(`${this.hosts.length} hosts, ${this.kind}, profile ${profile}`);
  }

  get peers(): PeerAddress[] {
    return this.hosts.map(({ at }) => at);
  }

  get fingerprint(): string {
    return fingerprintOf(parseKey(this.key));
  }

  async start(host: SimMeshHost): Promise<void> {
    this.note(`${host.name} starts`);
    await host.start(this.peers);
  }

  cut(host: SimMeshHost): void {
    this.note(`${host.name} is cut off`);
    this.cutHosts.add(host);
    for (const other of this.hosts) {
      if (other === host) continue;
      this.network.cutOff(host.at.address, other.at.address);
      this.network.cutOff(other.at.address, host.at.address);
    }
  }

  heal(): void {
    this.note('all ways are open');
    this.cutHosts.clear();
    this.network.healAll();
  }

  /** A user asks for something else. */
  change(): void {
    const host = oneOf(this.random, this.hosts);
    host.want(wholeBetween(this.random, 1, services), wholeBetween(this.random, 0, 9));
  }

  /** Lets time pass; whatever waits for a promise goes on in between. */
  async pass(ms: number): Promise<void> {
    const { network } = this;
    const untilMs = network.nowMs + ms;
    for (;;) {
      await settled();
      const { nextMs } = network.events;
      if (nextMs > untilMs) break;
      network.runUntil(nextMs);
    }
    network.runUntil(untilMs);
    for (const { problem } of this.hosts) if (problem !== undefined) this.complain(problem);
  }

  /** Who sees or serves something else than what there is; undefined = nobody. */
  disagreement(): string | undefined {
    const members = this.hosts.map(({ name }) => `${name} alive`).join(', ');
    const services = this.hosts.flatMap((host) => host.asked()).sort();
    for (const host of this.hosts) {
      const [seen, shown] = [host.members().join(', '), host.shown()];
      if (seen !== members) return `${host.name} sees ${seen}`;
      if (shown.join() !== services.join()) {
        return `${host.name} serves ${shown.join(', ')} instead of ${services.join(', ')}`;
      }
    }
    return undefined;
  }

  /** What nodes may not be led to by a command that was not refused. */
  checkStep({ action, fingerprint = '' }: KeyChange, nodes: readonly NodeKeys[]): void {
    for (const { name, keys } of this.hosts) {
      if (!nodes.some(({ node }) => node === name)) continue;
      if (action === 'remove' && keys[0] === fingerprint) {
        this.complain(`a key was removed, and ${name} seals with it`);
      }
      if (action === 'use' && !keys.includes(fingerprint)) {
        this.complain(`a key was used, and ${name} does not have it`);
      }
    }
  }

  newKey(): string {
    const key = this.bytes(16);
    this.secrets.add(key);
    return key.toString('base64');
  }

  note(text: string): void {
    this.tell(`${(this.network.nowMs / 1_000).toFixed(3).padStart(9)}  ${text}`);
  }

  complain(problem: string): void {
    this.problems.push(`${(this.network.nowMs / 1_000).toFixed(3)} s: ${problem}`);
    this.note(`PROBLEM ${problem}`);
  }

  private unopened({ from, to, had, has }: Unopened): void {
    const text = `${to.address} cannot open what came from ${from.address}`;
    this.note(`${text}${had ? ', which was under way' : ''}`);
    const away = this.away?.at.address;
    const isAway = from.address === away || to.address === away;
    if (has) this.complain(`${text}, with a key that it has`);
    else if (had) this.overtaken++;
    else if (this.kind !== 'rough' && !isAway) this.complain(text);
  }

  private logged(host: SimMeshHost, text: string): void {
    this.secrets.look(Buffer.from(text));
    this.note(`    ${host.name}: ${text}`);
    const [, name, change] = /^node (\S+) (\w+)/.exec(text) ?? [];
    if (name === undefined) return;
    const isAway = name === this.away?.name || host === this.away;
    const isFear = change === 'suspected' || change === 'failed';
    const isFind = change === 'joined' || change === 'recovered';
    if ((this.isFearless && isFear && !isAway) || (this.isRefused && isFind && isAway)) {
      this.complain(`${host.name}: ${text}`);
    }
  }

  private bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => Math.floor(this.random() * 256)));
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
