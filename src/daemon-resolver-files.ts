import { messageOf, type Log } from './base/index.js';
import { formatResolverFile, resolverMark } from './dns/index.js';
import { hostResolverSettings, ResolverFiles } from './io/index.js';

export interface DaemonResolverFilesOptions {
  /** Absent = where `ip netns exec` looks. */
  readonly folder?: string | undefined;
  readonly stateDir: string;
  /** Where names are asked for. */
  readonly address: string;
  readonly log: Log;
  /** Default hostResolverSettings. */
  readonly hostSettings?: typeof hostResolverSettings;
}

/** Shows the programs of named namespaces, when they start by `ip netns exec`, where to ask for names. */
export class DaemonResolverFiles {
  private readonly files: ResolverFiles;
  /** By namespace, what we left in its file; undefined before we looked what an earlier run left. */
  private written: Map<string, string> | undefined;
  /** By namespace, what was said of its file, once. */
  private readonly said = new Map<string, string>();

  constructor(private readonly options: DaemonResolverFilesOptions) {
    const { folder = '/etc/netns', stateDir } = options;
    this.files = new ResolverFiles(folder, resolverMark(stateDir));
  }

  /** Writes what is missing, and removes what is left of others. `served`: sandboxes by path. */
  async sync(served: ReadonlyMap<string, { readonly networks: readonly string[] }>): Promise<void> {
    const wanted = this.wanted(served);
    const written = (this.written ??= await this.earlier());
    for (const name of written.keys()) {
      if (!wanted.has(name) && (await this.remove(name))) written.delete(name);
    }
    for (const name of this.said.keys()) {
      if (!wanted.has(name) && !written.has(name)) this.said.delete(name);
    }
    for (const [name, text] of wanted) {
      if (written.get(name) !== text && (await this.write(name, text))) written.set(name, text);
    }
  }

  /** By namespace: more than one path may lead to it. */
  private wanted(
    served: ReadonlyMap<string, { readonly networks: readonly string[] }>,
  ): Map<string, string> {
    const networks = new Map<string, Set<string>>();
    for (const [path, { networks: some }] of served) {
      const name = namespaceName(path);
      if (name !== undefined) networks.set(name, new Set([...(networks.get(name) ?? []), ...some]));
    }
    if (networks.size === 0) return new Map();
    const { stateDir, address, hostSettings = hostResolverSettings } = this.options;
    const host = hostSettings();
    return new Map(
      [...networks].map(([name, all]) => [
        name,
        formatResolverFile({ stateDir, address, networks: [...all], host }),
      ]),
    );
  }

  private async earlier(): Promise<Map<string, string>> {
    try {
      return new Map((await this.files.own()).map((name) => [name, '']));
    } catch (error) {
      this.options.log.warn({ err: error }, `resolver files: ${messageOf(error)}`);
      return new Map();
    }
  }

  private async write(name: string, text: string): Promise<boolean> {
    try {
      const isDone = await this.files.write(name, text);
      if (isDone) this.said.delete(name);
      else this.say('info', name, 'there is one that is not of this meshd: it stays as it is');
      return isDone;
    } catch (error) {
      this.say('warn', name, messageOf(error));
      return false;
    }
  }

  private async remove(name: string): Promise<boolean> {
    try {
      await this.files.remove(name);
      return true;
    } catch (error) {
      this.say('warn', name, messageOf(error));
      return false;
    }
  }

  private say(level: 'info' | 'warn', name: string, text: string): void {
    // Each change of a network tries again.
    if (this.said.get(name) === text) return;
    this.said.set(name, text);
    this.options.log[level]({ namespace: name }, `resolver file of namespace ${name}: ${text}`);
  }
}

/** Of the path of a named namespace (ip-netns(8)). */
function namespaceName(path: string): string | undefined {
  const name = /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(path)?.[1];
  return name === '.' || name === '..' ? undefined : name;
}
