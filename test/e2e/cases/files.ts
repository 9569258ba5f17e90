import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../support/command.js';
import { connectionLines, kernelState } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { troubles } from '../support/peers.js';
import { servicesYaml, vip, type Case } from '../support/scene.js';

const good = servicesYaml([{ name: 'web', vip: 10, fields: ['scheduler: rr'] }]);
const mistake = 'scheduler: fastest';
const bad = servicesYaml([{ name: 'web', vip: 10, fields: [mistake] }]);

export const badFile: Case = {
  name: 'bad-file',
  about: 'a file with a mistake changes nothing, and everybody says what and where',
  async run(scene) {
    const { topology, peers, report } = scene;
    const meshd = await Meshd.fresh(topology, good);
    const before = await kernelState(topology, 'lb');
    await meshd.write(bad);
    meshd.signal('SIGHUP');
    const text = await until('meshctl status shows the mistake', 10_000, async () => {
      return (await meshd.status()).config?.error;
    });
    const line = (await meshd.readConfig()).split('\n').findIndex((l) => l.includes(mistake)) + 1;
    const says = (message: string): boolean =>
      message.includes(`:${line}:`) && message.includes('services[0].scheduler');
    report.claim(says(text), 'meshctl status names line and field', text);
    report.claim((await kernelState(topology, 'lb')) === before, 'the kernel holds what it held');
    const load = await peers.load('client', vip(10, 4), 80, { requests: 30 });
    report.claim(load.failed === 0, 'requests go on', troubles(load));
    const checked = await meshd.check(meshd.configPath);
    report.claim(
      checked.status !== 0 && says(checked.stderr),
      'meshd check refuses the file and names line and field',
      `status ${checked.status}: ${checked.stderr.trim()}`,
    );
    const refused = meshd.launch();
    const status = await refused.exited;
    report.claim(status !== 0 && says(refused.output), 'a start with it is refused', `${status}`);
    await meshd.write(good);
    const accepted = await meshd.check(meshd.configPath);
    report.claim(accepted.status === 0, 'meshd check accepts a good file', accepted.stdout.trim());
  },
};

export const plan: Case = {
  name: 'plan',
  about: 'meshd plan says what a file would change and which connections that ends',
  async run(scene) {
    const { topology, peers, report } = scene;
    const meshd = await Meshd.fresh(topology, good);
    const next = join(meshd.folder, 'next.yaml');
    await meshd.write(
      servicesYaml([
        { name: 'web', vip: 10, fields: ['scheduler: rr'], weights: { s1: 1, s2: 2 } },
        { name: 'new', vip: 11 },
      ]),
      next,
    );
    const load = peers.keepLoading('client', vip(10, 4), 80, {
      concurrency: 9,
      perConnection: 90,
      pauseMs: 500,
    });
    await until('9 connections', 10_000, async () => {
      const lines = await connectionLines(topology, 'lb');
      return lines.filter((line) => line.includes('ESTABLISHED')).length >= 9;
    });
    const before = await kernelState(topology, 'lb');
    const planned = await meshd.plan(next);
    await meshd.write(await readFile(next, 'utf8').then(servicesPart), next);
    report.note(planned.stdout);
    report.claim(
      planned.status === 0 && planned.stdout.includes(vip(11, 4)),
      'meshd plan prints the changes',
      (planned.stderr + planned.stdout).trim().split('\n').at(-1),
    );
    report.claim(
      /(^|[^\d])3 open connections/.test(planned.stdout),
      'and the open connections of the server that leaves',
    );
    report.claim((await kernelState(topology, 'lb')) === before, 'planning changes nothing');
    const same = await meshd.plan(meshd.configPath);
    report.claim(
      same.stdout.startsWith('# 0 changes'),
      'with the file in force there is nothing to change',
      same.stdout.trim(),
    );
    await load.stop();
    await meshd.end('SIGTERM');
  },
};

function servicesPart(text: string): string {
  return text.slice(text.indexOf('services:'));
}
