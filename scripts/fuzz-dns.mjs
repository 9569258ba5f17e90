// Feeds names changed messages, as test/fuzz/dns invents them: `npm run fuzz:dns -- --packets N --seed S`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = `${root}.lab/fuzz-dns/main.mjs`;
/** Without a word for so long it hangs. Unit: milliseconds. */
const silenceMs = 120_000;

await build({
  absWorkingDir: root,
  entryPoints: ['test/fuzz/dns/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // Packages that are no modules ask for some of Node by require.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  sourcemap: true,
  logLevel: 'warning',
});

const args = ['--enable-source-maps', '--expose-gc', outfile, ...process.argv.slice(2)];
const fuzz = spawn(process.execPath, args, {
  cwd: root,
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: { MESHD_ADDON: `${root}native/build/Release/netlink.node`, ...process.env },
});
let last = 'nothing done';
const hung = () => {
  console.error(`hangs after: ${last}`);
  fuzz.kill('SIGKILL');
};
let timer = setTimeout(hung, silenceMs);
fuzz.on('message', (text) => {
  last = text;
  clearTimeout(timer);
  timer = setTimeout(hung, silenceMs);
});
fuzz.on('close', (code, signal) => {
  clearTimeout(timer);
  if (signal !== null) console.error(`ended by ${signal} after: ${last}`);
  process.exitCode = code ?? 1;
});
