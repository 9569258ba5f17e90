import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const addon =
  process.env['MESHD_ADDON'] ??
  fileURLToPath(new URL('../../../native/build/Release/netlink.node', import.meta.url));

function runReplacing(path: string, argv: readonly string[]): ReturnType<typeof spawnSync> {
  const words = JSON.stringify([path, argv]);
  const script = `
    const [path, argv] = ${words};
    require('node:fs').writeSync(1, 'before ' + process.pid + '\\n');
    require(${JSON.stringify(addon)}).replaceProcess(path, argv);`;
  return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
}

test('replaceProcess goes on under the same pid with the given arguments', () => {
  const sh = execFileSync('sh', ['-c', 'command -v sh'], { encoding: 'utf8' }).trim();
  const { stdout, status } = runReplacing(sh, ['sh', '-c', 'echo after $$ "$1"', 'x', 'a b']);
  const [before, after] = String(stdout).trim().split('\n');
  expect(after).toBe(`${before!.replace('before', 'after')} a b`);
  expect(status).toBe(0);
});

test('replaceProcess of what cannot be executed throws the errno', () => {
  const { stderr, status } = runReplacing('/nonexistent', ['x']);
  expect(String(stderr)).toContain("code: 'ENOENT'");
  expect(status).not.toBe(0);
});
