import { watch, type FSWatcher } from 'node:fs';
import { readlink, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../base/index.js';

export interface FileWatchOptions {
  readonly clock: Clock;
  /** A change is told when the file was quiet for so long; editors write in several steps. */
  readonly quietMs: number;
  /** A change is told after this long at the latest. Invariant: >= quietMs. */
  readonly quietMaxMs: number;
  /** For what inotify cannot see (network file systems) or has no descriptors left for. */
  readonly pollMs: number;
}

/**
 * Calls `changed` after the file at `path` became another one or got other contents: written in
 * place, renamed over, deleted and made again, or reached by a symbolic link that was swapped, at
 * any step of the way (Kubernetes swaps `..data`). A file that is missing is waited for.
 * Changes after the returned promise resolved are told, so read the file then. The function it
 * gives stops the watch. Errors: none; without inotify it polls.
 */
export async function watchFile(
  path: string,
  changed: () => void,
  options: FileWatchOptions,
): Promise<() => void> {
  const watcher = new FileWatcher(resolve(path), changed, options);
  await watcher.start();
  return () => watcher.stop();
}

class FileWatcher {
  /** By directory. Directories, because a file that is renamed over keeps no watch. */
  private readonly watchers = new Map<string, { watcher: FSWatcher; identity: string }>();
  private lastSeen: string | undefined;
  private firstEventMs: number | undefined;
  private cancelQuiet: () => void = () => undefined;
  private cancelPoll: () => void = () => undefined;
  private checking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly path: string,
    private readonly changed: () => void,
    private readonly options: FileWatchOptions,
  ) {}

  async start(): Promise<void> {
    await this.follow();
    this.lastSeen = await versionOf(this.path);
    this.poll();
  }

  stop(): void {
    this.stopped = true;
    this.cancelQuiet();
    this.cancelPoll();
    for (const { watcher } of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private poll(): void {
    this.cancelPoll = this.options.clock.after(this.options.pollMs, () => {
      this.enqueue(() => this.check());
      this.poll();
    });
  }

  private touched(): void {
    if (this.stopped) return;
    const { clock, quietMs, quietMaxMs } = this.options;
    const now = clock.now();
    this.firstEventMs ??= now;
    this.cancelQuiet();
    const wait = Math.min(quietMs, Math.max(0, this.firstEventMs + quietMaxMs - now));
    this.cancelQuiet = clock.after(wait, () => {
      this.firstEventMs = undefined;
      this.enqueue(() => this.check());
    });
  }

  private enqueue(action: () => Promise<void>): void {
    this.checking = this.checking.then(() => (this.stopped ? undefined : action()));
  }

  private async check(): Promise<void> {
    await this.follow();
    const seen = await versionOf(this.path);
    // stop() may have come while the file was looked at.
    if (this.stopped || seen === undefined || seen === this.lastSeen) return;
    this.lastSeen = seen;
    this.changed();
  }

  /** Watches the directories on the way to the file, and those only. */
  private async follow(): Promise<void> {
    const wanted = new Map<string, string>();
    for (const directory of await directoriesTo(this.path)) {
      const identity = await identityOf(directory);
      if (identity !== undefined) wanted.set(directory, identity);
    }
    if (this.stopped) return;
    for (const [directory, { watcher, identity }] of this.watchers) {
      if (wanted.get(directory) === identity) continue;
      watcher.close();
      this.watchers.delete(directory);
    }
    for (const [directory, identity] of wanted) {
      if (!this.watchers.has(directory)) this.watch(directory, identity);
    }
  }

  private watch(directory: string, identity: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.touched());
      watcher.on('error', () => {
        watcher.close();
        if (this.watchers.get(directory)?.watcher === watcher) this.watchers.delete(directory);
      });
      this.watchers.set(directory, { watcher, identity });
    } catch {
      // It has just gone, or no inotify descriptors are left: the poll tries again.
    }
  }
}

/** Longest chain of symbolic links, as the kernel has it (MAXSYMLINKS). */
const linksMax = 40;

/** The directory of the path and of each path its symbolic links lead to. */
async function directoriesTo(path: string): Promise<Set<string>> {
  const directories = new Set<string>();
  let rest = path;
  for (let links = 0; links < linksMax; links++) {
    const linked = await firstLink(rest, directories);
    if (linked === undefined) break;
    rest = linked;
  }
  return directories;
}

/**
 * The path with its first symbolic link replaced by what it says; undefined when there is none.
 * Adds the directory of the link, or of the file itself.
 */
async function firstLink(path: string, directories: Set<string>): Promise<string | undefined> {
  const names = path.split('/').slice(1);
  let at = '';
  for (const [i, name] of names.entries()) {
    const parent = at === '' ? '/' : at;
    at = `${at}/${name}`;
    const target = await readlink(at).catch(() => undefined);
    if (target === undefined) continue;
    directories.add(parent);
    return resolve(parent, target, ...names.slice(i + 1));
  }
  directories.add(dirname(path));
  return undefined;
}

/** Another text whenever the file is another one or was written; undefined when it is not there. */
async function versionOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return undefined;
  return [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}

/** Another text whenever the directory is another one; undefined when it is not there. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${String(found.dev)} ${String(found.ino)}`;
}
