/**
 * `main --seed S` traces one run; `main [--seeds N] [--from S]` runs many, 100 from 1 unless told.
 * `--scenario swim` (which it is unless told) is members alone, `catalog` with their rows, `keys`
 * whole nodes on the real wire whose keys are changed.
 * See scripts/sim.mjs.
 */
import { parseArgs } from 'node:util';
import { simulateCatalog } from './catalog-chaos.js';
import { simulateKeys } from './key-chaos.js';
import { replayCommand, simulate, type Outcome } from './simulate.js';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'swim' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string' },
  },
});

const scenarios: Readonly<
  Record<string, (seed: number, tell?: (line: string) => void) => Outcome | Promise<Outcome>>
> = { swim: simulate, catalog: simulateCatalog, keys: simulateKeys };
const { scenario } = values;
const run = scenarios[scenario];
if (run === undefined) throw new Error(`no scenario ${scenario}`);
const options = scenario === 'swim' ? '' : ` --scenario ${scenario}`;

async function traceOne(seed: number): Promise<number> {
  const { problems, convergedMs } = await run!(seed, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(
    `seed ${seed}: agreement ${(convergedMs / 1000).toFixed(2)} s after calm, ${problems.length} problems\n`,
  );
  return problems.length > 0 ? 1 : 0;
}

async function runMany(from: number, count: number): Promise<number> {
  const startedAt = performance.now();
  const convergedS: number[] = [];
  let failed = 0;
  let packets = 0;
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await run!(seed);
    convergedS.push(outcome.convergedMs / 1000);
    packets += outcome.packets;
    if (outcome.problems.length === 0) continue;
    failed++;
    process.stdout.write(`seed ${seed}: ${outcome.problems.length} problems, the first:\n`);
    process.stdout.write(`  ${outcome.problems[0]}\n  ${replayCommand(seed)}${options}\n`);
  }
  const sorted = convergedS.toSorted((a, b) => a - b);
  const at = (share: number): string => sorted[Math.ceil(count * share) - 1]!.toFixed(2);
  process.stdout.write(
    `${count} seeds from ${from}: ${failed} failed; agreement after calm: p50 ${at(0.5)} s, ` +
      `p99 ${at(0.99)} s, max ${at(1)} s; ${packets} packets in ` +
      `${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`,
  );
  return failed > 0 ? 1 : 0;
}

process.exitCode =
  values.seed === undefined
    ? await runMany(Number(values.from ?? 1), Number(values.seeds ?? 100))
    : await traceOne(Number(values.seed));
