import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError, errnoOf } from './disk.js';

/**
 * The resolver files of named network namespaces: what `ip netns exec NAME` shows to a program as
 * /etc/resolv.conf. Those that do not begin with `mark` are somebody else's, and never touched.
 */
export class ResolverFiles {
  constructor(
    private readonly folder: string,
    private readonly mark: string,
  ) {}

  /** Namespaces with a file of ours. Errors: those of the disk. */
  async own(): Promise<string[]> {
    const own: string[] = [];
    try {
      for (const entry of await readdir(this.folder, { withFileTypes: true })) {
        if (entry.isDirectory() && (await this.isOurs(entry.name))) own.push(entry.name);
      }
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw diskError('read', this.folder, error);
    }
    return own;
  }

  /**
   * All of the text or nothing of it; `false` when there is somebody else's. Errors: those of the
   * disk.
   */
  async write(name: string, text: string): Promise<boolean> {
    const path = this.pathOf(name);
    try {
      const found = await readText(path);
      if (found?.startsWith(this.mark) === false) return false;
      if (found === text) return true;
      await mkdir(join(this.folder, name), { recursive: true, mode: 0o755 });
      // Not beside it: `ip netns exec` looks in /etc for a counterpart of all that is there.
      const fresh = join(this.folder, `.${name}.resolv.conf.new`);
      const file = await open(fresh, 'w');
      try {
        await file.writeFile(text);
        // Programs that are not root read it too, whatever the umask.
        await file.chmod(0o644);
      } finally {
        await file.close();
      }
      await rename(fresh, path);
      return true;
    } catch (error) {
      throw diskError('write', path, error);
    }
  }

  /** With its directory, when nothing else is there. Errors: those of the disk. */
  async remove(name: string): Promise<void> {
    const path = this.pathOf(name);
    try {
      if (!(await this.isOurs(name))) return;
      await rm(path, { force: true });
      await rmdir(join(this.folder, name)).catch((error: unknown) => {
        if (!notEmpty.has(errnoOf(error))) throw error;
      });
    } catch (error) {
      throw diskError('remove', path, error);
    }
  }

  private async isOurs(name: string): Promise<boolean> {
    return (await readText(this.pathOf(name)))?.startsWith(this.mark) === true;
  }

  private pathOf(name: string): string {
    return join(this.folder, name, 'resolv.conf');
  }
}

const notEmpty: ReadonlySet<string | undefined> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

/** Undefined when there is nothing, empty when it is no file: then it is somebody else's. */
async function readText(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return (await file.stat()).isFile() ? await file.readFile('utf8') : '';
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'ELOOP') return ''; // A link.
    throw error;
  }
}
