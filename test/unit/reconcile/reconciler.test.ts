import { describe, expect, it, vi } from 'vitest';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import { errno, KernelError } from '../../../src/kernel/index.js';
import { formatRule, type VirtualServiceRule } from '../../../src/model/index.js';
import { parseRules } from '../../support/rule-text.js';
import { device, ReconcilerBench, repairIntervalMs, retryMinMs, service } from './bench.js';

const vip = '10.96.0.1';
const key = 'ipvs 10.96.0.1:80/tcp';

function virtualService(...lines: string[]): VirtualServiceRule {
  return parseRules(lines)[0] as VirtualServiceRule;
}

/** Its virtual service is refused until the faults are cleared. */
function refuse(bench: ReconcilerBench, address: string): void {
  bench.kernel.addFault({
    errno: errno.EBUSY,
    hits: ({ target }) =>
      target.kind === 'virtual-service' &&
      'address' in target.match &&
      target.match.address === address,
  });
}

describe('Reconciler', () => {
  it('makes in an empty kernel what the table wants, and reports it', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device, 'sysctl net/ipv4/ip_forward = 1');
    await bench.want('web', ...service(vip));
    await bench.start();
    expect(bench.takeOps()).toEqual([
      'set sysctl net/ipv4/ip_forward = 1',
      'add link mesh0 type dummy up',
      'add ipvs 10.96.0.1:80/tcp rr\n  10.0.0.11:80 masq weight=1',
      'add addr 10.96.0.1/32 dev mesh0',
    ]);
    expect(bench.reports).toEqual([
      {
        scope: 'everything',
        revision: 2,
        version: 2,
        atMs: bench.clock.wallMs(),
        durationMs: 0,
        ops: 4,
        errnos: [],
        drift: [],
      },
    ]);
  });

  it('adopts what an earlier run left: no Op when the kernel holds all already', async () => {
    const bench = new ReconcilerBench();
    const all = [device, 'ipvs timeouts tcp=900s tcpfin=120s udp=300s', ...service(vip)];
    bench.plant(...all);
    await bench.want('web', ...all);
    await bench.start();
    expect(bench.takeOps()).toEqual([]);
    expect(bench.lastReport).toMatchObject({ ops: 0, drift: [] });
  });

  it('adopts what differs by the difference alone, and calls none of it drift', async () => {
    const bench = new ReconcilerBench();
    bench.plant(device, ...service(vip, '10.0.0.11', 5), ...service('10.96.0.9'));
    await bench.want('web', device, ...service(vip));
    await bench.start();
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.11:80 masq weight=1 of 10.96.0.1:80/tcp',
      'delete addr 10.96.0.9/32 dev mesh0',
      'delete ipvs 10.96.0.9:80/tcp',
    ]);
    expect(bench.lastReport.drift).toEqual([]);
  });

  it('after a change looks at that alone', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device);
    await bench.want('web', ...service(vip));
    await bench.start();
    bench.takeOps();
    bench.kernel.unplant(key);
    await bench.want('mail', ...service('10.96.0.2'));
    expect(bench.takeOps().map((op) => op.split('\n')[0])).toEqual([
      'add ipvs 10.96.0.2:80/tcp rr',
      'add addr 10.96.0.2/32 dev mesh0',
    ]);
    expect(bench.kernel.observations).toBe(1);
    expect(bench.lastReport).toMatchObject({ scope: 'changes', ops: 2, drift: [] });
  });

  it('at 10,000 services a change costs its own Ops and no look at the kernel', async () => {
    const bench = new ReconcilerBench();
    const address = (i: number): string => `10.97.${i >> 8}.${i & 255}`;
    bench.table.put('base', parseRules([device]));
    for (let i = 0; i < 10_000; i++) {
      const rules = parseRules(service(address(i)));
      bench.table.put(`s${i}`, rules);
      bench.kernel.plant(...rules);
    }
    bench.plant(device);
    await bench.start();
    expect(bench.takeOps()).toEqual([]);
    await bench.want('s4711', ...service(address(4711), '10.0.0.11', 2));
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.11:80 masq weight=2 of 10.97.18.103:80/tcp',
    ]);
    expect(bench.kernel.observations).toBe(1);
  });

  it('programs a change that comes while the kernel is at work', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device);
    await bench.start();
    const apply = bench.kernel.apply.bind(bench.kernel);
    vi.spyOn(bench.kernel, 'apply').mockImplementationOnce(async (ops) => {
      const failures = await apply(ops);
      bench.table.put('web', parseRules(service(vip, '10.0.0.11', 2)));
      bench.reconciler.poke();
      return failures;
    });
    await bench.want('web', ...service(vip, '10.0.0.11', 1));
    expect(bench.held()).toContain('10.0.0.11:80 masq weight=2');
    await bench.repair();
    expect(bench.lastReport.drift).toEqual([]);
  });

  it('programs a change that comes while it reads the kernel, in the same pass', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device);
    const observe = bench.kernel.observe.bind(bench.kernel);
    vi.spyOn(bench.kernel, 'observe').mockImplementationOnce(async (options) => {
      const observation = await observe(options);
      bench.table.put('web', parseRules(service(vip)));
      return observation;
    });
    await bench.start();
    expect(bench.held()).toContain(key);
    expect(bench.reports).toHaveLength(1);
  });

  it('reads everything again when addresses or links of others change', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device);
    await bench.start();
    bench.kernel.unplant('link mesh0');
    bench.kernel.announce();
    await bench.clock.advance(0);
    expect(bench.takeOps().at(-1)).toBe('add link mesh0 type dummy up');
  });

  it('reads everything again after the repair interval', async () => {
    const bench = new ReconcilerBench();
    await bench.start();
    await bench.clock.advance(repairIntervalMs);
    expect(bench.kernel.observations).toBe(2);
  });

  it('tells the addresses of the host before the first diff, and when they have changed', async () => {
    const seen: string[][] = [];
    const bench = new ReconcilerBench({
      hostAddresses: (addresses, { table }) => {
        seen.push(addresses.map(({ address }) => address));
        const [first] = addresses;
        const source = first === undefined ? '' : ` src ${first.address}`;
        table.put('web', parseRules([`route local 10.96.0.1/32 dev mesh0${source} table 255`]));
      },
    });
    await bench.want('base', device);
    await bench.start();
    expect(bench.held()).toContain('route local 10.96.0.1/32 dev mesh0 table 255');
    await bench.repair();
    bench.kernel.hostAddresses = [
      { device: 'eth0', address: '10.0.0.1', prefixLength: 24, scope: 'global' },
    ];
    await bench.repair();
    expect(seen).toEqual([[], ['10.0.0.1']]);
    expect(bench.held()).toContain('dev mesh0 src 10.0.0.1 table 255');
  });

  it('does nothing more once it has stopped, and leaves the kernel as it is', async () => {
    const bench = new ReconcilerBench({ deadlineMs: 5000 });
    await bench.want('web', device, ...service(vip));
    await bench.start();
    await bench.want('web', device);
    const before = bench.held();
    bench.takeOps();
    await bench.reconciler.stop();
    bench.kernel.announce();
    bench.reconciler.repair();
    await bench.clock.advance(1_000_000);
    expect(bench.takeOps()).toEqual([]);
    expect(bench.held()).toBe(before);
    expect(bench.clock.pending).toBe(0);
  });
});

describe('Reconciler and failures', () => {
  it('tries a refused Op again with back-off, while other changes go on', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device);
    await bench.start();
    refuse(bench, vip);
    await bench.want('web', ...service(vip));
    expect(bench.lastReport.error).toContain('EBUSY');
    expect(bench.lastReport.failed).toEqual(new Set([key]));
    await bench.want('mail', ...service('10.96.0.2'));
    expect(bench.held()).toContain('ipvs 10.96.0.2:80/tcp');
    const tries: number[] = [];
    for (let ms = 0; ms < 1000; ms += 50) {
      bench.takeOps();
      await bench.clock.advance(50);
      if (bench.takeOps().length > 0) tries.push(bench.clock.now());
    }
    expect(tries).toEqual([100, 300, 700]);
    bench.kernel.clearFaults();
    await bench.clock.advance(1000);
    expect(bench.held()).toContain(key);
    expect(bench.lastReport).not.toHaveProperty('failed');
  });

  it('goes on naming what failed until it is well, whatever else succeeds', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device);
    await bench.start();
    refuse(bench, vip);
    await bench.want('web', ...service(vip));
    await bench.want('mail', ...service('10.96.0.2'));
    expect(bench.lastReport).not.toHaveProperty('error');
    expect(bench.lastReport.failed).toEqual(new Set([key]));
  });

  it('reads the kernel before it changes what failed before', async () => {
    const bench = new ReconcilerBench();
    await bench.want('web', device, ...service(vip));
    await bench.start();
    // The second destination is refused once; the service itself was changed by then.
    bench.kernel.addFault({
      errno: errno.EINVAL,
      times: 1,
      hits: ({ target }) => target.kind === 'destination' && target.destination.port === 81,
    });
    const changed = ['ipvs 10.96.0.1:80/tcp wrr', '  10.0.0.11:80 masq weight=1'];
    await bench.want('web', device, ...changed, '  10.0.0.12:81 masq weight=1');
    expect(bench.lastReport.error).toContain('EINVAL');
    await bench.want('web', device, ...service(vip));
    expect(bench.kernel.observations).toBe(2);
    expect(bench.held()).toContain('ipvs 10.96.0.1:80/tcp rr\n  10.0.0.11:80 masq weight=1');
    expect(bench.lastReport).toMatchObject({ drift: [] });
    expect(bench.lastReport).not.toHaveProperty('failed');
  });

  it('counts what is to go, and has gone, as done', async () => {
    const bench = new ReconcilerBench();
    await bench.want('web', device, ...service(vip));
    await bench.start();
    bench.kernel.unplant('ipvs 10.96.0.1:80/tcp');
    await bench.want('web', device);
    expect(bench.lastReport.errnos).toEqual([]);
    expect(bench.lastReport).not.toHaveProperty('failed');
    expect(bench.held()).not.toContain('ipvs');
  });

  it('does not take what it failed to do for drift', async () => {
    const bench = new ReconcilerBench();
    await bench.want('web', device, ...service(vip));
    await bench.start();
    bench.kernel.addFault({
      errno: errno.EINVAL,
      times: 1,
      hits: ({ target }) => target.kind === 'destination',
    });
    await bench.want('web', device, 'ipvs 10.96.0.1:80/tcp wrr', '  10.0.0.12:80 masq weight=1');
    await bench.want('other', 'sysctl net/ipv4/ip_forward = 1');
    await bench.clock.advance(retryMinMs);
    expect(bench.reports.flatMap(({ drift }) => drift)).toEqual([]);
    expect(bench.held()).toContain('wrr\n  10.0.0.12:80 masq weight=1');
  });

  it('gives up a pass that cannot read the kernel, and tries again', async () => {
    const bench = new ReconcilerBench();
    await bench.want('web', device, ...service(vip));
    vi.spyOn(bench.kernel, 'observe').mockRejectedValueOnce(new KernelError('dump', errno.ENOBUFS));
    await bench.start();
    expect(bench.lastReport).toMatchObject({ ops: 0, scope: 'everything' });
    expect(bench.lastReport.error).toContain('ENOBUFS');
    expect(bench.lastReport.failed).toBe('everything');
    expect(bench.log).toContain('error reconcile pass failed');
    await bench.clock.advance(retryMinMs);
    expect(bench.held()).toContain(key);
  });

  it('forgets what it knew when a pass broke off, and reads before anything else', async () => {
    const bench = new ReconcilerBench();
    await bench.want('base', device);
    await bench.start();
    vi.spyOn(bench.kernel, 'apply').mockRejectedValueOnce(new Error('socket closed'));
    await bench.want('web', ...service(vip));
    expect(bench.lastReport.error).toBe('socket closed');
    await bench.want('mail', ...service('10.96.0.2'));
    expect(bench.kernel.observations).toBe(2);
    expect(bench.held()).toContain(key);
    expect(bench.held()).toContain('10.96.0.2:80/tcp');
  });

  it('says when the sandbox is gone, with the wait growing', async () => {
    const bench = new ReconcilerBench();
    await bench.want('web', device, ...service(vip));
    await bench.start();
    bench.kernel.vanish();
    await bench.repair();
    await bench.clock.advance(1000);
    expect(bench.lastReport.error).toContain('network namespace vanished');
    expect(bench.reports.length).toBeLessThan(8);
  });
});

describe('Reconciler and drift', () => {
  it('repairs a lost device after its announcement without reading virtual services', async () => {
    const bench = new ReconcilerBench();
    const vip = ['link mesh0 type dummy up', 'ipvs 10.96.0.1:80/tcp rr'];
    await bench.want('web', ...vip, 'addr 10.96.0.1/32 dev mesh0');
    await bench.start();
    bench.takeOps();
    bench.kernel.unplant('link mesh0', 'addr 10.96.0.1/32 dev mesh0');
    bench.kernel.unplant('ipvs 10.96.0.1:80/tcp'); // Announced by nothing: found by the repair.
    bench.kernel.announce();
    await bench.clock.advance(1000);
    expect(bench.takeOps()).toEqual([
      'add link mesh0 type dummy up',
      'add addr 10.96.0.1/32 dev mesh0',
    ]);
    expect(bench.lastReport.scope).toBe('network');
    await bench.repair();
    expect(bench.takeOps()).toEqual(['add ipvs 10.96.0.1:80/tcp rr']);
  });

  const all = [
    'sysctl net/ipv4/ip_forward = 1',
    'ipvs timeouts tcp=900s tcpfin=120s udp=300s',
    'link mesh0 type dummy up',
    'nft table inet meshd-snat',
    '  map marks { type ipv4_addr : mark; }',
    'nft element meshd-snat marks 10.96.0.1 : 257',
    'ipvs 10.96.0.1:80/tcp rr',
    '  10.0.0.11:80 masq weight=1',
    '  10.0.0.12:80 masq weight=1',
    'addr 10.96.0.1/32 dev mesh0',
    'route local 10.96.0.1/32 dev mesh0 src 10.0.0.1 table 255',
    'rule v4 100: fwmark 0x1 lookup 100',
    'neigh 10.1.0.2 dev mesh0 lladdr 02:42:0a:01:00:02',
    'fdb 02:42:0a:01:00:02 dev mesh0 dst 192.0.2.2',
  ];

  async function settled(): Promise<ReconcilerBench> {
    const bench = new ReconcilerBench();
    await bench.want('all', ...all);
    await bench.start();
    bench.takeOps();
    return bench;
  }

  /** Taken away: by identity, what is reported. */
  it.each([
    ['link mesh0', ['link', 'addr', 'route', 'neigh', 'fdb']],
    ['nft table inet meshd-snat', ['nft table', 'nft element']],
    ['nft element meshd-snat marks 10.96.0.1', ['nft element']],
    ['ipvs 10.96.0.1:80/tcp', ['ipvs']],
    ['addr 10.96.0.1/32 dev mesh0', ['addr', 'route']],
    ['route 10.96.0.1/32 table 255', ['route']],
    ['rule v4 100 fwmark 0x1', ['rule']],
    ['neigh 10.1.0.2 dev mesh0', ['neigh']],
    ['fdb 02:42:0a:01:00:02 dev mesh0', ['fdb']],
  ])('missing: %s', async (gone, kinds) => {
    const bench = await settled();
    const before = bench.held();
    bench.kernel.unplant(gone);
    await bench.repair();
    const { drift } = bench.lastReport;
    expect(drift.map(({ difference }) => difference)).toEqual(kinds.map(() => 'missing'));
    expect(drift.every(({ rule }) => kinds.some((kind) => rule.startsWith(kind)))).toBe(true);
    expect(bench.held().split('\n').sort()).toEqual(before.split('\n').sort());
    await bench.repair();
    expect(bench.lastReport).toMatchObject({ ops: 0, drift: [] });
  });

  /** Put over what is there: as reported, without destinations. */
  it.each([
    [['sysctl net/ipv4/ip_forward = 0']],
    [['ipvs timeouts tcp=1s tcpfin=1s udp=1s']],
    [['link mesh0 type dummy mac 02:6d:65:73:68:30 mtu 1500 down']],
    [['nft table inet meshd-snat', '  map marks { type ipv4_addr : mark; flags interval; }']],
    [['nft element meshd-snat marks 10.96.0.1 : 258']],
    [['ipvs 10.96.0.1:80/tcp lc', '  10.0.0.11:80 masq weight=1']],
    [['ipvs 10.96.0.1:80/tcp rr', '  10.0.0.11:80 masq weight=1']],
    [['ipvs 10.96.0.1:80/tcp rr', '  10.0.0.99:80 masq weight=1']],
    [['route local 10.96.0.1/32 dev mesh0 src 10.0.0.2 table 255']],
    [['rule v4 100: fwmark 0x1 lookup 101']],
    [['neigh 10.1.0.2 dev mesh0 lladdr 02:42:0a:01:00:03']],
    [['fdb 02:42:0a:01:00:02 dev mesh0 dst 192.0.2.3']],
  ])('changed: %j', async (lines) => {
    const bench = await settled();
    const before = bench.held();
    bench.plant(...lines);
    await bench.repair();
    expect(bench.lastReport.drift).toMatchObject([{ difference: 'changed', rule: lines[0] }]);
    expect(bench.held().split('\n').sort()).toEqual(before.split('\n').sort());
    await bench.repair();
    expect(bench.lastReport).toMatchObject({ ops: 0, drift: [] });
  });

  it.each([
    [['link mesh9 type dummy mac 02:6d:65:73:68:39 mtu 1500 up']],
    [['nft element meshd-snat marks 10.96.0.9 : 1']],
    [['ipvs 10.96.0.9:80/tcp rr', '  10.0.0.99:80 masq weight=1']],
    [['addr 10.96.0.9/32 dev mesh0']],
    [['route 10.9.0.0/16 dev mesh0 table 254']],
    [['rule v6 100: lookup 100']],
    [['neigh 10.1.0.9 dev mesh0 lladdr 02:42:0a:01:00:03']],
    [['fdb 02:42:0a:01:00:09 dev mesh0 dst 192.0.2.3']],
  ])('unexpected: %j', async (lines) => {
    const bench = await settled();
    const before = bench.held();
    bench.plant(...lines);
    await bench.repair();
    expect(bench.lastReport.drift).toMatchObject([{ difference: 'unexpected', rule: lines[0] }]);
    expect(bench.held()).toBe(before);
    await bench.repair();
    expect(bench.lastReport).toMatchObject({ ops: 0, drift: [] });
  });

  it('is found in what nobody asked to change, not in what is about to', async () => {
    const bench = await settled();
    bench.table.put('more', parseRules(service('10.96.0.2')));
    await bench.repair();
    expect(bench.lastReport).toMatchObject({ ops: 2, drift: [] });
  });

  it('is no setting that nobody asks for any more', async () => {
    const bench = await settled();
    await bench.want('snat', 'sysctl net/ipv4/vs/conntrack = 1');
    await bench.want('snat');
    await bench.want(
      'all',
      ...all.filter((line) => !line.startsWith('ipvs timeouts') && !line.startsWith('sysctl')),
    );
    bench.plant('ipvs timeouts tcp=1s tcpfin=1s udp=1s', 'sysctl net/ipv4/vs/conntrack = 0');
    bench.takeOps();
    await bench.repair();
    await bench.repair();
    expect(bench.reports.flatMap(({ drift }) => drift)).toEqual([]);
    expect(bench.takeOps()).toEqual([]);
  });

  it('is no setting whose end was not yet passed on', async () => {
    const bench = await settled();
    await bench.want('snat', 'sysctl net/ipv4/vs/conntrack = 1');
    bench.table.put('snat', []);
    await bench.repair();
    expect(bench.lastReport.drift).toEqual([]);
  });
});

describe('Reconciler and what is not ours', () => {
  const foreign = virtualService('ipvs 10.96.0.1:80/tcp lc', '  192.0.2.9:80 route weight=3');

  it('never touches a foreign virtual service, and reports it once', async () => {
    const bench = new ReconcilerBench();
    bench.kernel.plantForeign({ ...foreign, match: { ...foreign.match, port: 99 } });
    await bench.want('web', device, ...service(vip));
    await bench.start();
    await bench.repair();
    expect(bench.takeOps().filter((op) => op.includes(':99/'))).toEqual([]);
    expect(bench.log).toEqual(['warn foreign virtual service left alone']);
    expect(bench.reconciler.foreignRules.map((rule) => formatRule(rule).split('\n')[0])).toEqual([
      'ipvs 10.96.0.1:99/tcp lc',
    ]);
    expect(bench.reconciler.withheld()).toEqual([]);
    const { own, foreign: left } = await bench.kernel.observe({ sysctls: [] });
    expect(left).toHaveLength(1);
    expect(own.has('ipvs 10.96.0.1:99/tcp')).toBe(false);
  });

  it('withholds a service whose address a foreign one has, and programs it afterwards', async () => {
    const bench = new ReconcilerBench();
    bench.kernel.plantForeign(foreign);
    await bench.want('web', device, ...service(vip));
    await bench.start();
    await bench.want('web', device, ...service(vip, '10.0.0.11', 2));
    expect(bench.takeOps().filter((op) => op.includes('ipvs'))).toEqual([]);
    expect(bench.reconciler.withheld()).toEqual([
      { key, reason: 'a virtual service that is not of meshd has this address' },
    ]);
    expect((await bench.reconciler.plan()).ops).toEqual([]);
    bench.kernel.unplant(key);
    await bench.clock.advance(repairIntervalMs);
    expect(bench.held()).toContain('10.0.0.11:80 masq weight=2');
    expect(bench.reconciler.withheld()).toEqual([]);
  });

  it('lets go of a service that somebody else has put in the place of ours', async () => {
    const bench = new ReconcilerBench();
    await bench.want('web', device, ...service(vip));
    await bench.start();
    bench.kernel.unplant(key);
    bench.kernel.plantForeign(foreign);
    bench.takeOps();
    await bench.repair();
    expect(bench.takeOps()).toEqual([]);
    expect(bench.lastReport.drift).toMatchObject([
      { difference: 'missing', rule: 'ipvs 10.96.0.1:80/tcp rr' },
    ]);
    await bench.repair();
    expect(bench.lastReport.drift).toEqual([]);
    await bench.want('web', device);
    expect(bench.takeOps()).toEqual(['delete addr 10.96.0.1/32 dev mesh0']);
  });
});

describe('Reconciler.plan', () => {
  it('names what a pass would do, and does nothing', async () => {
    const bench = new ReconcilerBench();
    await bench.want('web', device, ...service(vip));
    const { ops } = await bench.reconciler.plan();
    expect(ops).toHaveLength(3);
    expect(bench.takeOps()).toEqual([]);
    await bench.start();
    expect((await bench.reconciler.plan()).ops).toEqual([]);
  });

  it('names no Op for a destination that still may finish', async () => {
    const bench = new ReconcilerBench({ deadlineMs: 60_000, kernel: new FakeKernel() });
    await bench.want('web', device, ...service(vip));
    await bench.start();
    await bench.want('web', device);
    expect((await bench.reconciler.plan()).ops).toEqual([]);
  });
});
