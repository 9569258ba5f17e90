import { MeshError } from '../base/index.js';

/*
 * The state file: lines of JSON in UTF-8. The first is the header; every other is a record (an
 * object), or a list of records that are in force together or not at all.
 */

const format = 'meshd-state';
const version = 1;

/** What a state file can hold. */
export type JournalRecord = object;

export const headerLine = `${JSON.stringify({ format, version })}\n`;

/** One line for what must last together. */
export function formatLine(records: readonly JournalRecord[]): string {
  return `${JSON.stringify(records.length === 1 ? records[0] : records)}\n`;
}

export interface JournalContents {
  readonly records: readonly JournalRecord[];
  /** Bytes of the file that hold them; what lies behind is a torn write. */
  readonly validBytes: number;
  /** The last line is whole but for its line end. */
  readonly lacksLineEnd: boolean;
}

/**
 * Reads a state file. A last line that was not written to its end was never acknowledged and is
 * left out. Errors: data_loss naming the line; failed_precondition for another version.
 */
export function parseJournal(bytes: Buffer, path: string): JournalContents {
  const records: JournalRecord[] = [];
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const lineEnd = bytes.indexOf(0x0a, start);
    const end = lineEnd === -1 ? bytes.length : lineEnd;
    const isLast = end + 1 >= bytes.length;
    const value = parseLine(bytes.subarray(start, end));
    if (line === 1) checkHeader(value, path);
    else if (value !== undefined) records.push(...value);
    else if (isLast && isTorn(bytes, start, lineEnd)) break;
    else throw damaged(path, line, 'not a record');
    if (lineEnd === -1) return { records, validBytes: bytes.length, lacksLineEnd: true };
    start = end + 1;
  }
  return { records, validBytes: start, lacksLineEnd: false };
}

/** A crash leaves a line without its end, or one whose blocks never came and read as zeros. */
function isTorn(bytes: Buffer, start: number, lineEnd: number): boolean {
  return lineEnd === -1 || bytes.subarray(start, lineEnd).includes(0);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseLine(bytes: Buffer): JournalRecord[] | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.every(isRecord) ? values : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is JournalRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkHeader(values: JournalRecord[] | undefined, path: string): void {
  const header = values?.[0] as { format?: unknown; version?: unknown } | undefined;
  if (header?.format !== format) throw damaged(path, 1, 'not the header of a meshd state file');
  if (header.version !== version) {
    const found = JSON.stringify(header.version);
    throw new MeshError(
      'failed_precondition',
      `read ${path}: format version ${found}, this meshd reads ${version}`,
    );
  }
}

function damaged(path: string, line: number, problem: string): MeshError {
  return new MeshError('data_loss', `read ${path}: line ${line}: ${problem}`);
}
