import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { methods, type KeyChange, type NodeKeys } from '../../api/index.js';
import { MeshError, messageOf } from '../../base/index.js';
import type { Cli } from '../cli.js';
import { Exit, exitCodes } from '../errors.js';
import type { Column } from '../table.js';

/** meshctl key generate: for AES-256, as memberlist takes it. Needs no daemon. */
export function generateKey(cli: Cli): Promise<void> {
  cli.print(`${randomBytes(32).toString('base64')}\n`);
  return Promise.resolve();
}

/** meshctl key ls. */
export function listKeys(cli: Cli): Promise<void> {
  return change(cli, { action: 'list' });
}

/** meshctl key install: from a file or stdin, for arguments are seen by everybody. */
export async function installKey(cli: Cli, file: string | undefined): Promise<void> {
  const text =
    file === undefined || file === '-' ? await cli.terminal.readStdin() : await read(file);
  const lines = text.split('\n').map((line) => line.trim());
  const [key, ...others] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (key === undefined || others.length > 0) {
    throw new MeshError(
      'invalid_argument',
      'key: expected one key in base64, as key generate prints',
    );
  }
  await change(cli, { action: 'install', key });
}

/** meshctl key use, remove. */
export function changeKey(cli: Cli, action: 'use' | 'remove', fingerprint: string): Promise<void> {
  return change(cli, { action, fingerprint });
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new MeshError('not_found', `read ${file}: ${messageOf(error)}`);
  }
}

/** Exit code 1 when a node did not do as asked. */
async function change(cli: Cli, request: KeyChange): Promise<void> {
  const { nodes } = await cli.call(methods.changeKeys, request);
  const columns: Column<NodeKeys>[] = [
    { title: 'NODE', cell: ({ node }) => node, shrinks: true },
    { title: 'PRIMARY', cell: ({ fingerprints }) => fingerprints[0] ?? '' },
    { title: 'ACCEPTED', cell: ({ fingerprints }) => fingerprints.slice(1).join(',') },
    { title: 'PROBLEM', cell: ({ problem }) => problem ?? '', paint: cli.paint.red, shrinks: true },
  ];
  const hasProblem = nodes.some(({ problem }) => problem !== undefined);
  const shown = hasProblem ? columns : columns.slice(0, 3);
  cli.answer(nodes, () => cli.table(shown, nodes));
  if (hasProblem) throw new Exit(exitCodes.failed);
}
