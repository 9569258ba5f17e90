import { describe, expect, it } from 'vitest';
import { MeshError } from '../../../src/base/index.js';
import { HostBench, spec } from './bench.js';

const web = spec('web vip=10.96.0.1', '10.0.0.11');
const mail = spec('mail vip=10.96.0.2', '10.0.0.12');

const diskFull = new MeshError('resource_exhausted', 'append to state.jsonl: no space left');

describe('HostController.submit', () => {
  it('decides, writes down, and puts in force', async () => {
    const bench = await new HostBench().start();
    bench.takeOps();
    await bench.apply(web);
    expect(bench.records).toEqual([{ type: 'service', spec: web }]);
    expect(bench.table.revision).toBe(1);
    expect(bench.health.watched).toEqual(new Set(['web']));
    expect(bench.takeOps()).toEqual([
      'add ipvs 10.96.0.1:80/tcp rr\n  10.0.0.11:80 masq weight=1',
      'add addr 10.96.0.1/32 dev mesh0',
    ]);
  });

  it('changes nothing when the disk refuses, and takes the next change', async () => {
    const bench = await new HostBench().start();
    bench.takeOps();
    bench.watch();
    bench.persisting = () => Promise.reject(diskFull);
    await expect(bench.apply(web)).rejects.toBe(diskFull);
    expect(bench.table.size).toBe(0);
    expect(bench.table.revision).toBe(0);
    expect(bench.controller.rules.rulesOf('web')).toEqual([]);
    expect(bench.health.watched.size).toBe(0);
    expect(bench.takeOps()).toEqual([]);
    expect(bench.takeEvents()).toEqual([]);
    bench.persisting = () => Promise.resolve();
    await bench.apply(mail);
    expect([...bench.table.all()].map(({ spec: { name } }) => name)).toEqual(['mail']);
  });

  it('moves no deadline of a drain that the disk refuses', async () => {
    const bench = await new HostBench().start();
    await bench.apply(spec('web vip=10.96.0.1', '10.0.0.11', '10.0.0.12'));
    bench.setOpen('10.96.0.1', '10.0.0.12', 1);
    await bench.drain({ service: 'web', destination: '10.0.0.12', deadlineMs: 9000 });
    bench.persisting = () => Promise.reject(diskFull);
    const all = bench.drain({ service: 'web', deadlineMs: 100 });
    await expect(all).rejects.toBe(diskFull);
    const [retiree] = bench.controller.retirement.retirees();
    expect(retiree?.deadlineAt).toBe(9000);
    expect(bench.table.drainedOf('web')).toEqual(new Set(['10.0.0.12']));
  });

  it('puts in force all services or none', async () => {
    const bench = await new HostBench().start();
    bench.takeOps();
    const thief = spec('thief vip=10.96.0.1', '10.0.0.13');
    await expect(bench.apply(web, mail, thief)).rejects.toThrow('belongs to service web');
    expect(bench.table.size).toBe(0);
    expect(bench.records).toEqual([]);
    expect(bench.takeOps()).toEqual([]);
  });

  it('decides on one change after the other', async () => {
    const bench = await new HostBench().start();
    const writes: string[] = [];
    let release: () => void = () => undefined;
    bench.persisting = () => {
      writes.push(`at revision ${bench.table.revision}`);
      return new Promise((resolve) => (release = resolve));
    };
    const first = bench.controller.submit({ source: 'api', set: [web], remove: [] });
    // Refused, because by its turn the first has the address.
    const thief = spec('thief vip=10.96.0.1', '10.0.0.13');
    const second = bench.controller.submit({ source: 'api', set: [thief], remove: [] });
    second.catch(() => undefined);
    const third = bench.controller.submit({ source: 'api', set: [mail], remove: [] });
    await bench.clock.advance(0);
    expect(writes).toEqual(['at revision 0']);
    release();
    await first;
    await expect(second).rejects.toMatchObject({ code: 'conflict' });
    await bench.clock.advance(0);
    expect(writes).toEqual(['at revision 0', 'at revision 1']);
    release();
    expect((await third).revision).toBe(2);
  });

  it('keeps the services of the file and those of the API apart', async () => {
    const bench = await new HostBench({ file: [web] }).start();
    await expect(bench.apply(spec('web vip=10.96.0.9', '10.0.0.9'))).rejects.toMatchObject({
      code: 'failed_precondition',
      message: 'service web: belongs to the configuration file',
    });
    await expect(bench.remove('web')).rejects.toMatchObject({ code: 'failed_precondition' });
    await bench.apply(mail);
    const file = bench.controller.submit({ source: 'file', set: [], remove: 'others' });
    expect((await bench.run(file)).changes.map(({ name }) => name)).toEqual(['web']);
    expect([...bench.table.all()].map(({ source }) => source)).toEqual(['api']);
  });

  it('writes nothing and sends no Op for what is so already', async () => {
    const bench = await new HostBench().start();
    await bench.apply(web);
    bench.takeOps();
    await bench.apply(web);
    expect(bench.records).toHaveLength(1);
    expect(bench.takeOps()).toEqual([]);
    expect(bench.table.revision).toBe(1);
  });

  it('lets connections of a removed service finish, and with now cuts them', async () => {
    const bench = await new HostBench().start();
    await bench.apply(web, mail);
    bench.setOpen('10.96.0.1', '10.0.0.11', 3);
    bench.setOpen('10.96.0.2', '10.0.0.12', 3);
    bench.takeOps();
    await bench.remove('web');
    expect(bench.takeOps()).toEqual([
      'set destination 10.0.0.11:80 masq weight=0 of 10.96.0.1:80/tcp',
    ]);
    await bench.remove('mail', true);
    expect(bench.takeOps()).toEqual([
      'delete addr 10.96.0.2/32 dev mesh0',
      'delete ipvs 10.96.0.2:80/tcp',
    ]);
    expect(bench.health.watched.size).toBe(0);
    expect(bench.destinations()).toEqual(['10.0.0.11 weight=0']);
  });
});
