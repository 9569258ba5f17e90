/**
 * meshctl: program.ts maps the command line to commands/, each of which asks the daemon and
 * prints for people (tables) or programs (--json). A Terminal stands for the process.
 */
export { runCli } from './program.js';
export type { Terminal, TerminalOutput } from './terminal.js';
