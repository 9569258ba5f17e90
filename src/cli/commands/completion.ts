import type { Argument, Command, Option } from 'commander';
import { methods } from '../../api/index.js';
import type { Cli } from '../cli.js';

/*
 * The shells ask meshctl itself what may come next (`meshctl __complete -- WORD...`, the last word
 * being the one under the cursor), so that the scripts never grow old. What the daemon knows is
 * found by the names of arguments: `<service>`, `<destination>`, `<node>`, `<network>`, `<fingerprint>`.
 */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# meshctl completion for bash: source <(meshctl completion bash)
_meshctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  local IFS=$'\\n'
  local candidates
  candidates=$(meshctl __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}
complete -o bashdefault -o default -F _meshctl meshctl
`,
  zsh: `#compdef meshctl
# meshctl completion for zsh: source <(meshctl completion zsh)
_meshctl() {
  local -a candidates
  candidates=("\${(@f)$(meshctl __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${#candidates} )) && [[ -n "\${candidates[1]}" ]]; then
    compadd -a candidates
  else
    _files
  fi
}
compdef _meshctl meshctl
`,
  fish: `# meshctl completion for fish: meshctl completion fish | source
function __meshctl_complete
  set -l words (commandline -opc)
  set -e words[1]
  meshctl __complete -- $words (commandline -ct) 2>/dev/null
end
complete -c meshctl -f -a '(__meshctl_complete)'
complete -c meshctl -n '__fish_contains_opt -s f file' -F
`,
};

export function completionScript(shell: Shell): string {
  return scripts[shell];
}

/** What may stand in place of the last of `words`, a line each; nothing = a file name. */
export async function complete(
  cli: Cli,
  program: Command,
  words: readonly string[],
): Promise<void> {
  const place = findPlace(program, words.slice(0, -1));
  const current = words.at(-1) ?? '';
  const candidates = await candidatesAt(cli, place, current);
  const fitting = candidates.filter((candidate) => candidate.startsWith(current));
  cli.print(fitting.map((candidate) => `${candidate}\n`).join(''));
}

interface Place {
  readonly command: Command;
  /** Arguments of the command that are there already. */
  readonly given: readonly string[];
  /** An option that waits for its value. */
  readonly option?: Option;
}

function findPlace(program: Command, words: readonly string[]): Place {
  let command = program;
  let given: string[] = [];
  let option: Option | undefined;
  for (const word of words) {
    if (option !== undefined) {
      option = undefined;
    } else if (word.startsWith('-')) {
      const known = optionsOf(command).find(({ short, long }) => word === short || word === long);
      option = known !== undefined && (known.required || known.optional) ? known : undefined;
    } else {
      const next = command.commands.find((each) => each.name() === word);
      if (next !== undefined) {
        command = next;
        given = [];
      } else {
        given.push(word);
      }
    }
  }
  return { command, given, ...(option === undefined ? {} : { option }) };
}

function optionsOf(command: Command): Option[] {
  return [...command.options, ...(command.parent?.options ?? [])].concat(
    command.parent?.parent?.options ?? [],
  );
}

async function candidatesAt(
  cli: Cli,
  { command, given, option }: Place,
  current: string,
): Promise<readonly string[]> {
  if (option !== undefined) {
    return option.argChoices ?? known(cli, /<(\w+)>/.exec(option.flags)?.[1], given);
  }
  if (current.startsWith('-')) {
    return [
      '--help',
      ...optionsOf(command).flatMap(({ long }) => (long === undefined ? [] : [long])),
    ];
  }
  const argument = argumentAt(command, given.length);
  const names = command.commands.map((each) => each.name()).filter((name) => !name.startsWith('_'));
  return [...names, ...(argument?.argChoices ?? (await known(cli, argument?.name(), given)))];
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const own = command.registeredArguments;
  const last = own.at(-1);
  return own[index] ?? (last?.variadic === true ? last : undefined);
}

/** The names that the daemon has for an argument. */
async function known(
  cli: Cli,
  argument: string | undefined,
  given: readonly string[],
): Promise<readonly string[]> {
  if (argument === 'service') {
    const { services } = await cli.call(methods.listServices, {});
    return services.map(({ spec }) => spec.name).filter((name) => !given.includes(name));
  }
  if (argument === 'destination' && given[0] !== undefined) {
    const { destinations } = await cli.call(methods.getService, { name: given[0] });
    return destinations.map(({ name }) => name);
  }
  if (argument === 'network') {
    const { networks } = await cli.call(methods.listNetworks, {});
    return networks.map(({ name }) => name);
  }
  if (argument === 'node') {
    const { nodes } = await cli.call(methods.listNodes, {});
    return nodes.filter(({ isSelf }) => !isSelf).map(({ name }) => name);
  }
  if (argument === 'fingerprint') {
    const { nodes } = await cli.call(methods.changeKeys, { action: 'list' });
    return [...new Set(nodes.flatMap(({ fingerprints }) => fingerprints))];
  }
  return [];
}
