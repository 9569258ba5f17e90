import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { getSystemErrorMap } from 'node:util';
import { MeshError, messageOf, type ErrorCode } from '../base/index.js';

/** The few things the journal does with files; tests put failures in its place. */
export interface Disk {
  /** Undefined when there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** With all directories above it; none of them is an error. */
  makeDirectory(path: string): Promise<void>;
  /** For writing; `create` makes or empties the file (mode 0600), else it must exist. */
  open(path: string, create: boolean): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes renames in a directory last. */
  syncDirectory(path: string): Promise<void>;
}

export interface DiskFile {
  /** Writes all bytes at `position` or fails, after which some may be written. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** fdatasync(2): the contents and the length last. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export const realDisk: Disk = {
  async read(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  async open(path, create) {
    return fileOf(await open(path, create ? 'w' : 'r+', 0o600));
  },
  rename,
  async remove(path) {
    await rm(path, { force: true });
  },
  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

function fileOf(handle: FileHandle): DiskFile {
  return {
    async write(bytes, position) {
      for (let done = 0; done < bytes.length;) {
        const rest = bytes.length - done;
        done += (await handle.write(bytes, done, rest, position + done)).bytesWritten;
      }
    },
    truncate: (length) => handle.truncate(length),
    datasync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

/** `write /var/lib/meshd/state: no space left on device (ENOSPC)`. */
export function diskError(action: string, path: string, cause: unknown): MeshError {
  const name = errnoOf(cause);
  const code = (name === undefined ? undefined : codes.get(name)) ?? 'internal';
  return new MeshError(code, `${action} ${path}: ${explain(cause)}`, { cause });
}

const codes = new Map<string, ErrorCode>([
  ['ENOSPC', 'resource_exhausted'],
  ['EDQUOT', 'resource_exhausted'],
  ['EFBIG', 'resource_exhausted'],
  ['EMFILE', 'resource_exhausted'],
  ['ENFILE', 'resource_exhausted'],
  ['EROFS', 'permission_denied'],
  ['EACCES', 'permission_denied'],
  ['EPERM', 'permission_denied'],
  ['ENOENT', 'failed_precondition'],
  ['ENOTDIR', 'failed_precondition'],
  ['EISDIR', 'failed_precondition'],
  ['EIO', 'data_loss'],
]);

function explain(cause: unknown): string {
  const name = errnoOf(cause);
  const { errno } = cause as { errno?: number };
  const entry = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  if (name === undefined || entry === undefined) return messageOf(cause);
  return `${entry[1]} (${name})`;
}

export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
