/** `main [--packets N] [--seed S]`: all attacks on names, 1,000,000 messages unless told. See scripts/fuzz-dns.mjs. */
import { parseArgs } from 'node:util';
import { loadNative } from '../../../src/kernel/linux/native.js';
import type { Attack, Figures } from './attack.js';
import { attackServer } from './server.js';
import { attackSockets, rssMiB } from './sockets.js';
import { attackForwarder } from './upstream.js';

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
  },
});
const [packets, seed] = [Number(values.packets), Number(values.seed)];
/** By the end, beside what a warm-up took. Unit: MiB. */
const growthMax = 20;

const attacks: Readonly<Record<string, (options: Attack) => Promise<Figures>>> = {
  'the server, and what is kept of its answers': (options) =>
    attackServer(options, new (loadNative().Responder)(() => undefined)),
  'an upstream that lies': attackForwarder,
  // Slower, as each message goes through the kernel: one for five of the others.
  sockets: (options) => attackSockets({ ...options, packets: Math.ceil(packets / 5) }),
};

process.exitCode = 0;
for (const [what, run] of Object.entries(attacks)) {
  const startedAt = performance.now();
  let warmMiB: number | undefined;
  const progress = (done: number): void => {
    // Whoever started us ends us when this stops.
    process.send?.(`${what}: ${done} messages of seed ${seed}`);
    if (done >= packets * 0.3) warmMiB ??= rssMiB();
  };
  try {
    const figures = await run({ packets, seed, progress });
    const grown = figures['rssGrowthMiB'] ?? rssMiB() - (warmMiB ?? rssMiB());
    const told = Object.entries({ ...figures, rssGrowthMiB: grown });
    const tookS = ((performance.now() - startedAt) / 1_000).toFixed(1);
    say(`${what}: ${told.map(([name, n]) => `${name} ${n}`).join(', ')}; ${tookS} s`);
    if (grown > growthMax) throw new Error(`memory grew by ${grown} MiB`);
  } catch (error) {
    say(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    say(`  again: npm run fuzz:dns -- --packets ${packets} --seed ${seed}`);
    process.exitCode = 1;
  }
}
process.exit();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
