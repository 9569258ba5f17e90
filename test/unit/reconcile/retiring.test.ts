import { describe, expect, it, vi } from 'vitest';
import { errno, KernelError, type Connection } from '../../../src/kernel/index.js';
import type { VirtualServiceMatch } from '../../../src/model/index.js';
import { device, ReconcilerBench, repairIntervalMs, retireePollMs, service } from './bench.js';

const match: VirtualServiceMatch = { protocol: 'tcp', address: '10.96.0.1', port: 80 };
const server = '10.0.0.11:80';
const gone = 'delete ipvs 10.96.0.1:80/tcp';

/** A service in the kernel, with this many open connections to its one destination. */
async function serving(active: number, deadlineMs = 60_000): Promise<ReconcilerBench> {
  const bench = new ReconcilerBench({ deadlineMs });
  bench.kernel.setDestinationCounters(match, server, { active });
  await bench.want('base', device);
  await bench.want('web', ...service('10.96.0.1'));
  await bench.start();
  bench.takeOps();
  return bench;
}

function connection(state: string, over: Partial<Connection> = {}): Connection {
  return {
    protocol: 'tcp',
    client: '192.0.2.7',
    clientPort: 40_000,
    virtual: '10.96.0.1',
    virtualPort: 80,
    destination: '10.0.0.11',
    destinationPort: 80,
    state,
    expiresS: 60,
    ...over,
  };
}

describe('removal with open connections', () => {
  it('first takes the weight away, and deletes with the last connection', async () => {
    const bench = await serving(2);
    await bench.want('web');
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.11:80 masq weight=0 of 10.96.0.1:80/tcp',
    ]);
    await bench.clock.advance(10 * retireePollMs);
    expect(bench.takeOps()).toEqual([]);
    bench.kernel.setDestinationCounters(match, server, {});
    await bench.clock.advance(retireePollMs);
    expect(bench.takeOps()).toEqual(['delete addr 10.96.0.1/32 dev mesh0', gone]);
    expect(bench.ended).toEqual(['ipvs 10.96.0.1:80/tcp 10.0.0.11 finished']);
  });

  it('is drift at no time', async () => {
    const bench = await serving(2);
    await bench.want('web');
    for (let i = 0; i < 3; i++) await bench.repair();
    expect(bench.reports.flatMap(({ drift }) => drift)).toEqual([]);
    bench.takeOps();
    await bench.repair();
    expect(bench.takeOps()).toEqual([]);
  });

  it('deletes at the deadline, connections or not', async () => {
    const bench = await serving(2, 5000);
    await bench.want('web');
    await bench.clock.advance(4999);
    expect(bench.held()).toContain('weight=0');
    await bench.clock.advance(retireePollMs);
    expect(bench.held()).toBe('link mesh0 type dummy mac 02:6d:65:73:68:30 mtu 1500 up');
    expect(bench.ended).toEqual(['ipvs 10.96.0.1:80/tcp 10.0.0.11 deadline']);
  });

  it('deletes at once when there is no time left', async () => {
    const bench = await serving(2);
    bench.retirement.setDeadline('ipvs 10.96.0.1:80/tcp', 0);
    await bench.want('web');
    expect(bench.takeOps()).toEqual(['delete addr 10.96.0.1/32 dev mesh0', gone]);
  });

  it('follows a deadline that is moved meanwhile', async () => {
    const bench = await serving(2, 5000);
    await bench.want('web');
    await bench.clock.advance(4000);
    bench.retirement.setDeadline('ipvs 10.96.0.1:80/tcp', 20_000, server);
    await bench.clock.advance(19_000);
    expect(bench.held()).toContain('weight=0');
    await bench.clock.advance(2000);
    expect(bench.held()).not.toContain('ipvs');
  });

  it('gives the weight back to a destination that returns', async () => {
    const bench = await serving(2, 5000);
    await bench.want('web');
    await bench.clock.advance(3000);
    bench.takeOps();
    await bench.want('web', ...service('10.96.0.1'));
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.11:80 masq weight=1 of 10.96.0.1:80/tcp',
    ]);
    await bench.clock.advance(60_000);
    expect(bench.held()).toContain('weight=1');
    expect(bench.ended).toEqual([]);
  });

  it('lets one destination go and the other stay', async () => {
    const bench = await serving(0);
    bench.kernel.setDestinationCounters(match, '10.0.0.12:80', { active: 1 });
    const two = ['ipvs 10.96.0.1:80/tcp rr', '  10.0.0.11:80 masq weight=1'];
    await bench.want('web', ...two, '  10.0.0.12:80 masq weight=1');
    bench.takeOps();
    await bench.want('web', ...two);
    await bench.clock.advance(5 * retireePollMs);
    bench.kernel.setDestinationCounters(match, '10.0.0.12:80', {});
    await bench.clock.advance(retireePollMs);
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.12:80 masq weight=0 of 10.96.0.1:80/tcp',
      'delete destination 10.0.0.12:80 masq weight=0 of 10.96.0.1:80/tcp',
    ]);
  });

  it('starts the wait anew in a new process, and loses no connection', async () => {
    const first = await serving(2);
    await first.want('web');
    await first.reconciler.stop();
    const second = new ReconcilerBench({ kernel: first.kernel, deadlineMs: 60_000 });
    second.takeOps();
    await second.want('base', device);
    await second.start();
    await second.clock.advance(10 * retireePollMs);
    expect(second.takeOps()).toEqual([]);
    second.kernel.setDestinationCounters(match, server, {});
    await second.clock.advance(retireePollMs);
    expect(second.held()).toBe('link mesh0 type dummy mac 02:6d:65:73:68:30 mtu 1500 up');
  });

  it('retires in a new process what was removed while none ran', async () => {
    const first = await serving(2);
    await first.reconciler.stop();
    const second = new ReconcilerBench({ kernel: first.kernel, deadlineMs: 60_000 });
    second.takeOps();
    await second.want('base', device);
    await second.start();
    expect(second.takeOps()).toEqual([
      'set destination 10.0.0.11:80 masq weight=0 of 10.96.0.1:80/tcp',
    ]);
  });

  it('tries a refused deletion again', async () => {
    const bench = await serving(2);
    await bench.want('web');
    bench.kernel.addFault({
      errno: errno.EBUSY,
      times: 1,
      hits: (op) => op.verb === 'delete' && op.target.kind === 'virtual-service',
    });
    bench.kernel.setDestinationCounters(match, server, {});
    await bench.clock.advance(2 * retireePollMs);
    expect(bench.held()).toBe('link mesh0 type dummy mac 02:6d:65:73:68:30 mtu 1500 up');
    expect(bench.ended).toHaveLength(1);
  });

  it('looks no more once nothing retires', async () => {
    const bench = await serving(0);
    await bench.want('web');
    await bench.clock.advance(3 * retireePollMs);
    const looks = vi.spyOn(bench.kernel, 'counters');
    await bench.clock.advance(repairIntervalMs / 2);
    expect(looks).not.toHaveBeenCalled();
    expect(bench.clock.untilNext).toBeGreaterThan(retireePollMs);
  });

  it('waits on when the connections cannot be seen', async () => {
    const bench = await serving(0);
    const counters = vi.spyOn(bench.kernel, 'counters');
    counters.mockRejectedValueOnce(new KernelError('dump', errno.ENOBUFS));
    await bench.want('web');
    await bench.clock.advance(retireePollMs);
    expect(bench.held()).toContain('weight=0');
    expect(bench.log.at(-1)).toContain('cannot see retiring connections: dump: ');
    await bench.clock.advance(retireePollMs);
    expect(bench.held()).not.toContain('ipvs');
  });

  it('stops in the middle of a look', async () => {
    const bench = await serving(2);
    await bench.want('web');
    const counters = bench.kernel.counters.bind(bench.kernel);
    let stopping: Promise<void> | undefined;
    vi.spyOn(bench.kernel, 'counters').mockImplementationOnce((only) => {
      stopping = bench.reconciler.stop();
      return counters(only);
    });
    await bench.clock.advance(retireePollMs);
    await stopping;
    expect(bench.clock.pending).toBe(0);
  });
});

describe('a connection counts as open', () => {
  const cases: [string, Connection[], boolean][] = [
    ['no entry at all', [], false],
    ['FIN_WAIT: one side still talks', [connection('FIN_WAIT')], true],
    [
      'TIME_WAIT and CLOSE only wait for strays',
      [connection('TIME_WAIT'), connection('CLOSE')],
      false,
    ],
    ['SCTP names it CLOSED', [connection('CLOSED')], false],
    ['an affinity template is none', [connection('NONE')], false],
    ['of another virtual service', [connection('ESTABLISHED', { virtualPort: 81 })], false],
    ['of another destination', [connection('ESTABLISHED', { destination: '10.0.0.12' })], false],
    ['of another protocol', [connection('UDP', { protocol: 'udp' })], false],
    ['one of many', [connection('TIME_WAIT'), connection('CLOSE_WAIT')], true],
  ];
  it.each(cases)('%s', async (_name, connections, open) => {
    const bench = await serving(0);
    // Counters tell no state apart of what is not established.
    bench.kernel.setDestinationCounters(match, server, { inactive: 3 });
    bench.kernel.connectionTable = connections;
    await bench.want('web');
    await bench.clock.advance(retireePollMs);
    expect(bench.held().includes('ipvs')).toBe(open);
    const seen = [...bench.retirement.retirees()].map((retiree) => retiree.connections);
    expect(seen).toEqual(open ? [1] : []);
  });
});

describe('what a retiring service needs to be reached', () => {
  const all = [
    'nft table inet meshd-snat',
    '  set auto4 { type ipv4_addr; }',
    'nft element meshd-snat auto4 10.96.0.1',
    ...service('10.96.0.1'),
    'ipvs 10.96.0.1:25/tcp rr',
    '  10.0.0.12:25 masq weight=1',
    'route local 10.96.0.1/32 dev mesh0 src 10.0.0.1 table 255',
  ];
  const mail: VirtualServiceMatch = { protocol: 'tcp', address: '10.96.0.1', port: 25 };

  it('stays until the last of its ports has finished', async () => {
    const bench = await serving(2);
    bench.kernel.setDestinationCounters(mail, '10.0.0.12:25', { active: 1 });
    await bench.want('web', ...all);
    await bench.want('web');
    bench.takeOps();
    bench.kernel.setDestinationCounters(match, server, {});
    await bench.clock.advance(5 * retireePollMs);
    expect(bench.takeOps()).toEqual([gone]);
    bench.kernel.setDestinationCounters(mail, '10.0.0.12:25', {});
    await bench.clock.advance(retireePollMs);
    expect(bench.takeOps()).toEqual([
      'delete route 10.96.0.1/32 table 255',
      'delete addr 10.96.0.1/32 dev mesh0',
      'delete ipvs 10.96.0.1:25/tcp',
      'delete nft element meshd-snat auto4 10.96.0.1',
      'delete nft table inet meshd-snat',
    ]);
  });

  it('stays when another service comes to the VIP and goes again', async () => {
    const bench = await serving(2);
    await bench.want('web');
    await bench.want('mail', 'ipvs 10.96.0.1:25/tcp rr', 'addr 10.96.0.1/32 dev mesh0');
    await bench.want('mail');
    expect(bench.held()).toContain('addr 10.96.0.1/32 dev mesh0');
    expect(bench.held()).not.toContain(':25/tcp');
  });

  it('stays through a pass over everything', async () => {
    const bench = await serving(2);
    await bench.want('web', ...all);
    await bench.want('web');
    bench.takeOps();
    await bench.repair();
    expect(bench.takeOps()).toEqual([]);
  });
});
