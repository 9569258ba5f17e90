import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('the generated code is that of proto/', () => {
  const script = fileURLToPath(new URL('../../../scripts/proto', import.meta.url));
  const { status, stderr } = spawnSync(script, ['--check']);
  expect({ status, stderr: stderr.toString() }).toMatchObject({ status: 0 });
}, 60_000);
