import type { z } from 'zod';
import { MeshError } from '../base/index.js';

/** Where a value is: `['services', 1, 'ports', 0]` is `services[1].ports[0]`. */
export type Path = readonly (string | number)[];

/** A mistake at a place; `related` is a second place that the mistake involves. */
export interface Problem {
  readonly path: Path;
  readonly text: string;
  readonly related?: Path;
}

/** A problem as it is shown to the user. */
export interface ConfigProblem {
  /** As the user would write it: `services[1].ports[0].port`; empty = the file as a whole. */
  readonly field: string;
  /** 1 is the first; absent when the field cannot be found in the text. */
  readonly line?: number;
  /** What is accepted and what was found. */
  readonly text: string;
}

/** A configuration file that cannot be used: all that is wrong with it. */
export class ConfigError extends MeshError {
  readonly fileName: string;
  /** At most `limits.problems` of them, in the order of the file. */
  readonly problems: readonly ConfigProblem[];

  constructor(fileName: string, problems: readonly ConfigProblem[], more = false) {
    const lines = problems.map((problem) => {
      const place = problem.line === undefined ? fileName : `${fileName}:${problem.line}`;
      return [place, problem.field, problem.text].filter((part) => part !== '').join(': ');
    });
    if (more) lines.push(`${fileName}: there are more problems; these are the first`);
    super('invalid_argument', lines.join('\n'));
    this.name = 'ConfigError';
    this.fileName = fileName;
    this.problems = problems;
  }
}

export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z0-9_-]+$/.test(step)) text += `[${describe(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/**
 * zod's issues as problems. By the convention of fields.ts the message of an issue is what the
 * field accepts (of an unknown field: the known ones); what was found is looked up in `root`.
 */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
  prefix: Path,
): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') {
      const known = issue.message.split(' ');
      return issue.keys.slice(0, keysShownMax).map((key) => ({
        path: [...prefix, ...path, key],
        text: unknownField(key, known),
      }));
    }
    const value = valueAt(root, path);
    const found = value === undefined ? 'but it is missing' : `got ${describe(value)}`;
    return [{ path: [...prefix, ...path], text: `expected ${issue.message}, ${found}` }];
  });
}

/** `0`, `"abc"`, `a list of 3`: short however large the value is. */
function describe(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  }
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
}

const keysShownMax = 20;

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function unknownField(key: string, known: readonly string[]): string {
  const nearest = closest(key, known);
  const hint =
    nearest === undefined ? `known are ${known.join(', ')}` : `did you mean "${nearest}"?`;
  return `unknown field; ${hint}`;
}

/** The candidate with the fewest edits, if that is few enough to be what was meant. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  if (text.length > 40) return undefined;
  let best: string | undefined;
  let bestEdits = Math.max(2, Math.floor(text.length / 2)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (edits < bestEdits && edits < Math.min(text.length, candidate.length)) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
