import type { Count, MeshStatus, PathState } from '../api/index.js';
import { escape, header } from './exposition.js';

/** The mesh as this node sees it, in Prometheus' text format. */
export function* meshSeries(status: MeshStatus): Generator<string> {
  const { alive, suspect, failed, left, counters, queues } = status;
  yield header('meshd_mesh_members', gauge('Members by state, this one included.'));
  for (const [state, value] of Object.entries({ alive, suspect, failed, left })) {
    yield `meshd_mesh_members{state="${state}"} ${value}\n`;
  }
  for (const [name, help, read] of gauges) {
    yield `${header(name, gauge(help))}${name} ${read(status)}\n`;
  }
  yield header('meshd_mesh_queue', gauge('What waits in this node, by queue.'));
  for (const { name, value } of queues) {
    yield `meshd_mesh_queue{queue="${snake(name)}"} ${value}\n`;
  }
  yield* countersOf(counters);
}

type Read = (status: MeshStatus) => number;

const gauges: readonly (readonly [name: string, help: string, read: Read])[] = [
  [
    'meshd_mesh_health_score',
    '0 = this node keeps up with gossip; at most 7.',
    (s) => s.healthScore,
  ],
  ['meshd_mesh_lacking_nodes', 'Live nodes without our newest services.', (s) => s.lacking.length],
  [
    'meshd_mesh_lag_seconds',
    'Age of the oldest change that some node lacks.',
    (s) => s.lagMs / 1_000,
  ],
  [
    'meshd_mesh_unserved_nodes',
    'Nodes whose services are not all in this kernel.',
    (s) => s.unserved.length,
  ],
  ['meshd_mesh_conflicts', "Services that give way to another node's.", (s) => s.conflicts.length],
  ['meshd_catalog_rows', 'Rows of all nodes, tombstones included.', (s) => s.rows],
  ['meshd_catalog_bytes', 'Bytes of those rows.', (s) => s.rowBytes],
];

/** One sample of each metric for every node that packets are tried with. */
export function* pathSeries(states: readonly PathState[]): Generator<string> {
  if (states.length === 0) return;
  for (const { name, type, help, read } of pathMetrics) {
    yield header(name, { type, help });
    for (const state of states) {
      const value = read(state);
      if (value !== undefined) yield `${name}{node="${escape(state.node)}"} ${value}\n`;
    }
  }
}

interface PathMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly read: (state: PathState) => number | undefined;
}

const pathMetrics: readonly PathMetric[] = [
  {
    name: 'meshd_path_ok',
    ...gauge('1 = small and large packets get there and back by the network ingress.'),
    read: ({ verdict }) => (verdict === 'unknown' ? undefined : Number(verdict === 'ok')),
  },
  {
    name: 'meshd_path_rtt_seconds',
    ...gauge('Of the last small probe that was answered.'),
    read: ({ rttMs }) => rttMs && rttMs / 1_000,
  },
  {
    name: 'meshd_path_probes_total',
    type: 'counter',
    help: 'Probes sent, small and large.',
    read: ({ sent }) => sent,
  },
  {
    name: 'meshd_path_probes_lost_total',
    type: 'counter',
    help: 'Of those, the ones that were not answered within 2 s.',
    read: ({ lost }) => lost,
  },
];

/** Counters of one name stand together, whatever their reasons. */
function* countersOf(counts: readonly Count[]): Generator<string> {
  for (const name of new Set(counts.map((count) => count.name))) {
    const metric = `meshd_gossip_${snake(name)}_total`;
    yield header(metric, {
      type: 'counter',
      help: `Since the start of the daemon: ${words(name)}.`,
    });
    for (const { reason, value } of counts.filter((count) => count.name === name)) {
      const labels = reason === undefined ? '' : `{reason="${escape(reason)}"}`;
      yield `${metric}${labels} ${value}\n`;
    }
  }
}

function gauge(help: string): { readonly type: string; readonly help: string } {
  return { type: 'gauge', help };
}

function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function snake(name: string): string {
  return words(name).replaceAll(' ', '_');
}
