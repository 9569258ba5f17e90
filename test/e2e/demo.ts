import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkSpread } from './cases/balance.js';
import { drainUnderWrk } from './cases/drain.js';
import { healthFields, killAndReturn } from './cases/health.js';
import { killAndRestart } from './cases/restart.js';
import { endAll } from './support/command.js';
import { Meshd, meshctlProgram } from './support/meshd.js';
import { peerProgram } from './support/peers.js';
import { print, Report } from './support/report.js';
import { servicesYaml, setScene, udpPort, vip, type Scene } from './support/scene.js';
import { addressOf } from './support/topology.js';

const hosts = `
client 192.0.2.10 fd00:2::10 ──┐                ┌── s1 10.0.0.11 fd00:10::11
                               ├── lb (meshd) ──┼── s2 10.0.0.12 fd00:10::12
                               │                └── s3 10.0.0.13 fd00:10::13
   the client calls VIPs (10.96.0.0/16, fd00:96::/112), which only lb has`.slice(1);

const keep = process.argv.includes('--keep');
const started = performance.now();
const report = new Report('story');
let scene: Scene | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void leave(130));
}
try {
  scene = await setScene(report);
  const meshd = await story(scene);
  if (keep) await lookAround(scene, meshd);
  await meshd.end('SIGTERM');
} catch (error) {
  report.claim(false, 'the demonstration ran to its end', String(error));
}
await leave();

async function leave(status = report.failed === 0 ? 0 : 1): Promise<void> {
  await endAll();
  await scene?.topology.remove();
  process.exit(status);
}

async function story(on: Scene): Promise<Meshd> {
  chapter('The hosts: network namespaces of this machine');
  report.note(hosts);

  chapter('What we want, in one file');
  const { topology } = on;
  const meshd = await Meshd.create(topology, 'lb');
  const services = servicesYaml([
    { name: 'web', vip: 10, fields: [...healthFields, 'drainDeadline: 30s'] },
    { name: 'dns', vip: 12, ports: `53:${udpPort}/udp`, fields: ['scheduler: rr'] },
  ]);
  report.note(services);
  await meshd.write(services);

  chapter('meshd programs the kernel (IPVS), and meshctl shows it');
  const begun = performance.now();
  await meshd.start();
  report.note(`meshd is up after ${(performance.now() - begun).toFixed(0)} ms`);
  for (const words of [['status'], ['vip', 'ls'], ['service', 'ls']]) await show(meshd, ...words);

  chapter('Thousands of requests, over IPv4 and IPv6, TCP and UDP');
  await checkSpread(on, { what: 'rr', vip: 10, family: 4, requests: 3_000 });
  await checkSpread(on, { what: 'rr', vip: 10, family: 6, requests: 1_000 });
  const udp = { port: 53, options: { protocol: 'udp' } } as const;
  await checkSpread(on, { what: 'rr, UDP', vip: 12, family: 4, requests: 1_000, ...udp });

  chapter('Which way does a packet take?');
  await show(meshd, 'explain', addressOf('client', 4), `${vip(10, 4)}:80/tcp`);

  chapter('A server dies, and comes back');
  await killAndReturn(on, meshd, 'web');

  chapter('A server is drained while wrk calls');
  await drainUnderWrk(on, meshd, 'web');

  chapter('kill -9 meshd, under load: packets never pass through it');
  await killAndRestart(on, meshd);

  end(meshd);
  return meshd;
}

function chapter(title: string): void {
  print(`\n== ${title} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
}

async function show(meshd: Meshd, ...words: string[]): Promise<void> {
  print(`  $ meshctl ${words.join(' ')}`);
  const { status, stdout, stderr } = await meshd.ctl(...words);
  report.note(stdout + stderr);
  if (status !== 0) report.claim(false, `meshctl ${words.join(' ')} works`, `status ${status}`);
}

function end(meshd: Meshd): void {
  chapter('Done');
  const { passed, failed } = report;
  const verdict = failed === 0 ? 'all of them true' : `${failed} of them NOT TRUE, see above`;
  report.note(`${passed + failed} claims, ${verdict}.`);
  report.note(`
Next:
  scripts/demo --keep          the same, then a shell in which everything still runs
  scripts/e2e --list           everything else that is promised and checked with packets
  node dist/meshd.js check FILE, plan FILE, run --config FILE    on a host of yours
  README.md                    fields of the file, commands, how to install`);
  if (keep) report.note(`Its file is ${meshd.configPath}: meshd follows every change of it.`);
}

async function lookAround(on: Scene, meshd: Meshd): Promise<void> {
  const bin = join(meshd.folder, 'bin');
  await mkdir(bin);
  const prefix = on.topology.namespace('lb').replace(/lb$/, '');
  const wrappers = {
    meshctl: `exec ${process.execPath} ${meshctlProgram} --socket ${meshd.socketPath} "$@"`,
    on: `host=$1; shift; exec ip netns exec ${prefix}$host "$@"`,
    call: `exec ip netns exec ${prefix}client ${peerProgram} load --requests "\${3:-100}" "$1" "\${2:-80}"`,
  };
  for (const [name, line] of Object.entries(wrappers)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }
  print(`
Everything still runs. In this shell, try:
  meshctl status; meshctl service inspect web; meshctl doctor; meshctl --help
  call ${vip(10, 4)}; call ${vip(10, 6)}        100 requests of the client
  on client curl -s http://${vip(10, 4)}/     a command on a host
  on lb ipvsadm -Ln                        the kernel's own view
  on lb ip link delete mesh0               meshd repairs it: meshctl diff --history
  vi ${meshd.configPath}             meshd follows the file
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
