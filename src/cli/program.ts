import { Argument, Command, CommanderError, Option } from 'commander';
import { readCount } from './arguments.js';
import { Cli, type GlobalOptions } from './cli.js';
import type { RemoveOptions } from './commands/service.js';
import type { ApplyOptions } from './commands/apply.js';
import type { ConnectionOptions } from './commands/connection.js';
import type { DrainOptions } from './commands/drain.js';
import type { TopOptions } from './commands/top.js';
import { addDnsCommands } from './dns-program.js';
import { exitCodes, reportError, UsageError, type ExitCode } from './errors.js';
import { addAttachCommands, addMeshCommands, addNetworkCommands } from './mesh-program.js';
import type { Runner } from './runner.js';
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
  addDnsCommands(program, runner);
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
    .description(
      'the way of a packet: from an address or NETWORK/ENDPOINT, to an address or a service',
    )
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
