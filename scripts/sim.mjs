// Runs clusters of test/sim in virtual time: `npm run sim -- --seed S`, `npm run sim -- --seeds N --from S`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = `${root}.lab/sim/main.mjs`;

await build({
  absWorkingDir: root,
  entryPoints: ['test/sim/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
});

const args = ['--enable-source-maps', outfile, ...process.argv.slice(2)];
const sim = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
sim.on('close', (code) => {
  process.exitCode = code ?? 1;
});
