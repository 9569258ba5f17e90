/**
 * Tables as kubectl and docker print them: aligned columns, a header, no boxes.
 * An empty cell prints as `-`, so that columns can be cut by awk.
 */
export interface Column<Row> {
  /** Upper case, one word. */
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** Colors the padded cell. */
  readonly paint?: (text: string, row: Row) => string;
  /** Gives up width first when the table is wider than the terminal. */
  readonly shrinks?: boolean;
}

export interface TableOptions {
  /** Of the terminal; absent = as wide as need be, as for a pipe. Unit: terminal columns. */
  readonly width?: number;
}

const gap = '  ';

/** What a shrinking column keeps at least. Unit: terminal columns. */
const shrunkMin = 8;

/** The table, each line ended by a newline. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width }: TableOptions = {},
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row)) || '-'));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...cells.map((line) => textWidth(line[i]!))),
  );
  if (width !== undefined) shrink(columns, widths, width);
  const lines = cells.map((line, r) =>
    line.map((cell, i) => {
      const { align, paint } = columns[i]!;
      const text = pad(truncate(cell, widths[i]!), widths[i]!, align);
      return paint === undefined ? text : paint(text, rows[r]!);
    }),
  );
  const header = columns.map(({ title, align }, i) => pad(title, widths[i]!, align));
  return [header, ...lines].map((line) => `${line.join(gap).trimEnd()}\n`).join('');
}

function shrink<Row>(columns: readonly Column<Row>[], widths: number[], width: number): void {
  const total = widths.reduce((sum, each) => sum + each, gap.length * (columns.length - 1));
  let excess = total - width;
  // The widest gives first: what is short says most per column.
  const shrinking = columns.flatMap(({ shrinks }, i) => (shrinks === true ? [i] : []));
  while (excess > 0 && shrinking.length > 0) {
    const widest = shrinking.reduce((a, b) => (widths[b]! > widths[a]! ? b : a));
    if (widths[widest]! <= Math.max(shrunkMin, columns[widest]!.title.length)) return;
    widths[widest]!--;
    excess--;
  }
}

function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'left' ? text + fill : fill + text;
}

/** The text in at most `width` terminal columns, with an ellipsis when it had to be cut. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of graphemesOf(text)) {
    used += graphemeWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

let segmenter: Intl.Segmenter | undefined;

/** What is seen as one character. Made at need: ICU takes 5 ms to load. */
function graphemesOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter.segment(text);
}

const plainAscii = /^[\x20-\x7e]*$/;
/** East Asian Wide and Fullwidth (Unicode annex 11), in blocks, and emoji. */
const wide =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})/u;
const invisible = /^[\p{Mark}\p{Format}]+$/u;

/** Unit: terminal columns. */
export function textWidth(text: string): number {
  if (plainAscii.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemesOf(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (wide.test(grapheme)) return 2;
  return invisible.test(grapheme) ? 0 : 1;
}

/** Names and causes come from elsewhere: none may move the cursor or color the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Control}/gu, '?');
}
