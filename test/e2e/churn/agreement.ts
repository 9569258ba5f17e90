import type { NetworkInfo, Plan, RowDifference } from '../../../src/api/index.js';
import { answer } from '../cases/mesh-nodes.js';
import { until } from '../support/command.js';
import { balancers, type Balancer, type Task } from '../support/topology.js';
import { callAll } from './traffic.js';
import { networks, taskNames, tasksOf, type NetworkName, type World } from './world.js';

/** What is not as it should be, one line each; the first kind that there is. Empty: all agree. */
export async function disagreement(world: World): Promise<readonly string[]> {
  for (const look of [members, catalogs, plans, attachments, callAll]) {
    const found = await look(world);
    if (found.length > 0) return found;
  }
  return [];
}

async function members({ nodes }: World): Promise<string[]> {
  const wanted = [
    `meshd_mesh_members{state="alive"} ${balancers.length}`,
    'meshd_mesh_lacking_nodes 0',
    'meshd_mesh_unserved_nodes 0',
  ];
  return each(balancers, async (name) => {
    const lines = (await nodes[name].metrics()).split('\n');
    return wanted.filter((line) => !lines.includes(line)).map((line) => `${name}: not ${line}`);
  });
}

/** Rows of endpoints go only to nodes that are on the same network. */
async function catalogs(world: World): Promise<string[]> {
  const pairs = balancers.flatMap((one) => {
    return balancers.filter((other) => other !== one).map((other) => [one, other] as const);
  });
  return each(pairs, async ([one, other]) => {
    const rows = await answer<RowDifference[]>(world.nodes[one], 'catalog', 'diff', other);
    return rows
      .filter(({ network }) => isOn(world, one, network) && isOn(world, other, network))
      .map((row) => `${one} and ${other} disagree: ${JSON.stringify(row)}`);
  });
}

function isOn({ attached }: World, node: Balancer, network: string): boolean {
  if (!networks.some((name) => name === network)) return true;
  return tasksOf(node).some((task) => attached.get(task)!.has(network as NetworkName));
}

async function plans({ nodes }: World): Promise<string[]> {
  return each(balancers, async (name) => {
    const { ops } = await answer<Plan>(nodes[name], 'diff');
    return ops.map(({ text }) => `${name} would ${text}`);
  });
}

/** Nodes say of their tasks what was asked for, and kernels hold their addresses, no two the same. */
async function attachments(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const owners = new Map<string, string>();
  for (const node of balancers) {
    const known = await world.networksOf(node);
    wrong.push(...differences(world, node, known));
    for (const task of tasksOf(node)) {
      const own = known
        .flatMap(({ endpoints }) => endpoints)
        .filter((one) => one.sandbox === world.scene.topology.path(task));
      const wanted = own.flatMap(({ addresses }) => addresses).sort();
      const held = await addressesOf(world, task);
      if (held.join() !== wanted.join())
        wrong.push(`${task} holds [${held.join()}], not [${wanted.join()}]`);
      for (const address of held) {
        const other = owners.get(address);
        if (other !== undefined) wrong.push(`${task} and ${other} both have ${address}`);
        owners.set(address, task);
      }
    }
  }
  return wrong;
}

function differences(
  { attached }: World,
  node: Balancer,
  known: readonly NetworkInfo[],
): readonly string[] {
  return tasksOf(node).flatMap((task) =>
    networks.flatMap((network) => {
      const endpoints = known.find(({ name }) => name === network)?.endpoints ?? [];
      const own = endpoints.find((one) => one.node === node && one.name === task);
      const has = own === undefined ? 'nothing' : Object.keys(own.services).sort().join();
      const wanted = attached.get(task)!.get(network)?.toSorted().join() ?? 'nothing';
      return has === wanted ? [] : [`${node}: ${task} on ${network}: ${has}, not ${wanted}`];
    }),
  );
}

/** Sorted. VIPs are routes, not addresses. */
async function addressesOf({ scene }: World, task: Task): Promise<string[]> {
  const { stdout } = await scene.topology.exec(task, ['ip', '-br', 'address', 'show', 'up']);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('mesh-'))
    .flatMap((line) => line.split(/\s+/).slice(2))
    .map((address) => address.replace(/\/\d+$/, ''))
    .filter((address) => address !== '' && !address.startsWith('fe80:'))
    .sort();
}

/**
 * Ops that further repairs of everything take, when nothing happens: none. On a busy machine a look
 * at the kernel may take seconds, and the next one waits for ten times that.
 */
export async function idleOps({ nodes }: World): Promise<number> {
  const ops = async (): Promise<number> => {
    const counts = await Promise.all(
      balancers.map((name) => nodes[name].metric('meshd_reconcile_ops_total')),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const passes = (): Promise<number[]> =>
    Promise.all(balancers.map((name) => nodes[name].metric('meshd_reconcile_seconds_count')));
  const [opsBefore, passesBefore] = [await ops(), await passes()];
  await until('further repairs', 60_000, async () => {
    return (await passes()).every((count, i) => count > passesBefore[i]!);
  });
  return (await ops()) - opsBefore;
}

/** What is left of us on nodes and in tasks when nothing is attached and nothing published. */
export async function leftovers({ scene }: World): Promise<string[]> {
  const list =
    'ip -br link | grep -o "^mesh[bxpvw-][^@ ]*"; ip route show table all proto 109; ip rule | grep 109;' +
    // That of balancing stays, empty.
    'nft list tables | grep meshd- | grep -v meshd-lb';
  return each([...taskNames, ...balancers], async (host) => {
    const argv = ['bash', '-c', list];
    const { stdout } = await scene.topology.exec(host, argv, { mayFail: true });
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => `${host}: ${line}`);
  });
}

async function each<T>(
  all: readonly T[],
  look: (one: T) => Promise<readonly string[]>,
): Promise<string[]> {
  return (await Promise.all(all.map(look))).flat();
}
