import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { Command } from 'commander';
import { pino } from 'pino';
import { messageOf } from './base/index.js';
import { parseConfig, parseMember } from './config/index.js';
import { Daemon } from './daemon.js';
import { realClock } from './io/index.js';
import { replaceProcess } from './kernel/linux/index.js';
import { planFile } from './plan-file.js';
import { packageVersion } from './version.js';

const defaultConfig = '/etc/meshd/meshd.yaml';

const program = new Command('meshd')
  .description('Balances connections to virtual IPs over servers, in the kernel (IPVS).')
  .version(packageVersion);

program
  .command('run', { isDefault: true })
  .description('run the daemon in the foreground')
  .option('-c, --config <file>', 'configuration file', defaultConfig)
  .option('-j, --join <address...>', 'members of a mesh to join, beside those of the file')
  .addHelpText(
    'after',
    '\nSignals: HUP reads the file again; TERM and INT stop; USR2 replaces the process by the\n' +
      'program now on disk. The kernel goes on forwarding through all of them.',
  )
  .action((options: RunOptions) => run(options));

program
  .command('check')
  .description('check a configuration file; exit status 1 when it would not be accepted')
  .argument('[file]', 'configuration file', defaultConfig)
  .action(async (file: string) => {
    const { specs } = parseConfig(await readFile(file, 'utf8'), file);
    const destinations = specs.reduce((sum, spec) => sum + spec.destinations.length, 0);
    process.stdout.write(`${file}: ${specs.length} services, ${destinations} destinations\n`);
  });

program
  .command('plan')
  .description('print what running with a file would change in the kernel; changes nothing')
  .argument('[file]', 'configuration file', defaultConfig)
  .action(async (file: string) => {
    process.stdout.write(await planFile(file));
  });

interface RunOptions {
  readonly config: string;
  readonly join?: readonly string[];
}

function memberAt(text: string): { address: string; port: number } {
  const member = parseMember(text);
  if (member !== undefined) return member;
  throw new Error(`--join: expected an address or address:port, got ${JSON.stringify(text)}`);
}

async function run({ config: configPath, join = [] }: RunOptions): Promise<void> {
  const log = pino({ name: 'meshd', base: { pid: process.pid } });
  const daemon = new Daemon({
    configPath,
    join: join.map(memberAt),
    version: { version: packageVersion, node: process.version, kernel: release() },
    instance: randomUUID(),
    clock: realClock,
    random: Math.random,
    log,
  });
  const stop = async (signal: string): Promise<void> => {
    log.info({ signal }, 'stopping; the kernel goes on forwarding');
    await daemon.stop();
    process.exit(0);
  };
  process.on('SIGHUP', () => void daemon.reload());
  process.once('SIGTERM', (signal) => void stop(signal));
  process.once('SIGINT', (signal) => void stop(signal));
  process.once('SIGUSR2', () => {
    log.info('replacing this process by the program on disk');
    void daemon.stop().then(() => replaceProcess(process.execPath, process.argv));
  });
  await daemon.start();
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`meshd: ${messageOf(error)}\n`);
  process.exit(1);
}
