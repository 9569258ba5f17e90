import { methods, type DrainProgress } from '../../api/index.js';
import { MeshError } from '../../base/index.js';
import { readDurationMs } from '../arguments.js';
import type { Cli } from '../cli.js';
import { Exit, exitCodes } from '../errors.js';
import { printable } from '../table.js';
import { formatAge, plural } from '../units.js';

export interface DrainOptions {
  readonly deadline?: string;
  readonly cancel?: boolean;
}

/** meshctl service drain: shows the progress; Ctrl-C leaves, the drain goes on. */
export async function drain(
  cli: Cli,
  service: string,
  destination: string | undefined,
  { deadline, cancel = false }: DrainOptions,
): Promise<void> {
  const target = { service, ...(destination === undefined ? {} : { destination }) };
  const name = destination === undefined ? service : `${service}/${destination}`;
  if (cancel) {
    await cli.call(methods.cancelDrain, target);
    cli.answer({ ...target, cancelled: true }, () => `${name}: takes connections again\n`);
    return;
  }
  const limit =
    deadline === undefined ? {} : { deadlineMs: readDurationMs('--deadline', deadline) };
  const leaving = new AbortController();
  const stop = cli.terminal.onInterrupt(() => leaving.abort());
  const line = new ProgressLine(cli);
  let last: DrainProgress | undefined;
  try {
    const updates = cli.stream(methods.drain, { ...target, ...limit }, leaving.signal);
    for await (const progress of updates) {
      last = progress;
      if (cli.json) cli.jsonLine(progress);
      else line.show(`${name}: ${describe(progress)}`, progress.phase !== 'draining');
    }
  } finally {
    stop();
  }
  if (leaving.signal.aborted) {
    line.end();
    cli.note(`the drain of ${name} goes on; see it with: meshctl endpoint ls ${service}\n`);
    throw new Exit(exitCodes.interrupted);
  }
  if (last?.phase === 'cancelled') {
    throw new MeshError('aborted', `drain of ${name}: somebody cancelled it`);
  }
}

function describe({ phase, connections, remainingMs, destinations }: DrainProgress): string {
  switch (phase) {
    case 'draining': {
      const busy = destinations.filter((each) => each.connections > 0);
      const where = busy.map((each) => `${each.name} ${each.connections}`).join(', ');
      const detail = destinations.length > 1 && where !== '' ? ` (${where})` : '';
      return `${plural(connections, 'connection')} left${detail}, ${formatAge(remainingMs)} to go`;
    }
    case 'finished':
      return 'drained, no connection is left';
    case 'deadline':
      return `the deadline passed, ${plural(connections, 'connection')} cut`;
    case 'cancelled':
      return 'cancelled';
  }
}

/** One line written over on a terminal; elsewhere a line each time the text is another. */
class ProgressLine {
  private shown = '';

  constructor(private readonly cli: Cli) {}

  show(line: string, last: boolean): void {
    const text = printable(line);
    if (text === this.shown) return;
    this.shown = text;
    if (!this.cli.terminal.stdout.isTTY) this.cli.print(`${text}\n`);
    else this.cli.print(`\r${text}\x1b[K${last ? '\n' : ''}`);
  }

  end(): void {
    if (this.cli.terminal.stdout.isTTY && this.shown !== '') this.cli.print('\n');
  }
}
