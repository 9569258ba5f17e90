import { until } from '../support/command.js';
import { kernelState } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { troubles, type LoadResult } from '../support/peers.js';
import { servicesYaml, vip, type Case, type Scene } from '../support/scene.js';

const config = servicesYaml([{ name: 'web', vip: 10, fields: ['scheduler: rr'] }]);
const opsMetric = 'meshd_reconcile_ops_total';

export const restart: Case = {
  name: 'restart',
  about: 'meshd is killed, restarted and replaced under load; the kernel forwards on',
  async run(scene) {
    const meshd = await Meshd.fresh(scene.topology, config);
    await killAndRestart(scene, meshd);
    await replace(scene, meshd);
    await stopAndStart(scene, meshd);
    await meshd.end('SIGTERM');
  },
};

/** kill -9 and a new start, while requests go on over new and open connections. */
export async function killAndRestart(scene: Scene, meshd: Meshd): Promise<void> {
  const before = await kernelState(scene.topology, 'lb');
  const result = await underLoad(scene, async () => {
    await meshd.end('SIGKILL');
    // Longer than any buffer lasts: the packets really go on without it.
    await answersFor(scene, 100);
    await meshd.start();
  });
  await untouched(scene, meshd, { what: 'meshd was killed and started again', before, result });
}

async function replace(scene: Scene, meshd: Meshd): Promise<void> {
  const before = await kernelState(scene.topology, 'lb');
  const { instance } = await meshd.status();
  const { pid } = meshd;
  const result = await underLoad(scene, async () => {
    for (const times of [2, 3]) {
      meshd.signal('SIGUSR2');
      await meshd.runs(times);
    }
  });
  await untouched(scene, meshd, { what: 'meshd replaced itself twice', before, result });
  const { stdout } = await scene.topology.exec('lb', ['cat', `/proc/${pid}/cmdline`]);
  const other = (await meshd.status()).instance !== instance;
  scene.report.claim(
    other && stdout.includes('meshd.js'),
    'the replacement runs as the same process, for who supervises it',
    `pid ${pid}`,
  );
}

async function stopAndStart(scene: Scene, meshd: Meshd): Promise<void> {
  const before = await kernelState(scene.topology, 'lb');
  const result = await underLoad(scene, async () => {
    const status = await meshd.end('SIGTERM');
    scene.report.claim(status === 0, 'SIGTERM ends meshd with exit status 0', `${status}`);
    await answersFor(scene, 100);
    await meshd.start();
  });
  await untouched(scene, meshd, { what: 'meshd was stopped and started', before, result });
}

async function underLoad({ peers }: Scene, act: () => Promise<void>): Promise<LoadResult[]> {
  const options = { concurrency: 2, perConnection: 4, pauseMs: 40 };
  const loads = [4, 6] as const;
  const running = loads.map((family) => peers.keepLoading('client', vip(10, family), 80, options));
  await act();
  return Promise.all(running.map((load) => load.stop()));
}

async function answersFor({ peers, report }: Scene, requests: number): Promise<void> {
  const result = await peers.load('client', vip(10, 4), 80, { requests });
  report.claim(result.failed === 0, 'the kernel forwards without meshd', troubles(result));
}

async function untouched(
  { topology, report }: Scene,
  meshd: Meshd,
  { what, before, result }: { what: string; before: string; result: readonly LoadResult[] },
): Promise<void> {
  for (const [i, load] of result.entries()) {
    report.claim(
      load.failed === 0 && load.ok > 0,
      `${what}: no IPv${i === 0 ? 4 : 6} request failed`,
      `${troubles(load)}, slowest ${load.longestMs.toFixed(0)} ms`,
    );
  }
  const ops = await until('metrics', 5_000, async () => ({ sum: await meshd.metric(opsMetric) }));
  report.claim(ops.sum === 0, 'it adopted what the kernel held', `${ops.sum} Ops`);
  const same = (await kernelState(topology, 'lb')) === before;
  report.claim(same, 'the kernel holds what it held before');
}
