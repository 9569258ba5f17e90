import { until } from '../support/command.js';
import { takeDestination, virtualServices } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { troubles, type LoadResult } from '../support/peers.js';
import { servicesYaml, tcpPort, vip, type Case, type Scene } from '../support/scene.js';
import { addressOf, families, firstBehind, type Family } from '../support/topology.js';

const clients = 50;

export const affinity: Case = {
  name: 'affinity',
  about: 'a client keeps its server',
  async run(scene) {
    const fields = ['scheduler: rr', 'affinity: 5m'];
    const meshd = await Meshd.fresh(
      scene.topology,
      servicesYaml([{ name: 'sticky', vip: 10, fields }]),
    );
    for (const family of families) {
      const result = await choices(scene, family, { requests: clients * 6 });
      const faithful = [...Array(clients).keys()].filter((client) => {
        const chosen = result.choices!.filter((_, i) => i % clients === client);
        return chosen.every((server) => server !== '' && server === chosen[0]);
      });
      report(scene, result);
      scene.report.claim(
        faithful.length === clients,
        `with affinity each of ${clients} IPv${family} clients stayed with one server`,
        `${faithful.length} of ${clients}, over ${Object.keys(result.servers).length} servers`,
      );
    }
    await meshd.end('SIGTERM');
  },
};

export const sameChoice: Case = {
  name: 'same-choice',
  about: 'with mh, two load balancers with the same file choose the same server for a client',
  async run(scene) {
    const { topology } = scene;
    const config = servicesYaml([
      { name: 'by-port', vip: 10, fields: ['scheduler: { name: mh, flags: [port] }'] },
      { name: 'by-address', vip: 11, fields: ['scheduler: mh'] },
    ]);
    const file = `reconcile: { repairInterval: 1s }\n${config}`;
    const first = await Meshd.fresh(topology, file, 'lb');
    const second = await Meshd.fresh(topology, file, 'lb2');
    const before = await everyChoice(scene);
    await topology.direct('lb2');
    compare(scene, 'the other load balancer chose the same server', {
      before,
      after: await everyChoice(scene),
      atLeast: 1,
    });
    await disturb(scene, second);
    // The kernel's table depends a little on the order in which destinations came.
    compare(scene, 'and nearly always after a repair there', {
      before,
      after: await everyChoice(scene),
      atLeast: 0.95,
    });
    await topology.direct('lb');
    await first.end('SIGTERM');
    await second.end('SIGTERM');
  },
};

type Choices = Readonly<Record<string, readonly string[]>>;

async function everyChoice(scene: Scene): Promise<Choices> {
  const found: Record<string, readonly string[]> = {};
  for (const family of families) {
    for (const [n, what, requests] of [
      [10, 'client ports', 300],
      [11, 'client addresses', 100],
    ] as const) {
      const result = await choices(scene, family, { vip: n, fromPort: 20_000, requests });
      report(scene, result);
      found[`${requests} IPv${family} ${what}`] = result.choices!;
    }
  }
  return found;
}

function compare(
  { report }: Scene,
  sentence: string,
  { before, after, atLeast }: { before: Choices; after: Choices; atLeast: number },
): void {
  for (const [what, first] of Object.entries(before)) {
    const second = after[what]!;
    const same = first.filter((server, i) => server !== '' && server === second[i]).length;
    const spread = new Set(first).size;
    report.claim(
      same >= first.length * atLeast && spread === 3,
      `${sentence} for ${what}`,
      `${same} of ${first.length} the same, over ${spread} servers`,
    );
  }
}

/** Takes a destination away behind meshd's back; it comes back at the end of the kernel's list. */
async function disturb({ topology }: Scene, meshd: Meshd): Promise<void> {
  const before = await virtualServices(topology, meshd.balancer);
  for (const n of [10, 11]) {
    for (const [service, server] of [
      [`${vip(n, 4)}:80`, `${addressOf('s1', 4)}:${tcpPort}`],
      [`[${vip(n, 6)}]:80`, `[${addressOf('s1', 6)}]:${tcpPort}`],
    ] as const) {
      await takeDestination(topology, meshd.balancer, service, server);
    }
  }
  await until('the destinations are back', 60_000, async () => {
    const now = await virtualServices(topology, meshd.balancer);
    return now.join('\n') === before.join('\n');
  });
}

function choices(
  { peers }: Scene,
  family: Family,
  options: { readonly vip?: number; readonly requests: number; readonly fromPort?: number },
): Promise<LoadResult> {
  const { requests, fromPort } = options;
  return peers.load('client', vip(options.vip ?? 10, family), 80, {
    requests,
    from: [firstBehind(family), clients],
    list: true,
    ...(fromPort === undefined ? {} : { fromPort }),
  });
}

function report(scene: Scene, result: LoadResult): void {
  if (result.failed > 0) scene.report.claim(false, 'every client got an answer', troubles(result));
}
