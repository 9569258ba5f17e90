/*
 * The resolver file of a sandbox (resolv.conf(5)): where its programs ask for names.
 */

/** What programs in sandboxes have from the host's own file. */
export interface ResolverSettings {
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export interface ResolverFile {
  /** Of the daemon that writes it. */
  readonly stateDir: string;
  /** Where names are asked for. */
  readonly address: string;
  /** Whose names are answered there. */
  readonly networks: readonly string[];
  readonly host: ResolverSettings;
}

/**
 * How the files of a daemon begin. No two daemons of a host share a state directory, while node
 * names may be the same and /etc/netns may be seen by all.
 */
export function resolverMark(stateDir: string): string {
  return `# Written by meshd, state in ${stateDir}: `;
}

export function formatResolverFile({ stateDir, address, networks, host }: ResolverFile): string {
  const { search, options } = host;
  const hasDots = options.some((option) => option.startsWith('ndots:'));
  const names = `names of network${networks.length === 1 ? '' : 's'} ${networks.join(', ')}`;
  const lines = [
    `${resolverMark(stateDir)}${names} at ${address}, where others are forwarded.`,
    `nameserver ${address}`,
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    // A service is one word: it is not to be looked for below the search domains first.
    `options ${[...options, ...(hasDots ? [] : ['ndots:0'])].join(' ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** `text`: the host's file. */
export function parseResolverSettings(text: string): ResolverSettings {
  let search: string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [word, ...values] = line.trim().split(/\s+/);
    // Of these two the last one counts; options add up.
    if (word === 'search') search = values;
    else if (word === 'domain') search = values.slice(0, 1);
    else if (word === 'options') options.push(...values);
  }
  return { search, options };
}
