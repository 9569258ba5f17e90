import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveMesh, type MeshServer } from '../../src/api/index.js';
import { silentLog } from '../../src/base/index.js';
import { runCli } from '../../src/cli/index.js';
import { realClock } from '../../src/io/index.js';
import { FakeBackend } from './fake-backend.js';
import { sampleStates } from './fake-states.js';
import { FakeTerminal } from './fake-terminal.js';

/** A real server on a socket of its own in front of a daemon without a kernel. */
export class CliHarness {
  backend = new FakeBackend();
  terminal = new FakeTerminal();
  private readonly directory = mkdtempSync(join(tmpdir(), 'meshctl-'));
  readonly socketPath = join(this.directory, 's');
  private server: MeshServer | undefined;

  async start(): Promise<void> {
    this.backend.revision = 3;
    for (const state of sampleStates()) this.backend.set(state);
    this.server = await serveMesh({
      backend: this.backend,
      socketPath: this.socketPath,
      group: String(process.getgid!()),
      clock: realClock,
      log: silentLog,
    });
  }

  /** The exit code of `meshctl WORD...`. */
  run(...words: string[]): Promise<number> {
    this.terminal.env = { ...this.terminal.env, MESHD_SOCKET: this.socketPath };
    return runCli(words, this.terminal, '0.1.0');
  }

  async stop(): Promise<void> {
    await this.server?.stop();
    rmSync(this.directory, { recursive: true });
  }
}
