import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import { runCli, type Terminal, type TerminalOutput } from './cli/index.js';
import { realClock } from './io/index.js';
import { packageVersion } from './version.js';

function output(stream: NodeJS.WriteStream & { readonly fd: number }): TerminalOutput {
  // stream.isTTY is undefined, not false, elsewhere.
  const isTTY = isatty(stream.fd);
  return {
    write: (text) => stream.write(text),
    isTTY,
    get columns() {
      return isTTY ? stream.columns : 0;
    },
    get rows() {
      return isTTY ? stream.rows : 0;
    },
  };
}

function probeSocket(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function onInterrupt(callback: () => void): () => void {
  process.on('SIGINT', callback).on('SIGTERM', callback);
  return () => void process.off('SIGINT', callback).off('SIGTERM', callback);
}

function onKey(callback: (key: string) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const listener = (data: Buffer): void => callback(data.toString());
  stdin.setRawMode(true).resume().on('data', listener);
  return () => void stdin.off('data', listener).setRawMode(false).pause();
}

const terminal: Terminal = {
  env: process.env,
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  clock: realClock,
  readStdin: () => text(process.stdin),
  onInterrupt,
  onKey,
  probeSocket,
};

// `meshctl ... | head` ends when nobody reads any more, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), terminal, packageVersion);
