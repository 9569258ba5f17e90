/** `main [--list] [NAME [CASE...]]`: runs benches, each where it can run. See scripts/bench.mjs. */
import { progress, type Bench } from './bench.js';
import { run } from './command.js';
import { dataplane } from './dataplane.js';
import { dns } from './dns.js';
import { failover } from './failover.js';
import { footprint } from './footprint.js';
import { gossip } from './gossip.js';
import { buildPeers, hasIpvs, runInGuest } from './lab.js';
import { mesh } from './mesh.js';
import { plan } from './plan.js';
import { ports } from './ports.js';
import { program } from './program.js';
import { state } from './state.js';

const benches: readonly Bench[] = [
  plan,
  program,
  dataplane,
  footprint,
  gossip,
  mesh,
  ports,
  failover,
  state,
  dns,
];

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...cases] = argv;
  if (name === '--list' || name === '--help') {
    process.stdout.write(list());
    return 0;
  }
  const chosen = name === undefined ? benches : benches.filter((bench) => bench.name === name);
  const known = chosen.flatMap((bench) => Object.keys(bench.cases));
  const unknown = cases.filter((wanted) => !known.includes(wanted));
  if (chosen.length === 0 || unknown.length > 0) {
    process.stderr.write(`bench: no bench ${[name, ...unknown].join(' ')}; there are:\n${list()}`);
    return 2;
  }
  let worst = 0;
  for (const bench of chosen) {
    const plain = Object.keys(bench.cases).filter((one) => bench.slow?.includes(one) !== true);
    const code = await runBench(bench, cases.length > 0 ? cases : plain);
    worst = Math.max(worst, code);
  }
  return worst;
}

async function runBench(bench: Bench, cases: readonly string[]): Promise<number> {
  const inGuest = process.env['LAB'] === '1';
  if (!inGuest) await buildPeers(bench.peers ?? []);
  if (!inGuest && bench.daemon === true) await run([process.execPath, 'scripts/bundle.mjs']);
  if (bench.guest !== undefined && !hasIpvs()) {
    if (!inGuest) return runInGuest(bench, cases);
    throw new Error('this kernel has no IPVS');
  }
  progress(`${bench.name}: ${cases.join(', ')}`);
  await bench.run(cases);
  return 0;
}

function list(): string {
  return benches
    .flatMap((bench) => [
      `${bench.name.padEnd(12)}${bench.summary}`,
      ...Object.entries(bench.cases).map(([name, what]) => `  ${name.padEnd(10)}${what}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

process.exitCode = await main(process.argv.slice(2));
