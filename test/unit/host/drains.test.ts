import { describe, expect, it } from 'vitest';
import { HostBench, spec } from './bench.js';

const vip = '10.96.0.1';
const web = spec(`web vip=${vip}`, '10.0.0.11 name=web-1', '10.0.0.12 name=web-2');
const web2 = { service: 'web', destination: 'web-2' };

/** `web` with two destinations that hold a connection each, in the kernel. */
async function started(): Promise<HostBench> {
  const bench = await new HostBench().start();
  await bench.apply(web);
  bench.setOpen(vip, '10.0.0.11', 1);
  bench.setOpen(vip, '10.0.0.12', 2);
  bench.takeOps();
  return bench;
}

/** Of many reports, those that differ from the one before in more than the time. */
function phases(reports: readonly string[]): string[] {
  const short = reports.map((report) => report.replace(/ in \d+ ms/, ''));
  return short.filter((report, i) => report !== short[i - 1]);
}

describe('HostBackend.drain', () => {
  it('takes new connections away at once, and tells how many are left', async () => {
    const bench = await started();
    const reports = await bench.drain({ ...web2, deadlineMs: 5000 });
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.12:80 masq weight=0 of 10.96.0.1:80/tcp',
    ]);
    expect(reports[0]).toBe('draining 0 in 5000 ms: web-2=0');
    await bench.clock.advance(1000);
    expect(reports.at(-1)).toBe('draining 2 in 4000 ms: web-2=2');
    bench.setOpen(vip, '10.0.0.12', 0);
    await bench.clock.advance(1000);
    expect(phases(reports)).toEqual([
      'draining 0: web-2=0',
      'draining 2: web-2=2',
      'finished 0: web-2=0',
    ]);
    expect(bench.destinations()).toEqual(['10.0.0.11 weight=1']);
    expect((await bench.backend.service('web')).destinations[1]).toMatchObject({
      draining: true,
      weight: 1,
      effectiveWeight: 0,
    });
  });

  it('cuts at the deadline what is left', async () => {
    const bench = await started();
    const reports = await bench.drain({ ...web2, deadlineMs: 2000 });
    await bench.clock.advance(3000);
    expect(phases(reports).at(-1)).toBe('deadline 0: web-2=0');
    expect(bench.destinations()).toEqual(['10.0.0.11 weight=1']);
  });

  it('lasts as long as the spec says when the request does not', async () => {
    const bench = await started();
    const reports = await bench.drain(web2);
    expect(reports.at(-1)).toBe('draining 0 in 60000 ms: web-2=0');
  });

  it('drains all of a service', async () => {
    const bench = await started();
    const reports = await bench.drain({ service: 'web', deadlineMs: 5000 });
    await bench.clock.advance(1000);
    expect(reports.at(-1)).toBe('draining 3 in 4000 ms: web-1=1 web-2=2');
    bench.setOpen(vip, '10.0.0.11', 0);
    await bench.clock.advance(10_000);
    expect(phases(reports).slice(-2)).toEqual([
      'draining 2: web-1=0 web-2=2',
      'deadline 0: web-1=0 web-2=0',
    ]);
  });

  it('finishes at once for a service without destinations', async () => {
    const bench = await new HostBench().start();
    await bench.apply(spec(`web vip=${vip}`));
    const reports = await bench.drain({ service: 'web' });
    expect(phases(reports)).toEqual(['draining 0: ', 'finished 0: ']);
  });

  it('ends the reports, not the drain, when nobody listens any more', async () => {
    const bench = await started();
    const reports: string[] = [];
    const stop = await bench.run(
      bench.backend.drain(web2, ({ phase }) => void reports.push(phase)),
    );
    stop();
    const count = reports.length;
    bench.setOpen(vip, '10.0.0.12', 0);
    await bench.clock.advance(2000);
    expect(reports).toHaveLength(count);
    expect(bench.destinations()).toEqual(['10.0.0.11 weight=1']);
  });

  it('gives the weight back when it is cancelled', async () => {
    const bench = await started();
    const reports = await bench.drain(web2);
    await bench.run(bench.backend.cancelDrain(web2));
    expect(phases(reports).at(-1)).toMatch(/^cancelled /);
    expect(bench.destinations()).toEqual(['10.0.0.11 weight=1', '10.0.0.12 weight=1']);
    await expect(bench.backend.cancelDrain(web2)).rejects.toMatchObject({
      code: 'failed_precondition',
      message: 'web-2 is not draining',
    });
  });

  it('cancels, of all, those that drain', async () => {
    const bench = await started();
    await bench.drain(web2);
    await bench.run(bench.backend.cancelDrain({ service: 'web' }));
    expect(bench.destinations()).toEqual(['10.0.0.11 weight=1', '10.0.0.12 weight=1']);
  });

  it('moves the deadline with a second drain of the same, for both who wait', async () => {
    const bench = await started();
    const first = await bench.drain({ ...web2, deadlineMs: 2000 });
    await bench.clock.advance(1000);
    const second = await bench.drain({ ...web2, deadlineMs: 9000 });
    await bench.clock.advance(5000);
    expect(first.at(-1)).toBe('draining 2 in 4000 ms: web-2=2');
    expect(second.at(-1)).toBe(first.at(-1));
    await bench.drain({ ...web2, deadlineMs: 0 });
    await bench.clock.advance(1000);
    expect(phases(first).at(-1)).toBe('deadline 0: web-2=0');
    expect(phases(second).at(-1)).toBe('deadline 0: web-2=0');
  });

  it('forgets nothing of two drains that are asked for at once', async () => {
    const bench = await started();
    const both = ['web-1', 'web-2'].map((destination) =>
      bench.backend.drain({ service: 'web', destination }, () => undefined),
    );
    await bench.run(Promise.all(both));
    expect(bench.destinations()).toEqual(['10.0.0.11 weight=0', '10.0.0.12 weight=0']);
  });

  it('goes on to the end when the service is removed meanwhile', async () => {
    const bench = await started();
    const reports = await bench.drain({ ...web2, deadlineMs: 50_000 });
    await bench.remove('web');
    await bench.clock.advance(1000);
    expect(reports.at(-1)).toBe('draining 2 in 49000 ms: web-2=2');
    bench.setOpen(vip, '10.0.0.12', 0);
    await bench.clock.advance(1000);
    expect(phases(reports).at(-1)).toBe('finished 0: web-2=0');
  });

  it('does not call finished what a pass that broke off has not seen', async () => {
    const bench = await started();
    bench.kernel.crashAfter(0);
    const reports = await bench.drain(web2);
    await bench.clock.advance(3000);
    expect(phases(reports)).toEqual(['draining 0: web-2=0']);
    bench.kernel.restart();
    await bench.clock.advance(3000);
    expect(phases(reports).at(-1)).toBe('draining 2: web-2=2');
  });

  it('does not know a service or destination of that name: not_found', async () => {
    const bench = await started();
    const drain = (service: string, destination: string) =>
      bench.backend.drain({ service, destination }, () => undefined);
    await expect(drain('nobody', 'web-1')).rejects.toThrow('service nobody: not found');
    await expect(drain('web', 'web-9')).rejects.toThrow('service web has no destination web-9');
    await expect(bench.backend.cancelDrain({ service: 'nobody' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('finds an IPv6 destination however its address is written', async () => {
    const bench = await new HostBench().start();
    await bench.apply(spec('six vip=fd00:96::1', 'fd00::11'));
    await bench.drain({ service: 'six', destination: 'FD00:0::11' });
    expect(bench.table.drainedOf('six')).toEqual(new Set(['fd00::11']));
  });
});

describe('a restart in the middle of a drain', () => {
  it('goes on waiting, for as long as the service says, and can be watched again', async () => {
    const before = await started();
    await before.drain({ ...web2, deadlineMs: 5000 });
    await before.controller.stop();
    before.kernel.restart();
    before.takeOps();
    const { kernel, clock, records } = before;
    const after = await new HostBench({ kernel, clock, records }).start();
    expect(after.takeOps()).toEqual([]);
    expect(after.destinations()).toEqual(['10.0.0.11 weight=1', '10.0.0.12 weight=0']);
    const [retiree] = after.controller.retirement.retirees();
    expect(retiree!.deadlineAt - clock.now()).toBe(60_000);
    const reports = await after.drain({ ...web2, deadlineMs: 1000 });
    await clock.advance(2000);
    expect(phases(reports).at(-1)).toBe('deadline 0: web-2=0');
  });
});
