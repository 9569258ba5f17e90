import { describe, expect, it } from 'vitest';
import { DaemonPaths } from '../../src/daemon-paths.js';
import type { ProbeSocketHandlers } from '../../src/io/index.js';
import type { PacketFaults } from '../../src/kernel/index.js';
import type { MeshNode } from '../../src/mesh/index.js';
import type { Endpoint } from '../../src/model/index.js';
import { defaultIngress } from '../../src/overlay/index.js';
import { SimClock } from '../support/sim-clock.js';

/** A node whose sockets and neighbors are what the test says. */
class World {
  readonly clock = new SimClock();
  /** By address, who listens there. */
  readonly open = new Map<string, ProbeSocketHandlers>();
  /** `10.255.0.1 > 10.255.0.2 64`. */
  readonly sent: string[] = [];
  own: readonly string[] = ['10.255.0.1', 'fd6d:6573:6800::1'];
  others: readonly Pick<Endpoint, 'node' | 'addresses' | 'isAway' | 'isEntry'>[] = [
    { node: 'b', addresses: ['10.255.0.2', 'fd6d:6573:6800::2'], isAway: false, isEntry: true },
  ];
  refusal: string | undefined;
  faults: PacketFaults = { udpChecksums: 5, unsent: new Map([['meshx-4096', 7]]) };
  readonly paths = new DaemonPaths({
    clock: this.clock,
    port: 7_951,
    kernel: { packetFaults: () => Promise.resolve(this.faults) },
    mtuOf: () => 1_450,
    node: () => ({ networks: { view: () => this.view() } }) as unknown as MeshNode,
    openSocket: ({ address }, handlers) => {
      if (this.refusal !== undefined) return Promise.reject(new Error(this.refusal));
      this.open.set(address, handlers);
      return Promise.resolve({
        send: (to, bytes) => void this.sent.push(`${address} > ${to} ${bytes.length}`),
        close: () => void this.open.delete(address),
      });
    },
  });

  private view(): unknown {
    const local = [{ isEntry: false, addresses: ['10.255.0.99'] }];
    const entry = this.own.length === 0 ? [] : [{ isEntry: true, addresses: this.own }];
    return { network: defaultIngress, nodes: [], local: [...local, ...entry], remote: this.others };
  }
}

describe('the paths of a node', () => {
  it('are tried from its own addresses to those of other entries that are heard of', async () => {
    const world = new World();
    const task = { node: 'c', addresses: ['10.255.0.50'], isAway: false, isEntry: false };
    const away = { node: 'd', addresses: ['10.255.0.4'], isAway: true, isEntry: true };
    world.others = [...world.others, task, away];
    world.paths.start();
    await world.clock.advance(0);
    expect(world.sent).toEqual([
      '10.255.0.1 > 10.255.0.2 64',
      '10.255.0.1 > 10.255.0.2 1422',
      'fd6d:6573:6800::1 > fd6d:6573:6800::2 64',
      'fd6d:6573:6800::1 > fd6d:6573:6800::2 1402',
    ]);
    await world.clock.advance(9_000);
    expect(world.sent.length).toBe(40);
    const { states, port, problem } = world.paths.report();
    expect([port, problem, states.map(({ node, verdict }) => `${node} ${verdict}`)]).toEqual([
      7_951,
      undefined,
      ['b silent'],
    ]);
  });

  it('follow the addresses of the node, and end with them', async () => {
    const world = new World();
    world.paths.start();
    await world.clock.advance(0);
    world.own = ['10.255.0.17'];
    await world.clock.advance(1_000);
    expect([...world.open.keys()]).toEqual(['10.255.0.17']);
    expect(world.sent.slice(-2)).toEqual([
      '10.255.0.17 > 10.255.0.2 64',
      '10.255.0.17 > 10.255.0.2 1422',
    ]);
    world.own = [];
    await world.clock.advance(1_000);
    expect([world.open.size, world.paths.report().states]).toEqual([0, []]);
    world.own = ['10.255.0.1'];
    await world.clock.advance(1_000);
    world.paths.stop();
    expect([world.open.size, world.clock.pending]).toEqual([0, 0]);
  });

  it('say why they are not known, as long as that is so', async () => {
    const world = new World();
    world.refusal = 'no such address';
    world.paths.start();
    await world.clock.advance(2_000);
    expect(world.paths.report()).toEqual({ port: 7_951, states: [], problem: 'no such address' });
    world.refusal = undefined;
    await world.clock.advance(1_000);
    expect(world.paths.report().problem).toBeUndefined();
    world.open.get('10.255.0.1')!.refused('EPERM');
    expect(world.paths.report().problem).toBe('send from 10.255.0.1: EPERM');
    await world.clock.advance(6_000);
    expect(world.paths.report().problem).toBeUndefined();
  });

  it('count what the kernel lost in the last minute', async () => {
    const world = new World();
    expect(await world.paths.recentFaults()).toMatchObject({ overMs: 0, udpChecksums: 0 });
    world.paths.start();
    await world.clock.advance(5_000);
    world.faults = {
      udpChecksums: 9,
      unsent: new Map([
        ['meshx-4096', 17],
        ['eth1', 3],
      ]),
    };
    expect(await world.paths.recentFaults()).toEqual({
      overMs: 5_000,
      udpChecksums: 4,
      unsent: new Map([
        ['meshx-4096', 10],
        ['eth1', 3],
      ]),
    });
    await world.clock.advance(600_000);
    const { overMs, udpChecksums } = await world.paths.recentFaults();
    expect([overMs >= 60_000 && overMs <= 70_000, udpChecksums]).toEqual([true, 0]);
  });
});
