import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { loadNative } from '../../src/kernel/linux/native.js';
import { NetlinkSession, netlinkProtocol } from '../../src/kernel/linux/session.js';

/** A network namespace of a test's own, lo up; deleted by `close`. */
export class TestNamespace {
  readonly name = `mt${randomBytes(5).toString('hex')}`;
  readonly path = `/run/netns/${this.name}`;
  private readonly sessions: NetlinkSession[] = [];

  constructor() {
    execFileSync('ip', ['netns', 'add', this.name]);
    this.ip('link set lo up');
  }

  async session(protocol: keyof typeof netlinkProtocol): Promise<NetlinkSession> {
    const socket = await loadNative().open({
      protocol: netlinkProtocol[protocol],
      netns: this.path,
    });
    const session = new NetlinkSession(socket);
    this.sessions.push(session);
    return session;
  }

  /** Runs `ip` inside; arguments apart by one blank. */
  ip(args: string): string {
    return this.run(`ip ${args}`);
  }

  /** What `ip -j` prints, parsed. */
  ipJson(args: string): Record<string, unknown>[] {
    const text = this.ip(`-j ${args}`);
    return JSON.parse(text.trim() === '' ? '[]' : text) as Record<string, unknown>[];
  }

  /** Runs any command inside, without a shell; throws when it fails. */
  run(command: string, input?: string): string {
    const words = ['netns', 'exec', this.name, ...command.split(' ')];
    return execFileSync('ip', words, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  async close(): Promise<void> {
    for (const session of this.sessions) await session.close();
    execFileSync('ip', ['netns', 'delete', this.name]);
  }
}
