import { YAMLException, loadAll } from 'js-yaml';
import { messageOf } from '../base/index.js';
import { ConfigError } from './problem.js';
import { limits } from './tunables.js';

/**
 * The value of a configuration text: JSON when it is JSON, else one YAML 1.2 document (core
 * schema: no merge keys, no tags that run code). An empty text is an empty mapping.
 * Errors: ConfigError with the line of the mistake.
 */
export function parseText(text: string, fileName: string): unknown {
  checkSize(text, fileName);
  if (/^\s*\{/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // It may be a YAML flow mapping; if it is neither, YAML's message has the line.
    }
  }
  try {
    const documents = loadAll(text, { maxDepth: limits.depth, maxAliases: limits.aliases });
    if (documents.length > 1) {
      const problem = { field: '', text: `expected one YAML document, got ${documents.length}` };
      throw new ConfigError(fileName, [problem]);
    }
    return documents[0] ?? {};
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(fileName, [syntaxProblem(error)]);
  }
}

function syntaxProblem(error: unknown) {
  if (!(error instanceof YAMLException)) return { field: '', text: `YAML: ${messageOf(error)}` };
  const mark = error.mark === undefined ? {} : { line: error.mark.line + 1 };
  return { ...mark, field: '', text: `YAML: ${error.reason}` };
}

function checkSize(text: string, fileName: string): void {
  if (text.length > limits.textLength) {
    const found = `${Math.ceil(text.length / 1_048_576)} MiB`;
    const accepted = `${limits.textLength / 1_048_576} MiB`;
    throw new ConfigError(fileName, [
      { field: '', text: `the file is too large: at most ${accepted}, got ${found}` },
    ]);
  }
  // Fewer characters than marks are allowed cannot hold too many of them.
  if (text.length > limits.marks && countMarks(text) > limits.marks) {
    throw new ConfigError(fileName, [
      { field: '', text: `the file holds too many values: more than ${limits.marks}` },
    ]);
  }
}

const marks = new Set(Buffer.from('\n,:[{'));

function countMarks(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (marks.has(text.charCodeAt(i))) count++;
  return count;
}
