import { Argument, type Command } from 'commander';
import type { Runner } from './runner.js';

/*
 * The commands about names of services and tasks.
 */

interface Options {
  readonly network?: readonly string[];
  readonly sandbox?: string;
}

const queryHelp = `
Prints the records, then the handler that answered (vip, task, reverse, forward, errors) and whose
name it is. The question is neither counted nor logged. Exit code 4: nobody has the name.`;

const logHelp = `
Each query becomes a line of the daemon's log, at level info: sandbox, name, type, code, handler. While
it is on, no query is answered from what is kept, and all take longer. Forgotten when the daemon stops.`;

export function addDnsCommands(program: Command, run: Runner): void {
  const dns = program.command('dns').description('names of services and tasks');
  const load = () => import('./commands/dns.js');
  const add = (network: string, others: readonly string[] = []): string[] => [...others, network];
  dns
    .command('query <name> [type]')
    .description('what is answered to a question, and why; A and AAAA without a type')
    .option('--network <network>', 'ask as a task on it; again for each, in order', add)
    .option('--sandbox <path>', 'ask as this namespace of the host, by path or name')
    .addHelpText('after', queryHelp)
    .action(
      run(async (cli, name: string, type: string | undefined, options: Options) =>
        (await load()).queryName(cli, name, type, options),
      ),
    );
  dns
    .command('zone')
    .description('everything that has a name, as lines of a zone file')
    .option('--network <network>', 'only of this one; again for each', add)
    .action(run(async (cli, { network }: Options) => (await load()).listNames(cli, network)));
  dns
    .command('stats')
    .description(
      'queries by type, code and handler; where names are answered, and who else is asked',
    )
    .action(run(async (cli) => (await load()).nameStats(cli)));
  dns
    .command('log')
    .description('whether every query is logged, or switch that until the daemon stops')
    .addArgument(new Argument('[state]').choices(['on', 'off']))
    .addHelpText('after', logHelp)
    .action(
      run(async (cli, state: 'on' | 'off' | undefined) => (await load()).logNames(cli, state)),
    );
}
