import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';

/** One command line of a golden script. */
export interface CliCase {
  /** What the daemon is made to hold first: `given NAME`. */
  readonly given: readonly string[];
  /** Without `meshctl`. */
  readonly words: readonly string[];
  /** Lines that start with `<`. */
  readonly stdin: string;
}

interface Block {
  /** Everything up to the output, as it stands. */
  readonly head: readonly string[];
  output: string;
}

/**
 * Golden scripts of command lines. A case begins with a line `# why`, then `given NAME` and
 * `< stdin` as needed, then the command line; what follows is stdout, then stderr with `! ` before
 * each line, then `[exit N]` unless N is 0. UPDATE_GOLDEN=1 rewrites the outputs.
 *
 *     # A service that is not there.
 *     $ meshctl service inspect nobody
 *     ! meshctl: not_found: service nobody: not found
 *     [exit 4]
 */
export function runCliScript(name: string, run: (one: CliCase) => Promise<string>): void {
  const url = new URL(`../golden/cli/${name}`, import.meta.url);
  const blocks = parseBlocks(readFileSync(url, 'utf8'));
  const update = process.env['UPDATE_GOLDEN'] === '1';
  describe(name, () => {
    for (const block of blocks) {
      test(block.head[0]!.slice(2), async () => {
        const output = (await run(caseOf(block.head))).trimEnd();
        if (update) block.output = output;
        else expect(output).toBe(block.output);
      });
    }
    afterAll(() => {
      if (!update) return;
      const text = blocks.map(({ head, output }) => `${[...head, output].join('\n').trimEnd()}\n`);
      writeFileSync(url, text.join('\n'));
    });
  });
}

function parseBlocks(text: string): Block[] {
  return text
    .split(/^(?=# )/m)
    .filter((part) => part !== '')
    .map((part) => {
      const lines = part.trimEnd().split('\n');
      const command = lines.findIndex((line) => line.startsWith('$ '));
      if (command === -1) throw new Error(`case without a command line:\n${part}`);
      return { head: lines.slice(0, command + 1), output: lines.slice(command + 1).join('\n') };
    });
}

function caseOf(head: readonly string[]): CliCase {
  const after = (start: string): string[] =>
    head.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
  const words = after('$ meshctl')[0]!.trim().split(/\s+/);
  return {
    given: after('given '),
    words: words.filter((word) => word !== '').map((word) => (word === "''" ? '' : word)),
    stdin: after('< ').join('\n'),
  };
}
