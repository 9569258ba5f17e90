import type { Background } from './command.js';
import type { Host, Topology } from './topology.js';

export interface WrkResult {
  readonly requests: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly text: string;
}

/** wrk on a host, over connections that stay open, until it is stopped. */
export class Wrk {
  private readonly process: Background;

  constructor(topology: Topology, host: Host, url: string, connections = 8) {
    this.process = topology.start(host, [
      'wrk',
      '--threads=1',
      `--connections=${connections}`,
      '--duration=300s',
      '--timeout=5s',
      url,
    ]);
  }

  async stop(): Promise<WrkResult> {
    const status = await this.process.end('SIGINT');
    const text = this.process.output;
    if (status !== 0) throw new Error(`wrk: status ${status}: ${text}`);
    const numbers = (pattern: RegExp): number[] => (pattern.exec(text)?.slice(1) ?? []).map(Number);
    const [requests = 0] = numbers(/(\d+) requests in/);
    const [perSecond = 0] = numbers(/Requests\/sec:\s+([\d.]+)/);
    const socket = numbers(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
    const answers = numbers(/Non-2xx or 3xx responses: (\d+)/);
    const errors = [...socket, ...answers].reduce((sum, count) => sum + count, 0);
    return {
      requests,
      errors,
      perSecond,
      text: `${requests} requests, ${perSecond.toFixed(0)}/s, ${errors} errors`,
    };
  }
}
