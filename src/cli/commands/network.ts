import {
  methods,
  type AttachWish,
  type EndpointInfo,
  type NetworkInfo,
  type NetworkWish,
} from '../../api/index.js';
import { MeshError } from '../../base/index.js';
import type { Cli } from '../cli.js';
import { formatFacts, type Fact } from '../service-view.js';
import type { Column } from '../table.js';

/** meshctl network ls. */
export async function listNetworks(cli: Cli): Promise<void> {
  const { networks } = await cli.call(methods.listNetworks, {});
  const columns: Column<NetworkInfo>[] = [
    { title: 'NAME', cell: ({ name }) => name, shrinks: true },
    { title: 'VNI', cell: ({ vni }) => String(vni), align: 'right' },
    { title: 'SUBNETS', cell: ({ subnets }) => subnets.join(',') },
    { title: 'MTU', cell: ({ mtu }) => String(mtu), align: 'right' },
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
    { title: 'MAC', cell: ({ mac }) => mac },
    { title: 'SANDBOX', cell: ({ sandbox }) => sandbox ?? '', shrinks: true },
  ];
  cli.answer(network, () => {
    return `${formatFacts(factsOf(network, cli))}\n${cli.table(columns, network.endpoints)}`;
  });
}

function factsOf({ name, vni, subnets, port, mtu, nodes, problem }: NetworkInfo, cli: Cli) {
  const facts: Fact[] = [
    ['name', name],
    ['subnets', subnets.join(', ')],
    ['vxlan', `VNI ${vni}, UDP port ${port}, ${mtu} bytes inside`],
    ['nodes', nodes.join(', ')],
  ];
  return problem === undefined ? facts : [...facts, ['problem', problem, cli.paint.red] as const];
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

/** meshctl endpoint attach. */
export async function attachEndpoint(cli: Cli, wish: AttachWish): Promise<void> {
  const endpoint = await cli.call(methods.attachEndpoint, wish);
  cli.answer(endpoint, ({ name, network, addresses }) => {
    return `${name} is on ${network} at ${addresses.join(', ')}\n`;
  });
}

/** meshctl endpoint detach. */
export async function detachEndpoint(cli: Cli, network: string, endpoint: string): Promise<void> {
  await cli.call(methods.detachEndpoint, { network, endpoint });
  cli.answer({ network, endpoint, detached: true }, () => `${endpoint} has left ${network}\n`);
}
