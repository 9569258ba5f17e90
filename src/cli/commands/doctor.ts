import { methods, type DoctorCheck } from '../../api/index.js';
import type { Cli } from '../cli.js';
import { Exit, exitCodes } from '../errors.js';
import { printable } from '../table.js';
import { plural } from '../units.js';

/** meshctl doctor: exit code 1 when a check fails. */
export async function doctor(cli: Cli): Promise<void> {
  const { checks } = await cli.call(methods.doctor, {});
  cli.answer(checks, () => describe(checks, cli));
  if (checks.some(({ state }) => state === 'fail')) throw new Exit(exitCodes.failed);
}

function describe(checks: readonly DoctorCheck[], { paint }: Cli): string {
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const painted = { ok: paint.green, warn: paint.yellow, fail: paint.red };
  const lines = checks.map(({ name, state, cause, fix }) => {
    const line = `${painted[state](state.padEnd(4))}   ${printable(name).padEnd(width)}   ${printable(cause)}\n`;
    const indent = ' '.repeat(4 + 3 + width + 3);
    return fix === '' ? line : `${line}${indent}fix: ${printable(fix)}\n`;
  });
  const count = (wanted: DoctorCheck['state']): number =>
    checks.filter(({ state }) => state === wanted).length;
  const summary = `${plural(count('fail'), 'failure')}, ${plural(count('warn'), 'warning')}`;
  return `${lines.join('')}${summary}\n`;
}
