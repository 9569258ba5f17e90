import { readFile, rename, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../../src/api/index.js';
import { Background, until, type Result } from './command.js';
import type { Balancer, Topology } from './topology.js';

const dist = dirname(dirname(fileURLToPath(import.meta.url)));
export const meshdProgram = join(dist, 'meshd.js');
export const meshctlProgram = join(dist, 'meshctl.js');

/** Every meshd of the case that runs, for whoever looks into a failure. */
export const launched: Background[] = [];

/** What carries virtual services in this run. */
export const dataPath = process.env['MESHD_E2E_DATA_PATH'] === 'nftables' ? 'nftables' : 'ipvs';

const startDeadlineMs = 60_000;
const lastPass = 'meshd_reconcile_last_timestamp_seconds';
const running = 'meshd is running';

/** One meshd on a load balancer, with its files in a folder of its own. */
export class Meshd {
  private process: Background | undefined;

  private constructor(
    private readonly topology: Topology,
    readonly balancer: Balancer,
    readonly folder: string,
  ) {}

  static async create(topology: Topology, balancer: Balancer): Promise<Meshd> {
    return new Meshd(topology, balancer, await topology.newFolder());
  }

  /** On a load balancer that nobody has touched yet. */
  static async fresh(
    topology: Topology,
    config: string,
    balancer: Balancer = 'lb',
  ): Promise<Meshd> {
    await topology.renew(balancer);
    const meshd = await Meshd.create(topology, balancer);
    await meshd.write(config);
    await meshd.start();
    return meshd;
  }

  get configPath(): string {
    return join(this.folder, 'meshd.yaml');
  }

  get socketPath(): string {
    return join(this.folder, 'api.sock');
  }

  get stateDir(): string {
    return join(this.folder, 'state');
  }

  get log(): readonly string[] {
    return this.process?.lines ?? [];
  }

  get pid(): number {
    return this.process!.pid;
  }

  /** The services of a configuration file, with what this run needs put before them. */
  async write(services: string, path = this.configPath): Promise<void> {
    const text = [
      'api:',
      `  socket: ${this.socketPath}`,
      'metrics:',
      `  listen: unix:${this.folder}/metrics.sock`,
      `stateDir: ${this.stateDir}`,
      `dataPath: ${dataPath}`,
      services.trim(),
      '',
    ].join('\n');
    // In one step, as editors do: a half-written file is nobody's wish.
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }

  /** Resolves when the first pass is over. `inside`: run in the namespace that it programs. */
  async start({ inside = true } = {}): Promise<void> {
    if (inside) this.launch();
    else this.launched(new Background(this.command()));
    await this.runs();
  }

  /** For what shall not get as far as running. */
  launch(before: readonly string[] = []): Background {
    return this.launched(this.topology.start(this.balancer, [...before, ...this.command()]));
  }

  private launched(process: Background): Background {
    launched.push(process);
    this.process = process;
    return process;
  }

  private command(): string[] {
    return [process.execPath, meshdProgram, '--config', this.configPath];
  }

  /** Resolves when the process has said so `times` times: once more with each replacement. */
  async runs(times = 1): Promise<void> {
    const current = this.process!;
    await until(`${running} (${times})`, startDeadlineMs, () => {
      if (current.status !== undefined) {
        throw new Error(`meshd ended with status ${current.status}: ${current.output}`);
      }
      return current.lines.filter((line) => line.includes(running)).length >= times;
    });
    await until('the first pass', startDeadlineMs, async () => {
      return (await this.metric(lastPass)) > 0;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.process!.kill(signal);
  }

  end(signal: NodeJS.Signals): Promise<number> {
    return this.process!.end(signal);
  }

  /** Writes the file and waits until it is in force. */
  async reload(services: string): Promise<void> {
    const before = await this.metric(lastPass);
    const seen = this.log.length;
    await this.write(services);
    this.signal('SIGHUP');
    await until('the new file is in force', 10_000, () =>
      this.log.slice(seen).some((line) => line.includes('configuration is in force')),
    );
    await until('a pass after it', 10_000, async () => (await this.metric(lastPass)) > before);
  }

  /** meshctl, to its end. */
  ctl(...args: string[]): Promise<Result> {
    return this.topology.exec(this.balancer, this.ctlCommand(args), { mayFail: true });
  }

  startCtl(...args: string[]): Background {
    return this.topology.start(this.balancer, this.ctlCommand(args));
  }

  private ctlCommand(args: readonly string[]): string[] {
    return [process.execPath, meshctlProgram, '--socket', this.socketPath, ...args];
  }

  async status(): Promise<Status> {
    const { stdout, stderr, status } = await this.ctl('--json', 'status');
    if (status !== 0) throw new Error(`meshctl status: ${stderr}`);
    return JSON.parse(stdout) as Status;
  }

  check(path: string): Promise<Result> {
    return this.meshd('check', path);
  }

  plan(path: string): Promise<Result> {
    return this.meshd('plan', path);
  }

  private meshd(...args: string[]): Promise<Result> {
    const argv = [process.execPath, meshdProgram, ...args];
    return this.topology.exec(this.balancer, argv, { mayFail: true });
  }

  /** The sum of a metric's series. */
  async metric(name: string): Promise<number> {
    const text = await this.metrics();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async metrics(): Promise<string> {
    return (await this.get('/metrics')).text;
  }

  /** The status that a load balancer in front of the host is told about a service. */
  async health(service: string): Promise<number> {
    return (await this.get(`/healthz/${service}`)).status;
  }

  private get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const socketPath = join(this.folder, 'metrics.sock');
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, path }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => resolve({ status: answer.statusCode!, text }));
      });
      call.on('error', reject).end();
    });
  }

  readConfig(): Promise<string> {
    return readFile(this.configPath, 'utf8');
  }
}
