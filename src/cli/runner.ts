import type { Cli } from './cli.js';

/** Runs a command with a Cli of its own; commands load their code only when they run. */
export type Runner = <Args extends unknown[]>(
  run: (cli: Cli, ...args: Args) => Promise<void>,
) => (...args: Args) => Promise<void>;
