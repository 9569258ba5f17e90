import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Background } from '../support/command.js';
import { kernelState } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { troubles } from '../support/peers.js';
import { servicesYaml, vip, type Case, type Scene } from '../support/scene.js';

const config = servicesYaml([{ name: 'web', vip: 10 }]);

export const fullDisk: Case = {
  name: 'full-disk',
  about: 'a change that cannot be written down is refused',
  async run({ topology, peers, report }) {
    await topology.renew('lb');
    const meshd = await Meshd.create(topology, 'lb');
    await meshd.write(config);
    const state = meshd.stateDir;
    await run(['mkdir', state]);
    await run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', state]);
    try {
      await meshd.start();
      const wish = join(meshd.folder, 'wish.yaml');
      // More than what is left of the last block of the state file.
      const many = [...Array(40).keys()].map((i) => ({ name: `api-${i}`, vip: 11 + i }));
      await writeFile(wish, servicesYaml(many));
      await run(['dd', 'if=/dev/zero', `of=${state}/ballast`, 'bs=4k'], { mayFail: true });
      const before = await kernelState(topology, 'lb');
      const refused = await meshd.ctl('service', 'apply', '--wait', '--file', wish);
      const text = refused.stderr.trim();
      report.claim(
        refused.status !== 0 && /no space|ENOSPC/i.test(text),
        'with a full disk the API refuses a change and says why',
        `status ${refused.status}: ${text}`,
      );
      const load = await peers.load('client', vip(10, 4), 80, { requests: 30 });
      const same = (await kernelState(topology, 'lb')) === before;
      report.claim(same && load.failed === 0, 'what runs is untouched', troubles(load));
      await run(['rm', `${state}/ballast`]);
      const accepted = await meshd.ctl('service', 'apply', '--wait', '--file', wish);
      const after = await peers.load('client', vip(11, 4), 80, { requests: 30 });
      report.claim(
        accepted.status === 0 && after.failed === 0,
        'with space again the same change is accepted',
        troubles(after) + accepted.stderr,
      );
      await meshd.end('SIGKILL');
      await meshd.start();
      const { services } = await meshd.status();
      report.claim(services === 41, 'and is remembered over kill -9', `${services} services`);
      await meshd.end('SIGTERM');
    } finally {
      await run(['umount', '--lazy', state], { mayFail: true });
    }
  },
};

export const privileges: Case = {
  name: 'privileges',
  about: 'without the right, or without ip_vs, meshd says so and does not start',
  needsIpvs: 'it takes ip_vs away',
  async run(scene) {
    const { topology, report } = scene;
    await topology.renew('lb');
    const meshd = await Meshd.create(topology, 'lb');
    await meshd.write(config);
    const powerless = meshd.launch(['setpriv', '--bounding-set', '-all', '--inh-caps', '-all']);
    await refusal(scene, powerless, 'without CAP_NET_ADMIN', /CAP_NET_ADMIN/);
    const path = '/proc/sys/kernel/modprobe';
    if (process.env['LAB'] !== '1' || !(await unloadIpvs(scene))) {
      report.note('not checked: a kernel without ip_vs, as ip_vs cannot be unloaded here');
      return;
    }
    const before = await readFile(path, 'utf8');
    try {
      await writeFile(path, '/bin/false');
      await refusal(scene, meshd.launch(), 'without the module ip_vs', /modprobe ip_vs|ip_vs/);
    } finally {
      await writeFile(path, before);
    }
    await meshd.start();
    const load = await scene.peers.load('client', vip(10, 4), 80, { requests: 30 });
    report.claim(load.failed === 0, 'with the module it starts', troubles(load));
    await meshd.end('SIGTERM');
  },
};

async function refusal(
  { report }: Scene,
  process: Background,
  when: string,
  says: RegExp,
): Promise<void> {
  const status = await process.exited;
  report.claim(
    status !== 0 && says.test(process.output),
    `${when} meshd does not start and says why`,
    `status ${status}: ${process.lines.at(-1) ?? ''}`,
  );
}

/** Needs all namespaces that used IPVS to be gone. */
async function unloadIpvs({ topology }: Scene): Promise<boolean> {
  await topology.renew('lb');
  const script = "modprobe -ra $(awk '$1 ~ /^ip_vs_/ { print $1 }' /proc/modules) ip_vs";
  const { status } = await run(['bash', '-c', script], { mayFail: true });
  return status === 0;
}

export const namespace: Case = {
  name: 'namespace',
  about: 'meshd programs another network namespace than its own',
  async run({ topology, peers, report }) {
    await topology.renew('lb');
    const meshd = await Meshd.create(topology, 'lb');
    const path = `/run/netns/${topology.namespace('lb')}`;
    await meshd.write(`netns: ${path}\n${config}`);
    await meshd.start({ inside: false });
    const load = await peers.load('client', vip(10, 4), 80, { requests: 30 });
    report.claim(load.failed === 0, 'a meshd outside balances in the namespace', troubles(load));
    const { sandbox } = await meshd.status();
    report.claim(sandbox === path, 'meshctl status names the namespace', sandbox);
    await meshd.end('SIGTERM');
  },
};
