import {
  methods,
  type AttachWish,
  type EndpointInfo,
  type NetworkInfo,
  type NetworkWish,
} from '../../api/index.js';
import { MeshError } from '../../base/index.js';
import { readDurationMs } from '../arguments.js';
import type { Cli } from '../cli.js';
import { formatFacts, type Fact } from '../service-view.js';
import type { Column } from '../table.js';
import { plural } from '../units.js';

/** meshctl network ls. */
export async function listNetworks(cli: Cli): Promise<void> {
  const { networks } = await cli.call(methods.listNetworks, {});
  const columns: Column<NetworkInfo>[] = [
    { title: 'NAME', cell: ({ name }) => name, shrinks: true },
    { title: 'VNI', cell: ({ vni }) => String(vni), align: 'right' },
    { title: 'SUBNETS', cell: ({ subnets }) => subnets.join(',') },
    { title: 'MTU', cell: ({ mtu }) => String(mtu), align: 'right' },
    { title: 'SEALED', cell: ({ sealed }) => (sealed ? 'yes' : '') },
    { title: 'NODES', cell: ({ nodes }) => nodes.join(','), shrinks: true },
    { title: 'ENDPOINTS', cell: ({ endpoints }) => String(endpoints.length), align: 'right' },
    { title: 'PROBLEM', cell: ({ problem }) => problem ?? '', paint: cli.paint.red, shrinks: true },
  ];
  cli.answer(networks, () => cli.table(columns, networks));
}

/** meshctl network inspect. */
export async function showNetwork(cli: Cli, name: string): Promise<void> {
  const { networks } = await cli.call(methods.listNetworks, {});
  const network = networks.find((one) => one.name === name);
  if (network === undefined) throw new MeshError('not_found', `network ${name}: not found`);
  const columns: Column<EndpointInfo>[] = [
    { title: 'ENDPOINT', cell: (one) => one.name, shrinks: true },
    { title: 'NODE', cell: ({ node }) => node, shrinks: true },
    { title: 'ADDRESSES', cell: ({ addresses }) => addresses.join(',') },
    { title: 'SERVICES', cell: weightsOf, shrinks: true },
    { title: 'MAC', cell: ({ mac }) => mac },
    { title: 'SANDBOX', cell: ({ sandbox }) => sandbox ?? '', shrinks: true },
  ];
  cli.answer(network, () => {
    return `${formatFacts(factsOf(network, cli))}\n${cli.table(columns, network.endpoints)}`;
  });
}

function factsOf(network: NetworkInfo, cli: Cli) {
  const { name, vni, subnets, port, mtu, nodes, sealed, problem } = network;
  const facts: Fact[] = [
    ['name', name],
    ['subnets', subnets.join(', ')],
    ['vxlan', `VNI ${vni}, UDP port ${port}, ${mtu} bytes inside`],
    ['sealed', sealed ? 'WireGuard between the hosts' : 'no'],
    ['nodes', nodes.join(', ')],
  ];
  return problem === undefined ? facts : [...facts, ['problem', problem, cli.paint.red] as const];
}

function weightsOf({ services, isEntry }: EndpointInfo): string {
  if (isEntry) return '(the node)';
  return Object.entries(services)
    .map(([name, weight]) => (weight === 1 ? name : `${name}=${weight}`))
    .join(',');
}

/** meshctl network create. */
export async function createNetwork(cli: Cli, wish: NetworkWish): Promise<void> {
  const network = await cli.call(methods.createNetwork, wish);
  cli.answer(network, ({ name, vni, subnets }) => {
    return `${name} created: VNI ${vni}, ${subnets.join(', ')}\n`;
  });
}

/** meshctl network rm: one after the other; the first failure ends it. */
export async function removeNetworks(cli: Cli, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await cli.call(methods.removeNetwork, { name });
    if (cli.json) cli.jsonLine({ name, change: 'removed' });
    else cli.print(`${name} removed\n`);
  }
}

/** meshctl network prune: those that nobody is on, no service names, and no other node asks for. */
export async function pruneNetworks(cli: Cli): Promise<void> {
  const { networks } = await cli.call(methods.listNetworks, {});
  const { services } = await cli.call(methods.listServices, {});
  const named = new Set(services.map(({ spec }) => spec.network));
  const removed: string[] = [];
  for (const { name, endpoints } of networks) {
    if (endpoints.length > 0 || named.has(name)) continue;
    try {
      await cli.call(methods.removeNetwork, { name });
      removed.push(name);
    } catch (error) {
      if (!(error instanceof MeshError && error.code === 'failed_precondition')) throw error;
    }
  }
  cli.answer({ removed }, () => removed.map((name) => `${name} removed\n`).join(''));
}

/** meshctl network rotate-keys. */
export async function rotateKeys(cli: Cli): Promise<void> {
  const answer = await cli.call(methods.rotateNetworkKeys, {});
  cli.answer(answer, ({ generation }) => {
    return `generation ${generation} is made; nodes go over to it one by one\n`;
  });
}

/** meshctl endpoint attach. */
export async function attachEndpoint(cli: Cli, wish: AttachWish): Promise<void> {
  const endpoint = await cli.call(methods.attachEndpoint, wish);
  cli.answer(endpoint, ({ name, network, addresses }) => {
    return `${name} is on ${network} at ${addresses.join(', ')}\n`;
  });
}

/** meshctl endpoint set. */
export async function setEndpoint(
  cli: Cli,
  network: string,
  endpoint: string,
  services: Readonly<Record<string, number>>,
): Promise<void> {
  await cli.call(methods.setEndpoint, { network, endpoint, services });
  cli.answer({ network, endpoint, services }, () => {
    const weights = Object.entries(services).map(([name, weight]) => `${name}=${weight}`);
    return `${endpoint} on ${network} serves ${weights.join(', ')}\n`;
  });
}

/** meshctl endpoint detach. */
export async function detachEndpoint(
  cli: Cli,
  network: string,
  endpoint: string,
  drain?: string,
): Promise<void> {
  if (drain !== undefined) {
    await finishConnections(cli, { network, endpoint }, readDurationMs('--drain', drain));
  }
  await cli.call(methods.detachEndpoint, { network, endpoint });
  cli.answer({ network, endpoint, detached: true }, () => `${endpoint} has left ${network}\n`);
}

/** Between two looks. Unit: milliseconds. */
const lookIntervalMs = 200;

/**
 * Until no live node sends new connections, by what each told of its kernel, and the open ones
 * have ended; or the time is up.
 */
async function finishConnections(
  cli: Cli,
  target: { readonly network: string; readonly endpoint: string },
  limitMs: number,
): Promise<void> {
  const { clock } = cli.terminal;
  const deadline = clock.now() + limitMs;
  const { endpoint } = await cli.call(methods.getEndpoint, target);
  const services = Object.fromEntries(Object.keys(endpoint.services).map((name) => [name, 0]));
  const { version } = await cli.call(methods.setEndpoint, { ...target, services });
  for (;;) {
    const { lack } = await cli.call(methods.getConvergence, { version });
    const { connections, programmed } = await cli.call(methods.getEndpoint, target);
    if (lack.length === 0 && programmed && connections === 0) return;
    if (clock.now() >= deadline) {
      const left = `${plural(connections, 'connection')} left`;
      const nodes = lack.length === 0 ? '' : `; ${lack.join(', ')} may still send new ones`;
      cli.note(`the time is up, ${left}${nodes}\n`);
      return;
    }
    await new Promise<void>((resolve) => void clock.after(lookIntervalMs, resolve));
  }
}
