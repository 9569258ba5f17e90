import { until } from '../support/command.js';
import { weightOf } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { troubles } from '../support/peers.js';
import { servicesYaml, tcpPort, vip, type Case, type Scene } from '../support/scene.js';
import { addressOf } from '../support/topology.js';

const check = { intervalMs: 1_000, timeoutMs: 1_000, rise: 2, fall: 2 };
/** Each probe may be a tenth of the interval late; the rest is for a slow machine. */
const boundMs = check.fall * check.intervalMs * 1.1 + check.timeoutMs + 1_000;

export const healthFields = [
  'scheduler: rr',
  `healthCheck: { type: http, interval: 1s, timeout: 1s, ` +
    `rise: ${check.rise}, fall: ${check.fall} }`,
];

export const health: Case = {
  name: 'health',
  about: 'a server that fails its health check gets no connection until it is well again',
  async run(scene) {
    const meshd = await Meshd.fresh(
      scene.topology,
      servicesYaml([{ name: 'web', vip: 10, fields: healthFields }]),
    );
    await killAndReturn(scene, meshd, 'web');
    await meshd.end('SIGTERM');
  },
};

/** Kills a server under load and starts it again. */
export async function killAndReturn(scene: Scene, meshd: Meshd, service: string): Promise<void> {
  const { peers, report } = scene;
  await weightBecomes(scene, 1);
  const load = peers.keepLoading('client', vip(10, 4), 80, { concurrency: 4, pauseMs: 20 });
  const killedAt = Date.now();
  await peers.kill('s3');
  const noticedAt = (await weightBecomes(scene, 0), Date.now());
  const after = await peers.load('client', vip(10, 4), 80, { requests: 500 });
  const result = await load.stop();
  const lastFailureMs = result.failed === 0 ? 0 : result.lastFailureAtMs - killedAt;
  const bound = `${check.fall} x ${check.intervalMs} ms and one timeout`;
  report.claim(
    lastFailureMs < boundMs && result.ok > 0,
    `a server was killed: no request failed later than fall x interval allows`,
    `${bound}; out of rotation after ${noticedAt - killedAt} ms, ` +
      `last of ${result.failed} failures after ${lastFailureMs} ms, ${result.ok} answered`,
  );
  report.claim(
    after.failed === 0 && after.servers['s3'] === undefined,
    'then none of 500 requests failed, and none went there',
    troubles(after),
  );
  const { stdout } = await meshd.ctl('service', 'inspect', service);
  const cause = stdout
    .split('\n')
    .find((line) => line.includes('s3') && line.includes('unhealthy'));
  report.claim(cause !== undefined, 'meshctl says why', cause?.trim().replaceAll(/\s+/g, ' '));
  const backAt = Date.now();
  await peers.serve('s3');
  await weightBecomes(scene, 1);
  const back = await peers.load('client', vip(10, 4), 80, { requests: 60 });
  report.claim(
    (back.servers['s3'] ?? 0) > 0 && back.failed === 0,
    `the server came back: it was in rotation again after rise ${check.rise} x interval`,
    `${Date.now() - backAt} ms; ${back.servers['s3'] ?? 0} of 60 requests`,
  );
}

async function weightBecomes({ topology }: Scene, weight: number): Promise<void> {
  const service = `${vip(10, 4)}:80`;
  const destination = `${addressOf('s3', 4)}:${tcpPort}`;
  await until(`weight ${weight} for s3`, 15_000, async () => {
    return (await weightOf(topology, 'lb', service, destination)) === weight;
  });
}
