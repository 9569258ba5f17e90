// Runs the benches of test/bench: `npm run bench -- --list`, `npm run bench -- NAME [CASE...]`.
// Figures go to standard output, one JSON line each; progress goes to standard error.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outdir = `${root}.lab/bench`;

await build({
  absWorkingDir: root,
  // Some measure what a fresh process does, in a network namespace of its own.
  entryPoints: ['main', 'program-child', 'state-child'].map((name) => `test/bench/${name}.ts`),
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
  banner: {
    // CommonJS dependencies call require(); an ES module has none of its own.
    js: [
      "import { createRequire as benchCreateRequire } from 'node:module';",
      'const require = benchCreateRequire(import.meta.url);',
      "process.env.MESHD_ADDON ??= require.resolve('../../native/build/Release/netlink.node');",
    ].join('\n'),
  },
});

const bench = spawn(process.execPath, [`${outdir}/main.mjs`, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
bench.on('close', (code) => {
  process.exitCode = code ?? 1;
});
