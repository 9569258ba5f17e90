import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Result {
  /** 128 + N when signal N ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const signals: Readonly<Record<string, number>> = { SIGTERM: 15, SIGKILL: 9, SIGINT: 2 };

/** Runs a command to its end. Rejects when it cannot be started or, unless `mayFail`, fails. */
export async function run(
  argv: readonly string[],
  options: { readonly input?: string; readonly mayFail?: boolean } = {},
): Promise<Result> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  const text = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.out += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.err += part));
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  const status = await exitOf(child);
  const result = { status, stdout: text.out, stderr: text.err };
  if (status !== 0 && options.mayFail !== true) {
    throw new Error(`${argv.join(' ')}: status ${status}: ${result.stderr}${result.stdout}`);
  }
  return result;
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + (signals[signal ?? ''] ?? 0)));
  });
}

const running = new Set<Background>();

/** A process that runs beside the test. None outlives `endAll`. */
export class Background {
  readonly lines: string[] = [];
  readonly exited: Promise<number>;
  status: number | undefined;
  private readonly child: ChildProcess;

  constructor(argv: readonly string[]) {
    this.child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    running.add(this);
    this.exited = exitOf(this.child).then((status) => {
      running.delete(this);
      this.status = status;
      return status;
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  get output(): string {
    return this.lines.join('\n');
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves with the exit status. */
  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    this.kill(signal);
    return this.exited;
  }
}

export async function endAll(): Promise<void> {
  await Promise.all([...running].map((process) => process.end('SIGKILL')));
}

/** Polls until `check` gives something. Rejects after `deadlineMs`, with what was waited for. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  check: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs / 1000} s: ${what}`);
    await sleep(20);
  }
}

/** The count when it has not changed for so long. */
export async function unchanged(count: () => Promise<number>, forMs: number): Promise<number> {
  let [last, since] = [await count(), performance.now()];
  await until('it changes no more', 30_000, async () => {
    const now = await count();
    if (now !== last) [last, since] = [now, performance.now()];
    return performance.now() - since > forMs;
  });
  return last;
}
