import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface Finished {
  readonly stdout: string;
  /** From starting the process to its end. */
  readonly wallMs: number;
}

/** Runs a command to its end; throws with what it said when it fails. */
export async function run(
  argv: readonly string[],
  options: { readonly input?: string; readonly inputFile?: string } = {},
): Promise<Finished> {
  const [file, ...rest] = argv;
  const inputFd = options.inputFile === undefined ? 'pipe' : openSync(options.inputFile, 'r');
  const startedAt = performance.now();
  const child = spawn(file!, rest, { stdio: [inputFd, 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // Who does not read what it is given says so by its exit status, or does not mind.
  child.stdin?.on('error', () => undefined).end(options.input ?? '');
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(status ?? (signal === null ? 1 : 128)));
  });
  const wallMs = performance.now() - startedAt;
  if (typeof inputFd === 'number') closeSync(inputFd);
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}: ${stderr.trim()}`);
  return { stdout, wallMs };
}

/** Starts a command and waits until it has printed `text`; returns how to end it. */
export async function startUntil(argv: readonly string[], text: string): Promise<() => void> {
  const [file, ...rest] = argv;
  const child = spawn(file!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let seen = '';
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${argv.join(' ')}: exit ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      seen += chunk;
      if (seen.includes(text)) resolve();
    });
  });
  return () => void child.kill();
}
