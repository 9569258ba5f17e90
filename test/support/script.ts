import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';

/**
 * Golden scripts: cases of one sentence why, input, `----`, output, and a blank line:
 *
 *     # A drained destination is asked for no more.
 *     service web vip=10.96.0.1 port=80/tcp
 *       10.0.0.11 draining
 *     ----
 *     ipvs 10.96.0.1:80/tcp rr
 *
 * UPDATE_GOLDEN=1 rewrites the outputs; commit that only if you can explain each line.
 */
export function runScript(name: string, run: (input: readonly string[]) => string): void {
  const url = new URL(`../golden/${name}`, import.meta.url);
  const cases = parseScript(readFileSync(url, 'utf8'));
  const update = process.env['UPDATE_GOLDEN'] === '1';
  describe(name, () => {
    for (const one of cases) {
      it(one.title, () => {
        const output = outputOf(run, one.input);
        if (update) one.output = output;
        else expect(output).toBe(one.output);
      });
    }
    afterAll(() => {
      if (update) writeFileSync(url, formatScript(cases));
    });
  });
}

interface Case {
  /** Lines that start with #. */
  readonly comment: readonly string[];
  readonly title: string;
  readonly input: readonly string[];
  output: string;
}

/** What fails is part of what is specified. */
function outputOf(run: (input: readonly string[]) => string, input: readonly string[]): string {
  try {
    const output = run(input);
    return output === '' ? '(nothing)' : output;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `error: ${error.message}`;
  }
}

function parseScript(text: string): Case[] {
  const blocks = text.trim().split(/\n\n+/);
  return blocks.map((block) => {
    const lines = block.split('\n');
    const comment = lines.filter((line) => line.startsWith('#'));
    const rest = lines.slice(comment.length);
    const bar = rest.indexOf('----');
    if (comment.length === 0 || bar === -1) throw new Error(`case without # or ----:\n${block}`);
    const title = comment.map((line) => line.slice(1).trim()).join(' ');
    const output = rest.slice(bar + 1).join('\n');
    return { comment, title, input: rest.slice(0, bar), output };
  });
}

function formatScript(cases: readonly Case[]): string {
  const blocks = cases.map(({ comment, input, output }) =>
    [...comment, ...input, '----', output].join('\n'),
  );
  return `${blocks.join('\n\n')}\n`;
}
