import { methods, type ExplainStep, type Explanation } from '../../api/index.js';
import { MeshError } from '../../base/index.js';
import { formatEndpoint, parseAddress } from '../../model/index.js';
import { readAddress, readListener, vipFor } from '../arguments.js';
import type { Cli } from '../cli.js';
import { printable } from '../table.js';
import { formatBytes, formatCount } from '../units.js';

/** meshctl explain: the way of a packet through the rules. */
export async function explain(cli: Cli, from: string, to: string): Promise<void> {
  const { host, port, protocol } = readListener('DST', to);
  const source = parseAddress(from) ?? (await taskAddress(cli, from, parseAddress(host)));
  const destination = parseAddress(host) ?? (await vipOf(cli, host, source));
  const query = { source, destination, port, protocol };
  const explanation = await cli.call(methods.explain, query);
  const title = `${source} -> ${formatEndpoint(destination, port)}/${protocol}`;
  cli.answer({ ...query, ...explanation }, () => `${title}\n\n${describe(explanation, cli)}`);
}

/** Of an endpoint, `NETWORK/NAME`: its address of the family of `like`, or its first. */
async function taskAddress(cli: Cli, text: string, like: string | undefined): Promise<string> {
  const [, network, name] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (network === undefined) return readAddress('SRC', text);
  const { networks } = await cli.call(methods.listNetworks, {});
  const endpoints = networks.find((one) => one.name === network)?.endpoints ?? [];
  const endpoint = endpoints.find((one) => one.name === name);
  if (endpoint === undefined) {
    const problem = 'not known here; ask its own node, or give its address';
    throw new MeshError('not_found', `endpoint ${text}: ${problem}`);
  }
  const address = like === undefined ? endpoint.addresses[0] : vipFor(like, endpoint.addresses);
  if (address !== undefined) return address;
  throw new MeshError('failed_precondition', `endpoint ${text}: it has no address like ${like!}`);
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
