import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { meshctlProgram } from '../support/meshd.js';
import { peerProgram } from '../support/peers.js';
import { print } from '../support/report.js';
import { addressOf, balancers } from '../support/topology.js';
import type { Story } from './story.js';

/** A shell in which everything still runs; resolves when the reader has left it. */
export async function lookAround({ scene, nodes }: Story): Promise<void> {
  const { topology } = scene;
  const bin = join(await topology.newFolder(), 'bin');
  await mkdir(bin);
  const prefix = topology.namespace('lb').replace(/lb$/, '');
  const sockets = balancers.map((name) => `${name}) shift; socket=${nodes[name].socketPath};;`);
  const wrappers = {
    meshctl: `socket=${nodes.lb.socketPath}; case $1 in ${sockets.join(' ')} esac
exec ${process.execPath} ${meshctlProgram} --socket $socket "$@"`,
    on: `host=$1; shift; exec ip netns exec ${prefix}$host "$@"`,
    call: `exec ip netns exec ${prefix}client ${peerProgram} load --requests "\${2:-100}" "$1" 80`,
  };
  for (const [name, line] of Object.entries(wrappers)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }
  print(`
Everything still runs. In this shell, try:
  meshctl node ls; meshctl lb3 endpoint ls; meshctl lb2 doctor; meshctl --help
  on client curl ${addressOf('lb2', 4)}                 a command on a host or in a task
  call ${addressOf('lb3', 4)}; call ${addressOf('lb', 6)}            100 requests of the client
  on web-1 ip -br address; on web-1 ip rule
  on lb2 nft flush ruleset                 meshd repairs it: meshctl lb2 diff --history
  meshctl lb2 endpoint detach front web-1 --drain 10s
  vi ${nodes.lb.configPath}             meshd follows the file
  exit                                     ends and removes all`);
  const path = `${bin}:${process.env['PATH'] ?? ''}`;
  const shell = spawn('bash', ['--norc', '-i'], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path, PS1: 'mesh$ ' },
  });
  // Interrupting a command in the shell is not meant for us.
  process.removeAllListeners('SIGINT').on('SIGINT', () => undefined);
  await new Promise((resolve) => shell.on('close', resolve));
}
