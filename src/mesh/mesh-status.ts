import type { Count, MeshStatus, NodeState } from '../api/index.js';
import { formatEndpoint } from '../model/index.js';
import type { MeshNode } from './mesh-node.js';
import type { Rates } from './rates.js';

/** Of the gossip's figures, those that are states and not counts since the start. */
const queueNames = ['broadcasts', 'userBroadcasts', 'timers', 'waiting'] as const;

/** The whole of `meshctl mesh status`. */
export function meshStatus(node: MeshNode, nodes: readonly NodeState[], rates: Rates): MeshStatus {
  const { options, catalog, services, gossip, lag } = node;
  const { address, port } = gossip.self.at;
  const { rows, bytes, wants } = catalog.size();
  const count = (wanted: NodeState['state']): number =>
    nodes.filter(({ state }) => state === wanted).length;
  const key = options.wire.keyring?.primary.fingerprint;
  const { healthScore, ...figures } = gossip.counters;
  const queues = queueNames.map((name): Count => ({ name, value: figures[name] }));
  return {
    node: options.name,
    address: formatEndpoint(address, port),
    profile: options.profile,
    label: options.wire.label.bytes.toString(),
    ...(key === undefined ? {} : { key }),
    hasLeft: node.hasLeft,
    alive: count('alive'),
    suspect: count('suspect'),
    failed: count('failed'),
    left: count('left'),
    healthScore,
    version: catalog.version,
    lacking: catalog.acknowledged(catalog.version).lack,
    lagMs: lag.nowMs(options.clock.now()),
    ...(lag.lastMs === undefined ? {} : { lastLagMs: lag.lastMs }),
    unserved: services.unserved(),
    rows,
    rowBytes: bytes,
    sentBytesPerS: rates.of('sentBytes'),
    receivedBytesPerS: rates.of('receivedBytes'),
    streamBytesPerS: rates.of('streamBytes'),
    conflicts: services.losers.map(({ declaration: { service, owner }, reason }) => {
      return { service: service.name, node: owner, reason };
    }),
    disputed: [...catalog.disputed].sort(),
    queues: [...queues, { name: 'wants', value: wants }],
    counters: countersOf(node, figures),
  };
}

function countersOf(node: MeshNode, figures: Readonly<Record<string, number>>): Count[] {
  const isQueue = new Set<string>(queueNames);
  return [
    ...Object.entries(figures)
      .filter(([name]) => !isQueue.has(name))
      .map(([name, value]) => ({ name, value })),
    ...Object.entries(node.serf.counters).map(([reason, value]) => {
      return { name: 'serfMessages', reason, value };
    }),
    ...Array.from(node.gossip.drops, ([reason, value]) => ({ name: 'dropped', reason, value })),
    ...Array.from(node.catalog.refusals(), ([reason, value]) => {
      return { name: 'rowsRefused', reason, value };
    }),
  ];
}
