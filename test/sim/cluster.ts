import { ourVersions, type GossipEvent, type MemberState } from '../../src/gossip/index.js';
import type { Network } from './network.js';
import { SimMember, type Choices } from './sim-member.js';

/**
 * Hosts `node-0`, `node-1`... that all run and all know all: how they found each other is not what
 * is measured. Their meta is `old`.
 */
export function settledCluster(
  members: number,
  network: Network,
  choices: Choices,
  onEvent: (observer: SimMember, event: GossipEvent) => void,
): readonly SimMember[] {
  const cluster = Array.from(
    { length: members },
    (_, index) => new SimMember(`node-${index}`, index, network, choices, onEvent),
  );
  const known = cluster.map(({ name: node, at }): MemberState => ({
    node,
    at,
    meta: Buffer.from('old'),
    incarnation: 1,
    state: 'alive',
    versions: ourVersions,
  }));
  for (const member of cluster) member.start('old', [], known);
  return cluster;
}
