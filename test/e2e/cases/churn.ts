import { until } from '../support/command.js';
import { dataPath } from '../support/meshd.js';
import type { Case } from '../support/scene.js';
import { inventBurst, type Burst } from '../churn/acts.js';
import { disagreement, idleOps, leftovers } from '../churn/agreement.js';
import { Random } from '../churn/random.js';
import { Traffic } from '../churn/traffic.js';
import { networks, serviceNames, taskNames, tasks, World } from '../churn/world.js';
import { answer, startMesh } from './mesh-nodes.js';

/** How long things go on happening. Unit: s. */
export const churnSeconds = Number(process.env['MESHD_E2E_CHURN'] ?? 30);
export const churnSeed = Number(process.env['MESHD_E2E_SEED'] ?? 1);

/** After a burst, until all is as it should be. The guest's processor may be an emulated one. */
export const limitMs = process.env['LAB'] === undefined ? 5_000 : 50_000;

export const churn: Case = {
  name: 'churn',
  about: 'tasks come and go, daemons die, nodes are cut off, kernels are vandalized: all settles',
  async run(scene) {
    const { report } = scene;
    const more = 'reconcile: { repairInterval: 1s }';
    const nodes = await startMesh(scene, { services: false, profile: 'fast', more });
    const world = new World(scene, nodes);
    await world.begin();
    const random = new Random(churnSeed);
    const failedBefore = report.failed;
    const end = performance.now() + churnSeconds * 1_000;
    for (let number = 1; performance.now() < end; number++) {
      if (!(await burst(world, number, inventBurst(world, random)))) break;
    }
    if (report.failed === failedBefore) await detachAll(world);
    if (report.failed === failedBefore) return;
    report.note(againCommand('churn', churnSeconds));
  },
};

/** How to see the same once more. */
export function againCommand(name: string, seconds: number): string {
  const options = [
    ...(dataPath === 'nftables' ? ['--nftables'] : []),
    ...['--churn', seconds, '--seed', churnSeed],
  ];
  return `again: scripts/e2e ${options.join(' ')} ${name}`;
}

/** Resolves with whether all was as it should be. */
async function burst(world: World, number: number, lanes: Burst): Promise<boolean> {
  const { report } = world.scene;
  const acts = lanes.flat().map(({ text }) => text);
  report.note(`burst ${number}: ${acts.join('; ')}`);
  world.startBurst();
  const traffic = new Traffic(world);
  traffic.start();
  const problems = await Promise.all(
    lanes.map(async (lane) => {
      try {
        for (const act of lane) await act.run();
        return [];
      } catch (error) {
        return [error instanceof Error ? error.message : String(error)];
      }
    }),
  );
  const quiet = performance.now();
  const { answers, strangers } = await traffic.stop();
  const wrong = [...problems.flat(), ...strangers];
  if (wrong.length > 0) report.claim(false, `burst ${number}`, wrong.join('; '));
  const settled = await settle(world, quiet);
  const ops = settled.wrong.length === 0 ? await idleOps(world) : 0;
  const isInTime = settled.wrong.length === 0 && settled.afterMs <= limitMs;
  const after = `settled after ${(settled.afterMs / 1_000).toFixed(1)} s`;
  report.claim(
    isInTime && wrong.length === 0 && ops === 0,
    `burst ${number}: all settled within ${limitMs / 1_000} s, and nobody answered for others`,
    [
      `${acts.length} acts, ${answers} answers meanwhile, ${after}, then ${ops} Ops`,
      ...settled.wrong,
    ].join('\n#   '),
  );
  return isInTime && wrong.length === 0 && ops === 0;
}

interface Settled {
  /** Empty when all agreed in time. */
  readonly wrong: readonly string[];
  /** When the look began that found nothing wrong. Unit: ms after `quiet`. */
  readonly afterMs: number;
}

async function settle(world: World, quiet: number): Promise<Settled> {
  for (;;) {
    const afterMs = performance.now() - quiet;
    const wrong = await disagreement(world);
    if (wrong.length === 0 || afterMs > limitMs) return { wrong, afterMs };
  }
}

async function detachAll(world: World): Promise<void> {
  const { nodes, scene } = world;
  for (const task of taskNames) {
    for (const network of networks) {
      if (!world.attached.get(task)!.has(network)) continue;
      await answer(nodes[tasks[task]!], 'endpoint', 'detach', network, task);
    }
  }
  await nodes.lb.ctl('service', 'rm', ...serviceNames);
  let left: string[] = [];
  await until('nothing is left', 10_000, async () => {
    left = await leftovers(world);
    return left.length === 0;
  }).catch(() => undefined);
  scene.report.claim(
    left.length === 0,
    'when all is detached, no device, route, rule or table of ours is left in a task or on a node',
    left.join('; '),
  );
}
