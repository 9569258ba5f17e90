import { createColors } from 'picocolors';
import type { ApiClient, createApiClient } from '../api/index.js';
import type { StreamMethod, UnaryMethod } from '../api/index.js';
import { formatTable, type Column } from './table.js';
import type { Terminal } from './terminal.js';

export interface GlobalOptions {
  readonly socket: string;
  readonly json: boolean;
  readonly color: boolean;
}

/** Unary calls; those that wait for a pass over the kernel may take seconds. */
const deadlineMs = 60_000;

/** What a command has in its hands: the daemon, and ways to print for people and programs. */
export class Cli {
  readonly json: boolean;
  readonly paint: ReturnType<typeof createColors>;
  private api: ApiClient | undefined;

  constructor(
    readonly terminal: Terminal,
    private readonly options: GlobalOptions,
    private readonly connect: typeof createApiClient,
  ) {
    this.json = options.json;
    this.paint = createColors(options.color);
  }

  call<Q, R>(method: UnaryMethod<Q, R>, request: Q): Promise<R> {
    return this.client().call(method, request);
  }

  stream<Q, R>(method: StreamMethod<Q, R>, request: Q, signal?: AbortSignal): AsyncGenerator<R> {
    return this.client().stream(method, request, signal);
  }

  /** One answer: as it is with --json, else as `human` prints it. */
  answer<T>(value: T, human: (value: T) => string): void {
    this.print(this.json ? `${JSON.stringify(value, null, 2)}\n` : human(value));
  }

  print(text: string): void {
    this.terminal.stdout.write(text);
  }

  /** For what goes along with the answer and is none. */
  note(text: string): void {
    this.terminal.stderr.write(text);
  }

  jsonLine(value: unknown): void {
    this.print(`${JSON.stringify(value)}\n`);
  }

  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
    const { isTTY, columns: width } = this.terminal.stdout;
    return formatTable(columns, rows, isTTY && width > 0 ? { width } : {});
  }

  close(): void {
    this.api?.close();
  }

  private client(): ApiClient {
    const { clock } = this.terminal;
    return (this.api ??= this.connect({ path: this.options.socket, deadlineMs, clock }));
  }
}
