import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { formatEndpoint } from '../../src/model/index.js';
import { freePort, loopbackAddress } from './loopback.js';
import { Lines, until } from './waiting.js';

const run = promisify(execFile);

/** A skipped test would pass: without serf everything here fails. */
export function requireSerf(): void {
  if (spawnSync('serf', ['version']).status === 0) return;
  throw new Error('serf is not installed; run: apt-get install serf (or: scripts/setup test)');
}

export interface SerfOptions {
  readonly name: string;
  readonly key?: Uint8Array;
  readonly profile?: 'lan' | 'local';
  /** Default: one of its own. */
  readonly address?: string;
  /** More words of the command line. */
  readonly more?: readonly string[];
}

export interface SerfMember {
  readonly name: string;
  readonly addr: string;
  readonly status: 'alive' | 'leaving' | 'left' | 'failed';
  readonly tags: Readonly<Record<string, string>>;
}

/** An agent of serf as its package brings it. */
export class SerfAgent {
  readonly log = new Lines();

  private constructor(
    readonly name: string,
    readonly address: string,
    readonly port: number,
    private readonly rpc: string,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface(stream).on('line', (line) => this.log.add(line));
    }
  }

  static async start(options: SerfOptions): Promise<SerfAgent> {
    const { name, key, profile = 'local', address = loopbackAddress(), more = [] } = options;
    const port = await freePort(address);
    const rpcAddress = loopbackAddress();
    const rpc = `${rpcAddress}:${await freePort(rpcAddress)}`;
    const encrypt = key === undefined ? [] : [`-encrypt=${Buffer.from(key).toString('base64')}`];
    const words = [`-node=${name}`, `-bind=${formatEndpoint(address, port)}`, `-rpc-addr=${rpc}`];
    const child = spawn('serf', ['agent', ...words, `-profile=${profile}`, ...encrypt, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const agent = new SerfAgent(name, address, port, rpc, child);
    try {
      await agent.log.line(/Serf agent running!/);
      // The line comes before the agent listens for commands.
      await until(`${name} answers`, () => agent.command('info').catch(() => ''), Boolean);
    } catch (error) {
      await agent.kill();
      throw error;
    }
    return agent;
  }

  /** Its standard output; that is also in the error when it fails. */
  async command(name: string, ...words: readonly string[]): Promise<string> {
    try {
      return (await run('serf', [name, `-rpc-addr=${this.rpc}`, ...words])).stdout;
    } catch (error) {
      const { message, stdout } = error as Error & { stdout?: string };
      throw new Error(`${message}${stdout ?? ''}`, { cause: error });
    }
  }

  async members(): Promise<readonly SerfMember[]> {
    const { members } = JSON.parse(await this.command('members', '-format=json')) as {
      members: SerfMember[];
    };
    return members;
  }

  /** As `serf members` prints them: `a alive, b failed`, by name. */
  async view(): Promise<string> {
    const lines = (await this.members()).map(({ name, status }) => `${name} ${status}`);
    return lines.sort().join(', ');
  }

  async sees(view: string, withinMs?: number): Promise<void> {
    await until(
      `serf ${this.name} sees ${view}`,
      () => this.view(),
      (now) => now === view,
      withinMs,
    );
  }

  /** What its log has to complain of, apart from the lines that are expected. */
  complaints(expected = /(?!)/): string[] {
    const isComplaint = (line: string): boolean => /\[(WARN|ERR|ERROR)\]/.test(line);
    return this.log.all.filter((line) => isComplaint(line) && !expected.test(line));
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** At once, without a word to the others. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}
