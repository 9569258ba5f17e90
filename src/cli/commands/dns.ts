import {
  methods,
  type NameAnswer,
  type NameCount,
  type NameFound,
  type NameQuestion,
  type NameRecord,
  type NameStats,
} from '../../api/index.js';
import type { Cli } from '../cli.js';
import { Exit, exitCodes } from '../errors.js';
import { formatFacts, type Fact } from '../service-view.js';
import { printable, type Column } from '../table.js';
import { formatAge, plural } from '../units.js';

export interface QueryOptions {
  readonly network?: readonly string[];
  readonly sandbox?: string;
}

/** An answer with its question, as --json prints them. */
interface Answered extends NameAnswer, Pick<NameQuestion, 'name' | 'type'> {}

/** meshctl dns query: exit code 4 for names that nobody has, 1 when there is no answer. */
export async function queryName(
  cli: Cli,
  name: string,
  type: string | undefined,
  { network: networks = [], sandbox }: QueryOptions,
): Promise<void> {
  const answers: Answered[] = [];
  for (const one of type === undefined ? ['A', 'AAAA'] : [type]) {
    const question = { name, type: one, networks, ...(sandbox === undefined ? {} : { sandbox }) };
    answers.push({ name, type: one, ...(await cli.call(methods.queryName, question)) });
  }
  cli.answer(answers, () => {
    const lines = answers.flatMap((answer) => [...linesOf(answer), whyOf(answer, cli)]);
    // What is so for both types is said once, at the end.
    return lines.filter((line, i) => lines.lastIndexOf(line) === i).join('');
  });
  const codes = answers.map(({ code }) => code);
  if (networks.length === 0 && sandbox === undefined && codes.includes('NXDOMAIN')) {
    cli.note(
      'asked as a process of the host; as tasks see it: --network NETWORK, --sandbox PATH\n',
    );
  }
  if (codes.includes('NXDOMAIN')) throw new Exit(exitCodes.notFound);
  if (codes.some((code) => code !== 'NOERROR')) throw new Exit(exitCodes.failed);
}

function linesOf({ code, type, records }: Answered): string[] {
  if (code !== 'NOERROR') return [`${code}\n`];
  if (records.length === 0) return [`no ${printable(type.toUpperCase())} records\n`];
  return records.map(lineOf);
}

function lineOf({ name, ttlS, type, data }: NameRecord): string {
  return `${printable(`${name} ${ttlS} IN ${type} ${data}`)}\n`;
}

/** `by vip: service web on network front`. */
function whyOf({ by, code, found, reason }: NameAnswer, { paint }: Cli): string {
  const nobody = code === 'NXDOMAIN' && by !== 'forward' ? 'nobody has this name' : undefined;
  const why = found === undefined ? (reason ?? nobody) : describeFound(found);
  return `${paint.dim(printable(why === undefined ? `by ${by}` : `by ${by}: ${why}`))}\n`;
}

function describeFound({ kind, name, network }: NameFound): string {
  const place = network === undefined ? 'on no network' : `on network ${network}`;
  const words: Record<string, string> = {
    alias: `an alias of service ${name}`,
    tasks: `the tasks of service ${name}`,
    port: `a port of service ${name}`,
    address: `an address of ${name}`,
  };
  return `${words[kind] ?? `${kind} ${name}`} ${place}`;
}

/** meshctl dns zone: line by line, as they come. */
export async function listNames(cli: Cli, networks: readonly string[] = []): Promise<void> {
  const all: NameRecord[] = [];
  for await (const { records } of cli.stream(methods.listNames, { networks })) {
    if (cli.json) all.push(...records);
    else cli.print(records.map(lineOf).join(''));
  }
  if (cli.json) cli.answer(all, () => '');
}

/** meshctl dns stats. */
export async function nameStats(cli: Cli): Promise<void> {
  const stats = await cli.call(methods.getNameStats, {});
  const columns: Column<NameCount>[] = [
    { title: 'TYPE', cell: ({ type }) => type },
    { title: 'CODE', cell: ({ code }) => code },
    { title: 'BY', cell: ({ by }) => by },
    { title: 'QUERIES', cell: ({ queries }) => String(queries), align: 'right' },
  ];
  cli.answer(stats, () => `${formatFacts(factsOf(stats))}\n${cli.table(columns, stats.counts)}`);
}

function factsOf({ drops, kept, listen, sandboxes, upstreams, isLogging }: NameStats): Fact[] {
  const dropped = Object.entries(drops).flatMap(([reason, count]) =>
    count === 0 ? [] : [`${count} ${reason}`],
  );
  const asked = upstreams.map(({ address, silentMs }) =>
    silentMs === 0 ? address : `${address} (silent; asked last for ${formatAge(silentMs + 999)})`,
  );
  return [
    ['host', listen.join(', ') || 'nowhere'],
    ['sandboxes', String(sandboxes)],
    ['upstreams', asked.join(', ') || 'none'],
    ['kept', plural(kept, 'answer')],
    ['dropped', dropped.join(', ') || 'none'],
    ['log', isLogging ? 'on' : 'off'],
  ];
}

/** meshctl dns log: says, or switches, whether every query is logged. */
export async function logNames(cli: Cli, state: 'on' | 'off' | undefined): Promise<void> {
  const wish = state === undefined ? {} : { on: state === 'on' };
  const answer = await cli.call(methods.logNames, wish);
  cli.answer(answer, ({ isLogging }) => `the query log is ${isLogging ? 'on' : 'off'}\n`);
}
