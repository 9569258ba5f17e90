import { Argument, Command, CommanderError, Option } from 'commander';
import { readCount } from './arguments.js';
import { Cli, type GlobalOptions } from './cli.js';
import type { RemoveOptions } from './commands/service.js';
import type { ApplyOptions } from './commands/apply.js';
import type { ConnectionOptions } from './commands/connection.js';
import type { DrainOptions } from './commands/drain.js';
import type { TopOptions } from './commands/top.js';
import { exitCodes, reportError, UsageError, type ExitCode } from './errors.js';
import type { Terminal } from './terminal.js';

const defaultSocket = '/run/meshd/meshd.sock';

const epilogue = `
Exit codes:
  0 done   1 failed   2 wrong usage   3 the daemon cannot be reached
  4 not found   5 conflict, or a precondition is not met   130 interrupted

With --json, keys are camelCase, times milliseconds; watch and top print one object per line.`;

/** Runs one command line, without the interpreter and the script. */
export async function runCli(
  argv: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<ExitCode> {
  const program = buildProgram(terminal, version);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok;
      // Without a command, the help has been printed.
      if (error.code === 'commander.help') return exitCodes.usage;
      const message = error.message.replace(/^error: /, '');
      return reportError(new UsageError(message), terminal, '');
    }
    return reportError(error, terminal, program.opts<{ socket: string }>().socket);
  }
}

/** Runs a command with a Cli of its own; commands load their code only when they run. */
type Runner = <Args extends unknown[]>(
  run: (cli: Cli, ...args: Args) => Promise<void>,
) => (...args: Args) => Promise<void>;

function buildProgram(terminal: Terminal, version: string): Command {
  const program = new Command('meshctl');
  program
    .description('Inspect and change the routing mesh of this host.')
    .addOption(
      new Option('--socket <path>', 'of the daemon').env('MESHD_SOCKET').default(defaultSocket),
    )
    .option('--json', 'print what programs can read')
    .option('--no-color', 'print without colors (also: NO_COLOR)')
    .addHelpText('after', epilogue)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => terminal.stdout.columns || 100,
      getErrHelpWidth: () => terminal.stderr.columns || 100,
    });
  const socket = terminal.env['MESHD_SOCKET'];
  if (socket !== undefined && socket !== '') program.setOptionValue('socket', socket);
  const runner: Runner =
    (run) =>
    async (...args) => {
      const { createApiClient } = await import('../api/index.js');
      const cli = new Cli(terminal, globalOptions(program, terminal), createApiClient);
      try {
        await run(cli, ...args);
      } finally {
        cli.close();
      }
    };
  addDaemonCommands(program, runner, version);
  addMeshCommands(program, runner);
  addNetworkCommands(program, runner);
  addVipCommands(program, runner);
  addServiceCommands(program, runner);
  addTrafficCommands(program, runner);
  addExplainingCommands(program, runner);
  addCompletion(program, runner, terminal);
  return program;
}

function globalOptions(program: Command, { env, stdout }: Terminal): GlobalOptions {
  const { socket, json, color } = program.opts<Partial<GlobalOptions>>();
  const wanted = (env['NO_COLOR'] ?? '') === '' && color !== false;
  return { socket: socket ?? defaultSocket, json: json ?? false, color: wanted && stdout.isTTY };
}

function addDaemonCommands(program: Command, run: Runner, version: string): void {
  program
    .command('status')
    .description('the daemon, and how well the kernel follows it')
    .action(run(async (cli) => (await import('./commands/status.js')).status(cli)));
  program
    .command('version')
    .description('of meshctl and of the daemon')
    .action(run(async (cli) => (await import('./commands/version.js')).version(cli, version)));
  program.version(version, '-V, --version', 'of meshctl alone');
}

function addMeshCommands(program: Command, run: Runner): void {
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
}

function addNetworkCommands(program: Command, run: Runner): void {
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
    .option('--internal', 'no way out of the network')
    .action(
      run(async (cli, name: string, { subnet = [], internal = false, ...rest }: CreateOptions) =>
        (await load()).createNetwork(cli, { name, subnets: subnet, internal, ...rest }),
      ),
    );
  network
    .command('rm <network...>')
    .description('remove networks that nobody is on')
    .action(run(async (cli, names: string[]) => (await load()).removeNetworks(cli, names)));
}

function addAttachCommands(endpoint: Command, run: Runner): void {
  const load = () => import('./commands/network.js');
  endpoint
    .command('attach <network> <name>')
    .description('put a network namespace of this host on a network')
    .requiredOption('--sandbox <path>', 'of the namespace: /run/netns/NAME or /proc/PID/ns/net')
    .action(
      run(async (cli, network: string, name: string, { sandbox }: { sandbox: string }) =>
        (await load()).attachEndpoint(cli, { network, name, sandbox }),
      ),
    );
  endpoint
    .command('detach <network> <name>')
    .description('take it off the network')
    .action(
      run(async (cli, network: string, name: string) =>
        (await load()).detachEndpoint(cli, network, name),
      ),
    );
}

function addVipCommands(program: Command, run: Runner): void {
  const vip = program.command('vip').description('virtual IPs');
  vip
    .command('ls')
    .description('one line per VIP')
    .action(run(async (cli) => (await import('./commands/vip.js')).listVips(cli)));
  vip
    .command('inspect <service>')
    .description('the service of a VIP, by address or by name')
    .action(
      run(async (cli, name: string) => (await import('./commands/vip.js')).inspectVip(cli, name)),
    );
  vip
    .command('watch [service]')
    .description('what there is, then every change, until Ctrl-C')
    .action(
      run(async (cli, name?: string) => (await import('./commands/vip.js')).watchVips(cli, name)),
    );
}

function addServiceCommands(program: Command, run: Runner): void {
  const service = program.command('service').description('services: look, apply, remove, drain');
  service
    .command('ls')
    .description('one line per service')
    .action(run(async (cli) => (await import('./commands/service.js')).listServices(cli)));
  service
    .command('inspect <service>')
    .description('all about one service')
    .action(
      run(async (cli, name: string) =>
        (await import('./commands/service.js')).showService(cli, name),
      ),
    );
  service
    .command('apply')
    .description('make services as a YAML or JSON file says, all or none')
    .requiredOption(
      '-f, --file <file>',
      'a service, a list, or a mapping with `services`; - = stdin',
    )
    .option('--replace-all', 'remove services of the API that the file does not have')
    .option('--dry-run', 'change nothing, print what would be done')
    .addOption(
      new Option('--revision <number>', 'fail unless the table has this revision').argParser(
        readCount('--revision', 0, Number.MAX_SAFE_INTEGER),
      ),
    )
    .option('--wait', 'return when the kernels of all live nodes hold the services')
    .option('--timeout <duration>', 'of --wait', '1m')
    .action(
      run(async (cli, options: ApplyOptions) =>
        (await import('./commands/apply.js')).applyServices(cli, options),
      ),
    );
  service
    .command('rm <service...>')
    .description('remove services; their connections may finish')
    .option('--now', 'cut open connections')
    .action(
      run(async (cli, names: string[], options: RemoveOptions) =>
        (await import('./commands/service.js')).removeServices(cli, names, options),
      ),
    );
  service
    .command('drain <service> [destination]')
    .description('no new connections for a destination, or for all; open ones may finish')
    .option('--deadline <duration>', 'after which open connections are cut')
    .option('--cancel', 'let it take connections again')
    .action(
      run(async (cli, name: string, destination: string | undefined, options: DrainOptions) =>
        (await import('./commands/drain.js')).drain(cli, name, destination, options),
      ),
    );
}

function addTrafficCommands(program: Command, run: Runner): void {
  const endpoint = program
    .command('endpoint')
    .description('destinations of services, and namespaces on networks');
  addAttachCommands(endpoint, run);
  endpoint
    .command('ls [service]')
    .description('health, weight and counters of each')
    .action(
      run(async (cli, service?: string) =>
        (await import('./commands/endpoint.js')).listEndpoints(cli, service),
      ),
    );
  program
    .command('conn')
    .description('open connections')
    .command('ls')
    .description('one line per connection')
    .option('--service <service>', 'only those of this service')
    .option('--destination <destination>', 'only those to this name or address')
    .option('--client <prefix>', 'only those of this address or prefix')
    .addOption(
      new Option('--limit <number>', 'show at most this many')
        .argParser(readCount('--limit', 1, 100_000))
        .default(100),
    )
    .action(
      run(async (cli, options: ConnectionOptions) =>
        (await import('./commands/connection.js')).listConnections(cli, options),
      ),
    );
  program
    .command('top [service]')
    .description('rates of each service and destination, the busiest first')
    .option('--interval <duration>', 'between two looks', '2s')
    .option('--once', 'look once')
    .action(
      run(async (cli, service: string | undefined, options: TopOptions) =>
        (await import('./commands/top.js')).top(cli, service, options),
      ),
    );
}

function addExplainingCommands(program: Command, run: Runner): void {
  program
    .command('diff')
    .description('what a repair of the kernel would do now')
    .option('--history', 'when the kernel was found changed, and what came of it')
    .addOption(
      new Option('--limit <number>', 'of --history')
        .argParser(readCount('--limit', 1, 1_000))
        .default(20),
    )
    .action(
      run(async (cli, options: { history?: boolean; limit: number }) => {
        const { diff, driftHistory } = await import('./commands/diff.js');
        await (options.history === true ? driftHistory(cli, options.limit) : diff(cli));
      }),
    );
  program
    .command('explain <src> <dst:port[/proto]>')
    .description('the way of a packet; DST is an address, [IPv6] or a service')
    .action(
      run(async (cli, source: string, destination: string) =>
        (await import('./commands/explain.js')).explain(cli, source, destination),
      ),
    );
  program
    .command('doctor')
    .description('examine the host; exit code 1 when a check fails')
    .action(run(async (cli) => (await import('./commands/doctor.js')).doctor(cli)));
}

const shells = ['bash', 'zsh', 'fish'] as const;

function addCompletion(program: Command, run: Runner, terminal: Terminal): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(shells))
    .action(async (shell: (typeof shells)[number]) => {
      const { completionScript } = await import('./commands/completion.js');
      terminal.stdout.write(completionScript(shell));
    });
  program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .helpOption(false)
    .action(
      run(async (cli, words: string[]) =>
        (await import('./commands/completion.js')).complete(cli, program, words),
      ),
    );
}
