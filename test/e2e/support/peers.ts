import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until, type Background } from './command.js';
import { servers, type Host, type Server, type Task, type Topology } from './topology.js';

export const peerProgram = join(dirname(fileURLToPath(import.meta.url)), 'peer');

/** What `peer load` prints (peer.c). */
export interface LoadResult {
  readonly ok: number;
  readonly failed: number;
  /** Answers by the server's name. */
  readonly servers: Readonly<Record<string, number>>;
  /** Answers by the client address that the server saw. */
  readonly seen: Readonly<Record<string, number>>;
  /** Answers by the server that the server asked. */
  readonly behind: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  /** Only with `list`: the server of each request. */
  readonly choices?: readonly string[];
  /** Answers to requests for which the server saw another address than the client's own. */
  readonly otherSource: number;
  readonly longestMs: number;
  /** Wall clock; 0 = no request failed. */
  readonly lastFailureAtMs: number;
  readonly seconds: number;
}

export interface LoadOptions {
  readonly requests?: number;
  readonly concurrency?: number;
  readonly perConnection?: number;
  readonly pauseMs?: number;
  readonly timeoutMs?: number;
  /** First address, and how many. */
  readonly from?: readonly [string, number];
  readonly fromPort?: number;
  readonly protocol?: 'udp' | 'sctp';
  readonly list?: boolean;
}

/** Requests that go on until `stop`. */
export interface RunningLoad {
  stop(): Promise<LoadResult>;
}

/** The servers behind the load balancers, and clients that call them. */
export class Peers {
  private readonly serving = new Map<Server | Task, Background>();

  constructor(
    private readonly topology: Topology,
    private readonly ports: readonly number[],
  ) {}

  async serveAll(): Promise<void> {
    await Promise.all(servers.map((server) => this.serve(server)));
  }

  async serve(server: Server | Task, options: readonly string[] = []): Promise<void> {
    const argv = [peerProgram, 'serve', ...options, server, ...this.ports.map(String)];
    const process = this.topology.start(server, argv);
    this.serving.set(server, process);
    await until(`${server} serves`, 5_000, () => {
      if (process.status !== undefined) throw new Error(`${server}: ${process.output}`);
      return process.lines.includes('ready');
    });
  }

  /** As if the machine's power had failed, but for the link. */
  async kill(server: Server | Task): Promise<void> {
    await this.serving.get(server)?.end('SIGKILL');
    this.serving.delete(server);
  }

  async load(
    host: Host,
    address: string,
    port: number,
    options: LoadOptions & { readonly requests: number },
  ): Promise<LoadResult> {
    const { stdout } = await this.topology.exec(host, loadCommand(address, port, options));
    return JSON.parse(stdout) as LoadResult;
  }

  /** Begins requests that go on until stopped. */
  keepLoading(host: Host, address: string, port: number, options: LoadOptions = {}): RunningLoad {
    const process = this.topology.start(host, loadCommand(address, port, options));
    return {
      stop: async () => {
        await process.end();
        return JSON.parse(process.output) as LoadResult;
      },
    };
  }
}

function loadCommand(address: string, port: number, options: LoadOptions): string[] {
  const given: readonly (readonly [string, string | number | undefined])[] = [
    ['--requests', options.requests],
    ['--concurrency', options.concurrency],
    ['--per-connection', options.perConnection],
    ['--pause', options.pauseMs],
    ['--timeout', options.timeoutMs],
    ['--from', options.from?.join('/')],
    ['--from-port', options.fromPort],
  ];
  return [
    peerProgram,
    'load',
    ...given.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)])),
    ...(options.protocol === undefined ? [] : [`--${options.protocol}`]),
    ...(options.list === true ? ['--list'] : []),
    address,
    String(port),
  ];
}

/** What was not as it should be, for the figure of a claim. */
export function troubles(result: LoadResult): string {
  const errors = Object.entries(result.errors).map(([text, count]) => `${count} ${text}`);
  return [`${result.ok} answered`, `${result.failed} failed`, ...errors].join(', ');
}
