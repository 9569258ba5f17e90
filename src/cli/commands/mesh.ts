import { methods, type Count, type MeshStatus } from '../../api/index.js';
import type { Cli } from '../cli.js';
import { formatFacts, type Fact } from '../service-view.js';
import { formatBytes, plural } from '../units.js';

/** meshctl mesh status: how this node does among the others. */
export async function meshStatus(cli: Cli): Promise<void> {
  cli.answer(await cli.call(methods.getMeshStatus, {}), (status) => describe(status, cli));
}

function describe(status: MeshStatus, { paint }: Cli): string {
  const { node, address, profile, label, key, healthScore } = status;
  const name = label === '' ? '' : `, label ${label}`;
  const rate = (bytes: number): string => `${formatBytes(Math.round(bytes))}/s`;
  const facts: Fact[] = [
    ['node', `${node} at ${address}, profile ${profile}${name}`],
    key === undefined
      ? ['sealed', 'no: gossip is in the clear', paint.yellow]
      : ['sealed', `with key ${key}`],
    ['members', membersOf(status), status.suspect + status.failed > 0 ? paint.yellow : undefined],
    [
      'health',
      healthScore === 0 ? 'keeps up' : `does not keep up: ${healthScore} of 7`,
      healthScore === 0 ? undefined : paint.yellow,
    ],
    ['others', othersOf(status), status.lacking.length > 0 ? paint.yellow : undefined],
    [
      'here',
      status.unserved.length === 0
        ? "all nodes' services are in this kernel"
        : `not yet in this kernel: services of ${status.unserved.join(', ')}`,
      status.unserved.length === 0 ? undefined : paint.yellow,
    ],
    ['catalog', `${plural(status.rows, 'row')}, ${formatBytes(status.rowBytes)}`],
    [
      'traffic',
      `${rate(status.sentBytesPerS)} out, ${rate(status.receivedBytesPerS)} in, ` +
        `${rate(status.streamBytesPerS)} over TCP`,
    ],
    ['queues', status.queues.map(countText).join(', ')],
  ];
  const refused = status.counters.filter(({ reason, value }) => reason !== undefined && value > 0);
  if (refused.length > 0) facts.push(['refused', refused.map(countText).join(', ')]);
  for (const { service, node: owner, reason } of status.conflicts) {
    facts.push(['conflict', `service ${service} of node ${owner} gives way: ${reason}`, paint.red]);
  }
  for (const name of status.disputed) {
    const text = `node ${name} comes with another key than the one known here`;
    facts.push([
      'disputed',
      `${text}; if it lost its state: meshctl node forget ${name}`,
      paint.red,
    ]);
  }
  return formatFacts(facts);
}

function membersOf({ hasLeft, alive, suspect, failed, left }: MeshStatus): string {
  if (hasLeft) return 'none: this node has left';
  const others = Object.entries({ suspect, failed, left }).filter(([, count]) => count > 0);
  return [`${alive} alive`, ...others.map(([state, count]) => `${count} ${state}`)].join(', ');
}

function othersOf({ version, lacking, lagMs, lastLagMs }: MeshStatus): string {
  if (lacking.length > 0) {
    return `version ${version} is not yet in use on ${lacking.join(', ')}, for ${span(lagMs)}`;
  }
  const last = lastLagMs === undefined ? '' : `; the last change took ${span(lastLagMs)}`;
  return `version ${version} is in use on all live nodes${last}`;
}

function span(milliseconds: number): string {
  return milliseconds < 10_000
    ? `${Math.round(milliseconds)} ms`
    : `${Math.round(milliseconds / 1_000)} s`;
}

/** `dropped (undecryptable) 3`. */
function countText({ name, reason, value }: Count): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words}${reason === undefined ? '' : ` (${reason})`} ${value}`;
}
