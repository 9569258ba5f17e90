import { churnSeconds } from './cases/churn.js';
import { cases } from './cases/index.js';
import { endAll } from './support/command.js';
import { dataPath, launched } from './support/meshd.js';
import { print, Report } from './support/report.js';
import { setScene, type Case, type Scene } from './support/scene.js';

/** The longest, crash, takes two minutes on an emulated processor that it shares with nobody. */
const caseDeadlineMs = 600_000 + 2_000 * churnSeconds;

const words = process.argv.slice(2);
const without = words.flatMap((word) => (word.startsWith('--but=') ? [word.slice(6)] : []));
const wanted = words.filter((word) => !word.startsWith('--but='));
if (wanted.includes('--list')) {
  for (const { name, about } of cases) print(`${name.padEnd(12)} ${about}`);
  process.exit(0);
}
const unknown = [...wanted, ...without].find((name) => !cases.some((one) => one.name === name));
if (unknown !== undefined) {
  process.stderr.write(`no case ${unknown}; --list shows them\n`);
  process.exit(2);
}

const report = new Report();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void end(signal));
}
let scene: Scene | undefined;
try {
  scene = await setScene(report);
  for (const one of cases) {
    if (wanted.length > 0 && !wanted.includes(one.name)) continue;
    if (without.includes(one.name)) continue;
    if (dataPath === 'nftables' && one.needsIpvs !== undefined) {
      report.note(`${one.name} needs IPVS: ${one.needsIpvs}`);
    } else {
      await play(one, scene);
    }
  }
} catch (error) {
  report.claim(false, `the hosts could be set up: ${textOf(error)}`);
}
await end();

async function play(one: Case, on: Scene): Promise<void> {
  report.note(`${one.name}: ${one.about}`);
  const started = performance.now();
  const failedBefore = report.failed;
  let late: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      one.run(on),
      new Promise((_, reject) => {
        late = setTimeout(() => reject(new Error('took too long')), caseDeadlineMs);
      }),
    ]);
  } catch (error) {
    report.claim(false, `${one.name} ran to its end: ${textOf(error)}`);
  }
  clearTimeout(late);
  if (report.failed > failedBefore) {
    for (const { pid, lines } of launched)
      report.note(`meshd ${pid}: ${lines.slice(-15).join('\n  ')}`);
  }
  launched.length = 0;
  await on.clear();
  report.note(`${one.name} took ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}

async function end(signal?: string): Promise<void> {
  await endAll();
  await scene?.topology.remove();
  if (signal !== undefined) report.claim(false, `ran to the end, without ${signal}`);
  print(report.summary());
  process.exit(report.failed === 0 ? 0 : 1);
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.replaceAll('\n', '\n#   ');
}
