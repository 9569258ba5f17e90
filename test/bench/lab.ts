import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { progress, type Bench } from './bench.js';
import { run } from './command.js';

/** What is built for a run; seen by the guest as well. */
export const buildFolder = join(process.cwd(), '.lab', 'bench');

/** The program of the end-to-end tests, which counts what failed. */
export const e2ePeer = 'peer';

/** The built C program of test/bench/peer, or that of the end-to-end tests. */
export function peer(name: string): string {
  return join(buildFolder, name);
}

/** Builds the C programs that a bench compares with; in the guest that would take long. */
export async function buildPeers(names: readonly string[]): Promise<void> {
  mkdirSync(buildFolder, { recursive: true });
  for (const name of names) {
    const source = join('test', name === e2ePeer ? 'e2e/support' : 'bench/peer', `${name}.c`);
    const built = existsSync(peer(name)) && statSync(peer(name)).mtimeMs > statSync(source).mtimeMs;
    if (!built) await run(['cc', '-O2', '-Wall', '-static', '-o', peer(name), source]);
  }
}

/** True where IPVS can be used: root, and a kernel that has it. */
export function hasIpvs(): boolean {
  if (process.getuid?.() !== 0) return false;
  return existsSync('/proc/net/ip_vs') || spawnSync('modprobe', ['ip_vs']).status === 0;
}

/** Runs the bench anew in a guest that has IPVS; returns its exit code. */
export async function runInGuest(bench: Bench, cases: readonly string[]): Promise<number> {
  const options = bench.guest!;
  progress(`no IPVS in this kernel: ${bench.name} runs in scripts/lab ${options.join(' ')}`);
  const main = join(buildFolder, 'main.mjs');
  const child = spawn(
    'scripts/lab',
    [...options, '--', process.execPath, main, bench.name, ...cases],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
