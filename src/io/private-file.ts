import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MeshError } from '../base/index.js';
import { diskError, realDisk } from './disk.js';

/** A file that only its owner may read: keys, and what they protect. Undefined when there is none. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  let mode: number;
  let bytes: Buffer | undefined;
  try {
    bytes = await realDisk.read(path);
    if (bytes === undefined) return undefined;
    ({ mode } = await stat(path));
  } catch (error) {
    throw diskError('read', path, error);
  }
  if ((mode & 0o077) !== 0) {
    const found = (mode & 0o777).toString(8).padStart(4, '0');
    const text = `read ${path}: others may read it (mode ${found}); run: chmod 600 ${path}`;
    throw new MeshError('permission_denied', text);
  }
  return bytes.toString();
}

/** All of the text or nothing of it, also when power fails. Mode 0600. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  try {
    await realDisk.makeDirectory(dirname(path));
    const file = await realDisk.open(fresh, true);
    try {
      await file.write(Buffer.from(text), 0);
      await file.datasync();
    } finally {
      await file.close();
    }
    await realDisk.rename(fresh, path);
    await realDisk.syncDirectory(dirname(path));
  } catch (error) {
    throw diskError('write', path, error);
  }
}
