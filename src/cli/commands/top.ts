import {
  methods,
  type DestinationTraffic,
  type ServiceTraffic,
  type Traffic,
} from '../../api/index.js';
import { readDurationMs } from '../arguments.js';
import type { Cli } from '../cli.js';
import { truncate, type Column } from '../table.js';
import type { Terminal } from '../terminal.js';
import { formatBytes, formatCount, formatTime, plural } from '../units.js';

export interface TopOptions {
  readonly interval: string;
  readonly once?: boolean;
}

type Rates = Pick<ServiceTraffic, 'connectionsPerS' | 'inBytesPerS' | 'outBytesPerS'>;

interface Row {
  readonly name: string;
  readonly where: string;
  readonly weight: string;
  readonly active: number;
  readonly rates: Rates;
}

/** meshctl top: rates per virtual service and destination, the busiest first. */
export async function top(
  cli: Cli,
  service: string | undefined,
  { interval, once = false }: TopOptions,
): Promise<void> {
  const filter = service === undefined ? {} : { service };
  const intervalMs = readDurationMs('--interval', interval);
  if (once) {
    cli.answer(await cli.call(methods.getCounters, filter), (traffic) => rates(cli, traffic));
    return;
  }
  const leaving = new AbortController();
  const { terminal } = cli;
  const frames = cli.stream(methods.watchCounters, { ...filter, intervalMs }, leaving.signal);
  const screen = terminal.stdout.isTTY && !cli.json ? new Screen(cli) : undefined;
  const stops = [
    terminal.onInterrupt(() => leaving.abort()),
    ...(screen === undefined ? [] : [leaveOnKey(terminal, leaving)]),
  ];
  try {
    for await (const traffic of frames) {
      if (cli.json) cli.jsonLine(traffic);
      else if (screen === undefined) cli.print(`${summary(traffic)}\n${rates(cli, traffic)}\n`);
      else screen.draw(`${summary(traffic)}   q leaves\n\n${rates(cli, traffic)}`);
    }
  } finally {
    stops.forEach((stop) => stop());
    screen?.close();
  }
}

function leaveOnKey(terminal: Terminal, leaving: AbortController): () => void {
  return terminal.onKey((key) => {
    if (key === 'q' || key === 'Q' || key === '\x03') leaving.abort();
  });
}

function summary({ atMs, services }: Traffic): string {
  return `${formatTime(atMs)}   ${plural(services.length, 'virtual service')}`;
}

function rates(cli: Cli, traffic: Traffic): string {
  const load = (rates: Rates): number => rates.inBytesPerS + rates.outBytesPerS;
  const rows = [...traffic.services]
    .sort((a, b) => load(b) - load(a) || byName(a, b))
    .flatMap((service): Row[] => [
      {
        name: service.service,
        where: service.listen,
        weight: '',
        active: service.destinations.reduce((sum, { active }) => sum + active, 0),
        rates: service,
      },
      ...service.destinations.map(destinationRow),
    ]);
  const number = (title: string, value: (row: Row) => string): Column<Row> => ({
    title,
    cell: value,
    align: 'right',
  });
  return cli.table<Row>(
    [
      { title: 'SERVICE', cell: ({ name }) => name, shrinks: true },
      { title: 'ADDRESS', cell: ({ where }) => where, shrinks: true },
      number('WEIGHT', ({ weight }) => weight),
      number('ACTIVE', ({ active }) => formatCount(active)),
      number('CONN/S', (row) => formatCount(row.rates.connectionsPerS)),
      number('IN/S', (row) => formatBytes(row.rates.inBytesPerS)),
      number('OUT/S', (row) => formatBytes(row.rates.outBytesPerS)),
    ],
    rows,
  );
}

function byName(a: ServiceTraffic, b: ServiceTraffic): number {
  const name = (of: ServiceTraffic): string => `${of.service} ${of.listen}`;
  return name(a).localeCompare(name(b), 'en', { numeric: true });
}

function destinationRow(destination: DestinationTraffic): Row {
  const { name, address, port, weight, active } = destination;
  const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return { name: `  ${name}`, where, weight: String(weight), active, rates: destination };
}

/** The alternate screen of the terminal: what was there before is there again afterwards. */
class Screen {
  constructor(private readonly cli: Cli) {
    cli.print('\x1b[?1049h\x1b[?25l');
  }

  /** Writes over the last frame; erasing first would flicker. */
  draw(text: string): void {
    const { rows, columns } = this.cli.terminal.stdout;
    const lines = text.trimEnd().split('\n');
    const fit = rows > 0 ? lines.slice(0, rows - 1) : lines;
    const cut = columns > 0 ? fit.map((line) => truncate(line, columns)) : fit;
    this.cli.print(`\x1b[H${cut.map((line) => `${line}\x1b[K\r\n`).join('')}\x1b[J`);
  }

  close(): void {
    this.cli.print('\x1b[?25h\x1b[?1049l');
  }
}
