import { methods, type ExplainStep, type Explanation } from '../../api/index.js';
import { MeshError } from '../../base/index.js';
import { formatEndpoint, parseAddress } from '../../model/index.js';
import { readAddress, readListener, vipFor } from '../arguments.js';
import type { Cli } from '../cli.js';
import { printable } from '../table.js';
import { formatBytes, formatCount } from '../units.js';

/** meshctl explain: the way of a packet through the rules. */
export async function explain(cli: Cli, from: string, to: string): Promise<void> {
  const source = readAddress('SRC', from);
  const { host, port, protocol } = readListener('DST', to);
  const destination = parseAddress(host) ?? (await vipOf(cli, host, source));
  const query = { source, destination, port, protocol };
  const explanation = await cli.call(methods.explain, query);
  const title = `${source} -> ${formatEndpoint(destination, port)}/${protocol}`;
  cli.answer({ ...query, ...explanation }, () => `${title}\n\n${describe(explanation, cli)}`);
}

async function vipOf(cli: Cli, service: string, source: string): Promise<string> {
  const { vips } = await cli.call(methods.getService, { name: service });
  const vip = vipFor(source, vips);
  if (vip !== undefined) return vip;
  const family = source.includes(':') ? 'IPv6' : 'IPv4';
  throw new MeshError('failed_precondition', `service ${service}: it has no ${family} VIP`);
}

function describe({ steps, outcome }: Explanation, cli: Cli): string {
  const { paint } = cli;
  let at = '';
  const blocks = steps.map((step, i) => {
    const place = placeOf(step);
    const heading = place === at || place === '' ? '' : `${i === 0 ? '' : '\n'}${place}:\n`;
    at = place;
    return `${heading}${describeStep(step, i + 1, cli)}`;
  });
  const painted = { balanced: paint.green, refused: paint.red, passed: paint.yellow };
  return `${blocks.join('')}\n${painted[outcome.verdict](outcome.verdict)}: ${printable(outcome.text)}\n`;
}

/** Empty on a host that stands alone. */
function placeOf({ node, task }: ExplainStep): string {
  if (node === undefined) return '';
  return task === undefined
    ? `node ${printable(node)}`
    : `node ${printable(node)}, in the sandbox of ${printable(task)}`;
}

function describeStep(
  { title, detail, rule, kernel, counters }: ExplainStep,
  number: number,
  { paint }: Cli,
): string {
  const lines = [`${number}. ${paint.bold(printable(title))}: ${printable(detail)}`];
  for (const line of rule?.split('\n') ?? []) lines.push(`   ${paint.dim(printable(line))}`);
  if (kernel === 'lacks') lines.push(`   ${paint.red('the kernel lacks it: meshctl diff')}`);
  if (kernel === 'differs') lines.push(`   ${paint.red('the kernel has another: meshctl diff')}`);
  if (counters !== undefined) {
    const { connections, inPackets, inBytes, outBytes } = counters;
    const bytes = `${formatBytes(inBytes)} in, ${formatBytes(outBytes)} out`;
    const packets = `${formatCount(inPackets)} packets in`;
    lines.push(`   ${formatCount(connections)} connections, ${packets}, ${bytes}`);
  }
  return `${lines.join('\n')}\n`;
}
