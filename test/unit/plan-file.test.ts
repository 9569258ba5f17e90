import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeKernel } from '../../src/kernel/fake/index.js';
import { planFile } from '../../src/plan-file.js';

const host = { device: 'eth0', address: '192.0.2.1', prefixLength: 24, scope: 'global' } as const;

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'plan-'))));
afterEach(() => rm(folder, { recursive: true }));

async function plan(kernel: FakeKernel, services: readonly string[]): Promise<string[]> {
  const file = join(folder, 'meshd.yaml');
  const lines = [`stateDir: ${folder}/state`, 'services:', ...services.map((one) => `  - ${one}`)];
  await writeFile(file, lines.join('\n'));
  const text = await planFile(file, () => Promise.resolve(kernel));
  expect(kernel.closed).toBe(true);
  return text.trimEnd().split('\n');
}

const web = '{ name: web, vip: 10.96.0.1, ports: [80], destinations: [10.0.0.11] }';

describe('planFile', () => {
  test('lists what the file would change, and changes nothing', async () => {
    const kernel = new FakeKernel({ hostAddresses: [host] });
    const lines = await plan(kernel, [web]);
    expect(lines).toMatchInlineSnapshot(`
      [
        "set sysctl net/ipv4/ip_forward = 1",
        "set sysctl net/ipv6/conf/all/forwarding = 1",
        "set sysctl net/ipv4/vs/expire_nodest_conn = 1",
        "set sysctl net/ipv4/vs/expire_quiescent_template = 1",
        "add link mesh0 type dummy up",
        "add ipvs 10.96.0.1:80/tcp wrr",
        "  10.0.0.11:80 masq weight=1",
        "add addr 10.96.0.1/32 dev mesh0",
        "add route local 10.96.0.1/32 dev mesh0 src 192.0.2.1 table 255",
        "# 8 changes; 0 open connections lose their destination",
      ]
    `);
    expect(kernel.applied).toEqual([]);
  });

  test('leaves out a service whose VIP the host has itself, and says why', async () => {
    const kernel = new FakeKernel({ hostAddresses: [host] });
    const own = '{ name: own, vip: 192.0.2.1, ports: [80], destinations: [10.0.0.12] }';
    const lines = await plan(kernel, [web, own]);
    expect(lines).toContain('# withheld: own: 192.0.2.1 is an address of eth0');
    expect(lines.filter((line) => line.includes('192.0.2.1:80'))).toEqual([]);
  });
});
