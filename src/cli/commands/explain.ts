import { methods, type Explanation } from '../../api/index.js';
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

function describe({ steps, outcome }: Explanation, { paint }: Cli): string {
  const blocks = steps.map(({ title, detail, rule, counters }, i) => {
    const lines = [`${i + 1}. ${paint.bold(printable(title))}: ${printable(detail)}`];
    for (const line of rule?.split('\n') ?? []) lines.push(`   ${paint.dim(printable(line))}`);
    if (counters !== undefined) {
      const { connections, inBytes, outBytes } = counters;
      const bytes = `${formatBytes(inBytes)} in, ${formatBytes(outBytes)} out`;
      lines.push(`   ${formatCount(connections)} connections, ${bytes}`);
    }
    return `${lines.join('\n')}\n`;
  });
  const painted = { balanced: paint.green, refused: paint.red, passed: paint.yellow };
  return `${blocks.join('')}\n${painted[outcome.verdict](outcome.verdict)}: ${printable(outcome.text)}\n`;
}
