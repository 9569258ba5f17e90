import { Option, type Command } from 'commander';
import { readCount, readWeights } from './arguments.js';
import type { Runner } from './runner.js';

/*
 * The commands about the other nodes, and about networks that span them.
 */

export function addMeshCommands(program: Command, run: Runner): void {
  const node = program.command('node').description('nodes of the mesh');
  node
    .command('ls')
    .description('one line per node, this one with a *')
    .action(run(async (cli) => (await import('./commands/node.js')).listNodes(cli)));
  node
    .command('forget <node>')
    .description('believe a host that lost its state, and with it the key of its name')
    .action(
      run(async (cli, name: string) => (await import('./commands/node.js')).forgetNode(cli, name)),
    );
  node
    .command('leave')
    .description('take this node out of the mesh until its daemon starts again')
    .action(run(async (cli) => (await import('./commands/node.js')).leaveMesh(cli)));
  program
    .command('mesh')
    .description('this node among the others')
    .command('status')
    .description('members, what is not yet everywhere, traffic, queues, conflicts')
    .action(run(async (cli) => (await import('./commands/mesh.js')).meshStatus(cli)));
  program
    .command('catalog')
    .description('the table that all nodes share')
    .command('diff <node>')
    .description('the rows on which another node disagrees')
    .action(
      run(async (cli, name: string) =>
        (await import('./commands/catalog.js')).diffCatalog(cli, name),
      ),
    );
  addKeyCommands(program, run);
}

function addKeyCommands(program: Command, run: Runner): void {
  const key = program.command('key').description('keys that seal the gossip, on all nodes');
  const load = () => import('./commands/key.js');
  key
    .command('ls')
    .description('of each node, by fingerprint')
    .action(run(async (cli) => (await load()).listKeys(cli)));
  key
    .command('generate')
    .description('print a new key')
    .action(run(async (cli) => (await load()).generateKey(cli)));
  key
    .command('install')
    .description('let all nodes accept a key, from stdin')
    .option('-f, --file <file>', 'read the key from a file')
    .action(run(async (cli, { file }: { file?: string }) => (await load()).installKey(cli, file)));
  key
    .command('use <fingerprint>')
    .description('let all nodes seal with an installed key')
    .action(run(async (cli, name: string) => (await load()).changeKey(cli, 'use', name)));
  key
    .command('remove <fingerprint>')
    .description('let no node accept a key any more')
    .action(run(async (cli, name: string) => (await load()).changeKey(cli, 'remove', name)));
}

interface CreateOptions {
  readonly vni?: number;
  readonly subnet?: readonly string[];
  readonly port?: number;
  readonly mtu?: number;
  readonly internal?: boolean;
  readonly sealed?: boolean;
}

export function addNetworkCommands(program: Command, run: Runner): void {
  const network = program.command('network').description('networks that span the nodes');
  const load = () => import('./commands/network.js');
  const count = (name: string, min: number, max: number): Option =>
    new Option(`--${name} <number>`).argParser(readCount(`--${name}`, min, max));
  network
    .command('ls')
    .description('one line per network')
    .action(run(async (cli) => (await load()).listNetworks(cli)));
  network
    .command('inspect <network>')
    .description('all about one network, and who is on it')
    .action(run(async (cli, name: string) => (await load()).showNetwork(cli, name)));
  network
    .command('create <name>')
    .description('make a network that all nodes may attach to')
    .option('--subnet <prefix...>', 'at most one per family; default: an IPv4 one is chosen')
    .addOption(count('vni', 4_096, 2 ** 24 - 1))
    .addOption(count('port', 1_024, 49_151))
    .addOption(count('mtu', 1_280, 65_486))
    .option('--internal', 'its endpoints reach nothing beyond their networks')
    .option('--sealed', 'encrypt what goes between hosts')
    .action(
      run(async (cli, name: string, { subnet = [], ...rest }: CreateOptions) =>
        (await load()).createNetwork(cli, { name, subnets: subnet, ...rest }),
      ),
    );
  network
    .command('rm <network...>')
    .description('remove networks that nobody is on')
    .action(run(async (cli, names: string[]) => (await load()).removeNetworks(cli, names)));
  network
    .command('prune')
    .description('remove networks that nobody is on, no service names, and no other node asks for')
    .action(run(async (cli) => (await load()).pruneNetworks(cli)));
  network
    .command('rotate-keys')
    .description('give sealed networks new keys, on all nodes')
    .action(run(async (cli) => (await load()).rotateKeys(cli)));
}

interface AttachOptions {
  readonly sandbox: string;
  readonly service?: readonly string[];
}

export function addAttachCommands(endpoint: Command, run: Runner): void {
  const load = () => import('./commands/network.js');
  endpoint
    .command('attach <network> <name>')
    .description('put a network namespace of this host on a network')
    .requiredOption('--sandbox <path>', 'of the namespace: /run/netns/NAME or /proc/PID/ns/net')
    .option('--service <name...>', 'that it serves; NAME=WEIGHT for another weight than 1')
    .action(
      run(async (cli, network: string, name: string, { sandbox, service = [] }: AttachOptions) =>
        (await load()).attachEndpoint(cli, {
          network,
          name,
          sandbox,
          services: readWeights('--service', service),
        }),
      ),
    );
  endpoint
    .command('set <network> <name>')
    .description('change what an attached namespace is to services; weight 0 = no new connections')
    .requiredOption('--service <name...>', 'that it serves; NAME=WEIGHT for another weight than 1')
    .action(
      run(async (cli, network: string, name: string, { service }: { service: string[] }) =>
        (await load()).setEndpoint(cli, network, name, readWeights('--service', service)),
      ),
    );
  endpoint
    .command('detach <network> <name>')
    .description('take it off the network')
    .option('--drain <duration>', 'let its connections finish before, for as long as this')
    .action(
      run(async (cli, network: string, name: string, { drain }: { drain?: string }) =>
        (await load()).detachEndpoint(cli, network, name, drain),
      ),
    );
}
