import type { SysctlRule } from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import { isNativeError } from './native.js';
import type { Sandbox } from './sandbox.js';

/**
 * The value of each of `names` in the sandbox. A file that is not there is absent: a module may
 * not be loaded, or the kernel be older. One that may not be read (write-only) is absent too. Those in `held` have their value without a file.
 */
export async function readSysctls(
  sandbox: Sandbox,
  names: readonly string[],
  held: ReadonlyMap<string, string>,
): Promise<SysctlRule[]> {
  const rules: SysctlRule[] = [];
  for (const name of names) {
    const fixed = held.get(name);
    if (fixed !== undefined) {
      rules.push({ kind: 'sysctl', name, value: fixed });
      continue;
    }
    try {
      const value = (await sandbox.readFile(pathOf(name))).toString('latin1').trim();
      rules.push({ kind: 'sysctl', name, value: value.replaceAll('\t', ' ') });
    } catch (error) {
      if (!isNativeError(error)) throw error;
    }
  }
  return rules;
}

/** Returns the refusal, if any: ENOENT names the file that this kernel does not have. */
export async function writeSysctl(
  sandbox: Sandbox,
  action: string,
  rule: SysctlRule,
  held: ReadonlyMap<string, string>,
): Promise<KernelError | undefined> {
  const fixed = held.get(rule.name);
  if (fixed === rule.value) return undefined;
  if (fixed !== undefined) return new KernelError(action, errno.EOPNOTSUPP, `always ${fixed}`);
  try {
    await sandbox.writeFile(pathOf(rule.name), Buffer.from(`${rule.value}\n`, 'latin1'));
    return undefined;
  } catch (error) {
    if (!isNativeError(error)) throw error;
    const value = Math.abs(error.errno);
    const isMissing = error.code === 'ENOENT';
    return new KernelError(action, value, isMissing ? `no file ${pathOf(rule.name)}` : undefined);
  }
}

function pathOf(name: string): string {
  return `/proc/sys/${name}`;
}
