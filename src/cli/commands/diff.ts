import { methods, type DriftRecord, type Plan } from '../../api/index.js';
import type { Cli } from '../cli.js';
import { printable } from '../table.js';
import { formatTime, plural } from '../units.js';

const verbSigns = [
  ['add ', '+'],
  ['set ', '~'],
  ['delete ', '-'],
] as const;

/** meshctl diff: what a repair would do now. */
export async function diff(cli: Cli): Promise<void> {
  cli.answer(await cli.call(methods.getDiff, {}), (plan) => formatPlan(plan, cli));
}

/** Ops with a sign each, then what is not ours. */
export function formatPlan({ ops, foreign }: Plan, cli?: Cli): string {
  const lines: string[] = ops.length === 0 ? ['the kernel holds everything as it should'] : [];
  for (const { text, service, cutsConnections } of ops) {
    const [verb, sign] = verbSigns.find(([start]) => text.startsWith(start)) ?? ['', ' '];
    const [first = '', ...rest] = text.slice(verb.length).split('\n');
    const owner = service === undefined ? '' : `   # ${service}`;
    const cuts = cutsConnections === 0 ? '' : `   ! cuts ${plural(cutsConnections, 'connection')}`;
    lines.push(`${color(sign, cli)} ${printable(`${first}${owner}`)}${warn(cuts, cli)}`);
    lines.push(...rest.map((line) => `  ${printable(line)}`));
  }
  if (foreign.length > 0) {
    lines.push('', 'not ours, left alone:');
    for (const rule of foreign)
      lines.push(...rule.split('\n').map((line) => `  ${printable(line)}`));
  }
  return `${lines.join('\n')}\n`;
}

function color(sign: string, cli?: Cli): string {
  if (cli === undefined) return sign;
  const { green, red, yellow } = cli.paint;
  if (sign === '+') return green(sign);
  return sign === '-' ? red(sign) : yellow(sign);
}

function warn(text: string, cli?: Cli): string {
  return text === '' || cli === undefined ? text : cli.paint.red(text);
}

/** meshctl diff --history: when the kernel was found changed. */
export async function driftHistory(cli: Cli, limit: number): Promise<void> {
  const { records } = await cli.call(methods.getDrift, { limit });
  cli.answer(records, () =>
    records.length === 0
      ? 'no drift since the daemon started\n'
      : records.map(formatDrift).join(''),
  );
}

function formatDrift({ atMs, rules, repaired, error }: DriftRecord): string {
  const end = repaired ? 'repaired' : `not repaired${error === undefined ? '' : `: ${error}`}`;
  const width = Math.max(...rules.map(({ difference }) => difference.length));
  const lines = rules.map(
    ({ difference, rule }) => `  ${difference.padEnd(width)}  ${printable(rule)}\n`,
  );
  return `${formatTime(atMs)}   ${plural(rules.length, 'rule')}, ${printable(end)}\n${lines.join('')}`;
}
