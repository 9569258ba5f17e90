import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errno, openLinuxKernel, type Kernel } from '../../src/kernel/index.js';
import { addressAt, ruleKey, schedulers } from '../../src/model/index.js';
import {
  add,
  destination,
  dns4,
  mark6,
  of,
  remove,
  service,
  set,
  web4,
  web6,
} from '../kernel-contract/rules.js';
import { TestNamespace } from '../support/namespace.js';

/** What no fake can show: other programs' view, buffers that overflow, missing rights. */
let namespace: TestNamespace;
let kernel: Kernel;

beforeEach(async () => {
  execFileSync('modprobe', ['ip_vs']);
  namespace = new TestNamespace();
  kernel = await openLinuxKernel({ netns: namespace.path });
});
afterEach(async () => {
  await kernel.close();
  await namespace.close();
});

const saved = (): string[] => namespace.run('ipvsadm -Sn').trim().split('\n').sort();

describe('ipvsadm sees the same', () => {
  it('services, flags and destinations, and nothing of the mark', async () => {
    const tunnel = { type: 'gue', port: 6080, checksum: true } as const;
    await kernel.apply([
      add(
        service(web4, {
          scheduler: 'mh',
          schedulerFlags: ['fallback', 'port'],
          affinityTimeoutS: 300,
          affinityPrefix: 24,
          destinations: [
            destination('10.0.0.11', { weight: 7, upperThreshold: 9, lowerThreshold: 3 }),
            destination('10.0.0.12', { forwarding: 'route' }),
            destination('10.0.0.13', { forwarding: 'tunnel', tunnel }),
          ],
        }),
      ),
      add(service(web6, { affinityTimeoutS: 60, affinityPrefix: 64 })),
      add(service(dns4, { scheduler: 'rr', onePacket: true })),
      add(service(mark6, { destinations: [destination('fd00::1', { port: 0 })] })),
    ]);
    expect(saved()).toEqual([
      '-A -f 257 -6 -s wrr',
      '-A -t 10.96.0.1:80 -s mh -p 300 -M 255.255.255.0 -b mh-fallback,mh-port',
      '-A -t [fd96::1]:80 -s wrr -p 60 -M 64',
      '-A -u 10.96.0.1:53 -s rr -o',
      '-a -f 257 -6 -r [fd00::1]:0 -m -w 1',
      '-a -t 10.96.0.1:80 -r 10.0.0.11:8080 -m -w 7',
      '-a -t 10.96.0.1:80 -r 10.0.0.12:8080 -g -w 1',
      '-a -t 10.96.0.1:80 -r 10.0.0.13:8080 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum',
    ]);
    // ipvsadm -S forgets them: destination, upper, lower, active, inactive.
    const thresholds = namespace.run('ipvsadm -Ln --thresholds -t 10.96.0.1:80');
    expect(thresholds).toMatch(/-> 10\.0\.0\.11:8080 +9 +3 +0 +0/);
  });

  it('every scheduler by its name', async () => {
    await kernel.apply(
      schedulers.map((scheduler, i) => add(service({ ...web4, port: i + 1 }, { scheduler }))),
    );
    expect(saved()).toEqual(
      schedulers.map((scheduler, i) => `-A -t 10.96.0.1:${i + 1} -s ${scheduler}`).sort(),
    );
  });

  it('a change keeps our mark, and a service that ipvsadm changed loses it', async () => {
    const rule = service(web4);
    await kernel.apply([add(rule), set(service(web4, { scheduler: 'rr' }))]);
    const seen = await kernel.observe({ sysctls: [] });
    expect(seen.own.get('ipvs 10.96.0.1:80/tcp')).toEqual(service(web4, { scheduler: 'rr' }));
    namespace.run('ipvsadm -E -t 10.96.0.1:80 -s wlc');
    const { own, foreign } = await kernel.observe({ sysctls: [] });
    expect(own.has('ipvs 10.96.0.1:80/tcp')).toBe(false);
    expect(foreign).toEqual([service(web4, { scheduler: 'wlc' })]);
  });

  it('schedulers and protocols that this project does not offer are read all the same', async () => {
    namespace.run('ipvsadm -A -t 10.96.0.1:80 -s dh');
    const { foreign } = await kernel.observe({ sysctls: [] });
    expect(foreign).toMatchObject([{ scheduler: 'dh' }]);
  });
});

it('a receive buffer too small for the refusals makes each Op of the batch fail', async () => {
  const small = await openLinuxKernel({ netns: namespace.path, receiveBufferBytes: 1 });
  const rule = service(web4);
  const ops = Array.from({ length: 200 }, (_, i) =>
    remove(of(rule, destination(addressAt('10.0.0.0/16', i + 1)))),
  );
  const failures = await small.apply(ops);
  expect(failures.map(({ index }) => index).sort((a, b) => a - b)).toEqual(ops.map((_, i) => i));
  const lost = failures.filter(({ error }) => error.errno === errno.ENOBUFS);
  expect(lost.length).toBeGreaterThan(0);
  expect(lost[0]!.error.message).toMatch(/^delete destination .*outcome unknown \(ENOBUFS\)$/);
  // The session goes on.
  expect(await small.apply([add(rule)])).toEqual([]);
  expect((await small.observe({ sysctls: [] })).own.has('ipvs 10.96.0.1:80/tcp')).toBe(true);
  await small.close();
});

it('a large table is written and read whole', async () => {
  const rules = Array.from({ length: 600 }, (_, i) =>
    service(
      { ...web4, port: i + 1 },
      { destinations: [1, 2, 3].map((n) => destination(`10.0.0.${n}`, { weight: n })) },
    ),
  );
  expect(await kernel.apply(rules.map(add))).toEqual([]);
  const { own } = await kernel.observe({ sysctls: [] });
  expect([...own.values()].filter(({ kind }) => kind === 'virtual-service')).toHaveLength(600);
  for (const rule of rules) expect(own.get(ruleKey(rule))).toEqual(rule);
  expect(await kernel.apply(rules.map(remove))).toEqual([]);
});

it('connections of both families are read from the table of the sandbox', async () => {
  namespace.ip('address add 10.96.0.1/32 dev lo');
  namespace.ip('address add fd96::1/128 dev lo nodad');
  await kernel.apply([
    add(service(web4, { destinations: [destination('127.0.0.1', { port: 9 })] })),
    add(service(web6, { destinations: [destination('fd96::1', { port: 9 })] })),
  ]);
  for (const host of ['10.96.0.1', 'fd96::1']) {
    const connect = `require('net').connect(80,'${host}').on('error',()=>{})`;
    namespace.run(`${process.execPath} -e ${connect}`);
  }
  const connections = await kernel.connections({ limit: 10 });
  expect(connections.map(({ virtual, destination: to }) => `${virtual} ${to}`).sort()).toEqual([
    '10.96.0.1 127.0.0.1',
    'fd96::1 fd96::1',
  ]);
  expect(connections[0]).toMatchObject({ protocol: 'tcp', virtualPort: 80, destinationPort: 9 });
  expect(await kernel.connections({ limit: 1 })).toHaveLength(1);
  const filter = ({ virtual }: { virtual: string }): boolean => virtual === 'fd96::1';
  expect(await kernel.connections({ limit: 1, filter })).toMatchObject([{ virtual: 'fd96::1' }]);
  // The kernel sums its counts every 2 s.
  const counted = async (): Promise<unknown> => (await kernel.counters([web4]))[0]?.connections;
  await expect.poll(counted, { timeout: 10_000 }).toBe(1);
});

it('without CAP_NET_ADMIN it is refused, and the refusal names it', () => {
  const source = `
    import { openLinuxKernel } from './index.ts';
    const kernel = await openLinuxKernel();
    const rule = ${JSON.stringify(service(web4))};
    const [failure] = await kernel.apply([{ verb: 'add', target: rule }]);
    const observed = await kernel.observe({ sysctls: [] }).catch((error) => error);
    console.log(failure.error.code + ' ' + failure.error.message);
    console.log(observed.code + ' ' + observed.message);
    await kernel.close();`;
  const directory = fileURLToPath(new URL('../../src/kernel/', import.meta.url));
  const bundle = buildSync({
    stdin: { contents: source, resolveDir: directory },
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const addon = fileURLToPath(new URL('../../native/build/Release/netlink.node', import.meta.url));
  const { stdout } = spawnSync(
    'setpriv',
    ['--bounding-set', '-net_admin', process.execPath, '--input-type=module', '-'],
    {
      encoding: 'utf8',
      input: bundle.outputFiles[0]!.text,
      env: { MESHD_ADDON: addon, ...process.env },
    },
  );
  expect(stdout.split('\n')).toEqual([
    'permission_denied add ipvs 10.96.0.1:80/tcp wrr: CAP_NET_ADMIN is missing (EPERM)',
    expect.stringMatching(/^permission_denied .*: CAP_NET_ADMIN is missing \(EPERM\)$/),
    '',
  ]);
});
