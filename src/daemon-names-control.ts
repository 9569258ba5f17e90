import type { NameAnswer, NameQuestion, NameRecord, NamesControl, NameStats } from './api/index.js';
import { FieldError, MeshError } from './base/index.js';
import type { NameServer } from './daemon-name-server.js';
import { formatCode, listZone, readInquiry, type Asker, type NameOwners } from './dns/index.js';

/** What this needs to know of who asks for names here. */
export interface NamesOfDaemonOptions {
  readonly server: NameServer;
  /** Of tasks, as far as they are known here. */
  readonly networks: () => readonly string[];
  /** Who is on these networks. */
  readonly taskOn: (networks: readonly string[]) => Asker;
  /** A process of the host. */
  readonly host: () => Asker;
  /** Paths of namespaces where names are answered. */
  readonly sandboxes: () => readonly string[];
  /** Who asks there. */
  readonly inSandbox: (path: string) => Asker;
  /** Whoever has names on these networks; undefined among them: on none. */
  readonly owners: (networks: readonly (string | undefined)[]) => NameOwners[];
  /** Where the host's processes ask. */
  readonly listen: () => readonly string[];
}

/** What callers of the API see of names. */
export class NamesOfDaemon implements NamesControl {
  constructor(private readonly options: NamesOfDaemonOptions) {}

  async query(question: NameQuestion): Promise<NameAnswer> {
    const query = readInquiry(question.name, question.type);
    return this.options.server.inquirer.ask(query, this.askerOf(question));
  }

  list(networks: readonly string[]): Iterator<NameRecord, unknown> {
    this.checkNetworks(networks);
    const { server, owners } = this.options;
    const all = networks.length > 0 ? networks : [undefined, ...this.options.networks()];
    return listZone(server.inquirer, owners([...new Set(all)]));
  }

  stats(): NameStats {
    const { server, sandboxes, listen } = this.options;
    const counts = server.queries().map((one) => ({ ...one, code: formatCode(one.code) }));
    const upstreams = server.upstreams().map(({ name, silentMs }) => ({ address: name, silentMs }));
    return {
      counts: counts.sort((a, b) => b.queries - a.queries),
      drops: server.drops(),
      kept: server.kept(),
      listen: listen(),
      sandboxes: sandboxes().length,
      upstreams,
      isLogging: server.isLogging,
    };
  }

  get isLogging(): boolean {
    return this.options.server.isLogging;
  }

  set isLogging(on: boolean) {
    this.options.server.isLogging = on;
  }

  private askerOf({ networks, sandbox }: NameQuestion): Asker {
    const { taskOn, host, inSandbox } = this.options;
    if (sandbox === undefined) {
      this.checkNetworks(networks);
      return networks.length === 0 ? host() : taskOn([...new Set(networks)]);
    }
    if (networks.length > 0) {
      throw new FieldError('sandbox', 'expected none beside networks: it has networks of its own');
    }
    return inSandbox(this.sandboxAt(sandbox));
  }

  private checkNetworks(networks: readonly string[]): void {
    const known = this.options.networks();
    for (const name of networks) {
      if (known.includes(name)) continue;
      throw new MeshError('not_found', `network ${name}: not found; ${listed(known)}`);
    }
  }

  /** As `ip netns` names them, or by path. */
  private sandboxAt(text: string): string {
    const known = this.options.sandboxes();
    const found = [text, `/run/netns/${text}`, `/var/run/netns/${text}`].find((path) =>
      known.includes(path),
    );
    if (found !== undefined) return found;
    throw new MeshError(
      'not_found',
      `sandbox ${text}: no names are answered there; ${listed(known)}`,
    );
  }
}

const listedMax = 8;

function listed(known: readonly string[]): string {
  if (known.length === 0) return 'there is none';
  const names = [...known].sort();
  const more = names.length > listedMax ? ` and ${names.length - listedMax} more` : '';
  return `there are ${names.slice(0, listedMax).join(', ')}${more}`;
}
