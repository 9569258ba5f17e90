import { methods, type Status } from '../../api/index.js';
import type { Cli } from '../cli.js';
import { formatFacts, type Fact } from '../service-view.js';
import { formatAge, plural } from '../units.js';

/** meshctl status: the daemon and how well the kernel follows it. */
export async function status(cli: Cli): Promise<void> {
  const now = cli.terminal.clock.wallMs();
  cli.answer(await cli.call(methods.getStatus, {}), (value) => describe(value, now, cli));
}

function describe(status: Status, nowMs: number, { paint }: Cli): string {
  const ago = (atMs: number): string => `${formatAge(nowMs - atMs)} ago`;
  const { drift, reconcile, config } = status;
  const counts = `${plural(status.services, 'service')}, ${plural(status.destinations, 'destination')}`;
  const withheld = status.withheld === 0 ? '' : ` (${status.withheld} withheld)`;
  const facts: Fact[] = [
    ['meshd', `${status.version}, up ${formatAge(status.uptimeMs)}, sandbox ${status.sandbox}`],
    ['data path', `${status.dataPath.kind}: ${status.dataPath.detail}`],
    [
      'serves',
      `${counts}${withheld}, revision ${status.revision}`,
      status.withheld === 0 ? undefined : paint.red,
    ],
  ];
  if (reconcile === undefined) {
    facts.push(['last pass', 'none yet', paint.yellow]);
  } else {
    const { atMs, durationMs, ops, error } = reconcile;
    const took = `${ago(atMs)}, ${plural(ops, 'change')} in ${durationMs.toFixed(1)} ms`;
    facts.push(['last pass', took]);
    if (error !== undefined) facts.push(['', `failed: ${error}`, paint.red]);
  }
  const last = drift.lastAtMs === undefined ? '' : `, last ${ago(drift.lastAtMs)}`;
  const repaired = `${plural(drift.detected, 'rule')} found changed, ${drift.repaired} repaired`;
  facts.push(['drift', drift.detected === 0 ? 'none' : `${repaired}${last}`]);
  if (config !== undefined) {
    const loaded =
      config.loadedAtMs === undefined ? 'never loaded' : `loaded ${ago(config.loadedAtMs)}`;
    facts.push(['config', `${config.path}, ${loaded}`]);
    if (config.error !== undefined) facts.push(['', `not in force: ${config.error}`, paint.red]);
  }
  return formatFacts(facts);
}
