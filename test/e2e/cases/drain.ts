import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/command.js';
import { connectionLines, virtualServices, weightOf } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { troubles } from '../support/peers.js';
import { servicesYaml, tcpPort, vip, type Case, type Scene } from '../support/scene.js';
import { addressOf, type Server } from '../support/topology.js';
import { Wrk } from '../support/wrk.js';

const fields = ['scheduler: rr', 'drainDeadline: 30s'];
const url = `http://${vip(10, 4)}/`;

function config(...names: Server[]): string {
  const weights = Object.fromEntries(names.map((name) => [name, 1]));
  return servicesYaml([{ name: 'web', vip: 10, fields, weights }]);
}

export const drain: Case = {
  name: 'drain',
  about: 'a server leaves under load and nobody notices',
  async run(scene) {
    const meshd = await Meshd.fresh(scene.topology, config('s1', 's2', 's3'));
    await drainUnderWrk(scene, meshd, 'web');
    await removeFromFile(scene, meshd);
    await removeService(scene, meshd);
    await meshd.end('SIGTERM');
  },
};

/** `meshctl drain` while wrk calls. */
export async function drainUnderWrk(scene: Scene, meshd: Meshd, service: string): Promise<void> {
  const { topology, report, peers } = scene;
  const wrk = new Wrk(topology, 'client', url);
  await until('wrk has connections to s3', 10_000, () => openTo(scene, 's3'));
  const progress = meshd.startCtl('service', 'drain', service, 's3-v4');
  const status = await progress.exited;
  report.claim(
    status === 0 && progress.output.includes('no connection is left'),
    'a server was drained under wrk: the drain finished while wrk went on',
    [...progress.lines.slice(0, 1), ...progress.lines.slice(1).slice(-1)].join('; '),
  );
  const during = await peers.load('client', vip(10, 4), 80, { requests: 100 });
  report.claim(
    during.failed === 0 && during.servers['s3'] === undefined,
    'the drained server got no new connection',
    troubles(during),
  );
  const result = await wrk.stop();
  report.claim(result.errors === 0 && result.requests > 0, 'wrk saw no error', result.text);
  const undone = await meshd.ctl('service', 'drain', service, 's3-v4', '--cancel');
  await until('s3 is back', 5_000, async () => (await weight(scene, 's3')) === 1);
  report.claim(undone.status === 0, 'the drain was taken back: the server has its weight again');
}

async function removeFromFile(scene: Scene, meshd: Meshd): Promise<void> {
  const removals = [
    ['s3', 'SIGHUP', ['s1', 's2']],
    ['s2', 'the change of the file alone', ['s1']],
  ] as const;
  for (const [server, how, left] of removals) {
    const load = scene.peers.keepLoading('client', vip(10, 4), 80, {
      perConnection: 20,
      pauseMs: 10,
    });
    await until(`connections to ${server}`, 5_000, () => openTo(scene, server));
    await meshd.write(config(...left));
    if (how === 'SIGHUP') meshd.signal('SIGHUP');
    await until(
      `${server} gets nothing new`,
      10_000,
      async () => (await weight(scene, server)) !== 1,
    );
    await until(`${server} is gone`, 20_000, async () => {
      return (await weight(scene, server)) === undefined;
    });
    const result = await load.stop();
    scene.report.claim(
      result.failed === 0 && (result.servers[server] ?? 0) > 0,
      `a server was removed from the file (${how}): its connections finished first`,
      troubles(result),
    );
  }
}

async function removeService(scene: Scene, meshd: Meshd): Promise<void> {
  const { topology, report } = scene;
  const load = scene.peers.keepLoading('client', vip(10, 4), 80, {
    concurrency: 4,
    perConnection: 1_000,
    pauseMs: 50,
  });
  await until('connections', 5_000, () => openTo(scene, 's1'));
  await meshd.write(servicesYaml([]));
  await until('s1 gets nothing new', 10_000, async () => (await weight(scene, 's1')) !== 1);
  await sleep(500);
  const result = await load.stop();
  await until('the service is gone', 20_000, async () => {
    return (await virtualServices(topology, 'lb')).length === 0;
  });
  const { stdout } = await topology.exec('lb', ['ip', '-o', 'address', 'show', 'dev', 'mesh0']);
  report.claim(
    !stdout.includes(vip(10, 4)) && !stdout.includes(vip(10, 6)),
    'a service was removed from the file: virtual services and VIPs are gone',
  );
  report.claim(result.ok > 0, 'its open connections were served to their end', troubles(result));
}

function weight({ topology }: Scene, server: Server): Promise<number | undefined> {
  return weightOf(topology, 'lb', `${vip(10, 4)}:80`, `${addressOf(server, 4)}:${tcpPort}`);
}

async function openTo({ topology }: Scene, server: Server): Promise<boolean> {
  const lines = await connectionLines(topology, 'lb');
  const destination = `${addressOf(server, 4)}:${tcpPort}`;
  return lines.some((line) => line.includes('ESTABLISHED') && line.endsWith(destination));
}
