import { describe, expect, it } from 'vitest';
import type { MeshStatus } from '../../../src/api/index.js';
import { meshSeries, pathSeries } from '../../../src/metrics/index.js';
import { FakeMesh, goodPath } from '../../support/fake-mesh.js';

function text(extras: Partial<MeshStatus>): string {
  return [...meshSeries({ ...new FakeMesh().status(), ...extras })].join('');
}

const busy: Partial<MeshStatus> = {
  alive: 5,
  suspect: 1,
  failed: 2,
  left: 3,
  healthScore: 4,
  lacking: ['b', 'c'],
  lagMs: 1_250,
  unserved: ['d'],
  conflicts: [{ service: 'web', node: 'b', reason: 'node a asked before' }],
  rows: 12,
  rowBytes: 5_432,
  queues: [{ name: 'userBroadcasts', value: 2 }],
  counters: [
    { name: 'dropped', reason: 'undecryptable', value: 6 },
    { name: 'sentPackets', value: 900 },
    { name: 'dropped', reason: 'a "b"\\\nc', value: 7 },
  ],
};

describe('meshSeries', () => {
  it('tells all of a busy node, each metric once and under what it means', () => {
    expect(`\n${text(busy)}`).toMatchInlineSnapshot(`
      "
      # HELP meshd_mesh_members Members by state, this one included.
      # TYPE meshd_mesh_members gauge
      meshd_mesh_members{state="alive"} 5
      meshd_mesh_members{state="suspect"} 1
      meshd_mesh_members{state="failed"} 2
      meshd_mesh_members{state="left"} 3
      # HELP meshd_mesh_health_score 0 = this node keeps up with gossip; at most 7.
      # TYPE meshd_mesh_health_score gauge
      meshd_mesh_health_score 4
      # HELP meshd_mesh_lacking_nodes Live nodes without our newest services.
      # TYPE meshd_mesh_lacking_nodes gauge
      meshd_mesh_lacking_nodes 2
      # HELP meshd_mesh_lag_seconds Age of the oldest change that some node lacks.
      # TYPE meshd_mesh_lag_seconds gauge
      meshd_mesh_lag_seconds 1.25
      # HELP meshd_mesh_unserved_nodes Nodes whose services are not all in this kernel.
      # TYPE meshd_mesh_unserved_nodes gauge
      meshd_mesh_unserved_nodes 1
      # HELP meshd_mesh_conflicts Services that give way to another node's.
      # TYPE meshd_mesh_conflicts gauge
      meshd_mesh_conflicts 1
      # HELP meshd_catalog_rows Rows of all nodes, tombstones included.
      # TYPE meshd_catalog_rows gauge
      meshd_catalog_rows 12
      # HELP meshd_catalog_bytes Bytes of those rows.
      # TYPE meshd_catalog_bytes gauge
      meshd_catalog_bytes 5432
      # HELP meshd_mesh_queue What waits in this node, by queue.
      # TYPE meshd_mesh_queue gauge
      meshd_mesh_queue{queue="user_broadcasts"} 2
      # HELP meshd_gossip_dropped_total Since the start of the daemon: dropped.
      # TYPE meshd_gossip_dropped_total counter
      meshd_gossip_dropped_total{reason="undecryptable"} 6
      meshd_gossip_dropped_total{reason="a \\"b\\"\\\\\\nc"} 7
      # HELP meshd_gossip_sent_packets_total Since the start of the daemon: sent packets.
      # TYPE meshd_gossip_sent_packets_total counter
      meshd_gossip_sent_packets_total 900
      "
    `);
  });

  it('has all states and zeros for a node alone, so that rules on them hold', () => {
    const samples = text({ alive: 1, queues: [], counters: [], rows: 0, rowBytes: 0 })
      .split('\n')
      .filter((line) => !line.startsWith('#'));
    expect(samples).toMatchInlineSnapshot(`
      [
        "meshd_mesh_members{state="alive"} 1",
        "meshd_mesh_members{state="suspect"} 0",
        "meshd_mesh_members{state="failed"} 0",
        "meshd_mesh_members{state="left"} 0",
        "meshd_mesh_health_score 0",
        "meshd_mesh_lacking_nodes 0",
        "meshd_mesh_lag_seconds 0",
        "meshd_mesh_unserved_nodes 0",
        "meshd_mesh_conflicts 0",
        "meshd_catalog_rows 0",
        "meshd_catalog_bytes 0",
        "",
      ]
    `);
  });
});

describe('pathSeries', () => {
  it('has one sample of each metric for a node', () => {
    const unknown = { node: 'c "x"', verdict: 'unknown', mtu: 1_450, sent: 2, lost: 0 } as const;
    const states = [goodPath, { ...unknown, smallLoss: 0, largeLoss: 0 }];
    expect(`\n${[...pathSeries(states)].join('')}`).toMatchInlineSnapshot(`
      "
      # HELP meshd_path_ok 1 = small and large packets get there and back by the network ingress.
      # TYPE meshd_path_ok gauge
      meshd_path_ok{node="b"} 1
      # HELP meshd_path_rtt_seconds Of the last small probe that was answered.
      # TYPE meshd_path_rtt_seconds gauge
      meshd_path_rtt_seconds{node="b"} 0.0005
      # HELP meshd_path_probes_total Probes sent, small and large.
      # TYPE meshd_path_probes_total counter
      meshd_path_probes_total{node="b"} 1204
      meshd_path_probes_total{node="c \\"x\\""} 2
      # HELP meshd_path_probes_lost_total Of those, the ones that were not answered within 2 s.
      # TYPE meshd_path_probes_lost_total counter
      meshd_path_probes_lost_total{node="b"} 3
      meshd_path_probes_lost_total{node="c \\"x\\""} 0
      "
    `);
    expect([...pathSeries([{ ...goodPath, verdict: 'large lost' }])]).toContain(
      'meshd_path_ok{node="b"} 0\n',
    );
  });

  it('is nothing where no packets are tried', () => {
    expect([...pathSeries([])]).toEqual([]);
  });
});
