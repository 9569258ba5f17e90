/**
 * Domain names: text without the final dot, in lower case, against the labels of a message (RFC
 * 1035, section 3.1). Bytes beyond ASCII are kept as Latin-1; whoever has such names has no case.
 * A dot inside of a label is written `\046` (section 5.1): else one label would pass for two, which
 * are another name.
 */

const labelBytesMax = 63;
/** With all length bytes. */
const nameBytesMax = 255;

export interface FoundName {
  readonly name: string;
  /** Behind the name. */
  readonly end: number;
}

/** A name that is written out, as in a question; undefined when it is not a whole one. */
export function readName(message: Buffer, offset: number): FoundName | undefined {
  const labels: string[] = [];
  for (let at = offset; at - offset < nameBytesMax;) {
    const size = message[at];
    if (size === undefined || size > labelBytesMax) return undefined;
    at++;
    if (size === 0) return { name: labels.join('.'), end: at };
    if (at + size > message.length) return undefined;
    labels.push(written(lowerCase(message.toString('latin1', at, at + size))));
    at += size;
  }
  return undefined;
}

function written(label: string): string {
  return /[.\\]/.test(label) ? label.replaceAll('\\', '\\092').replaceAll('.', '\\046') : label;
}

/** The end of a name that may point to another one; undefined when the message ends before. */
export function skipName(message: Buffer, offset: number): number | undefined {
  for (let at = offset; at - offset < nameBytesMax;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2 <= message.length ? at + 2 : undefined;
    if (size > labelBytesMax) return undefined;
    at += 1 + size;
  }
  return undefined;
}

/** The labels of `name`, none with a dot; undefined for what is none, or is too long. */
export function encodeName(name: string): Buffer | undefined {
  if (name === '') return Buffer.of(0);
  const parts: Buffer[] = [];
  for (const label of name.split('.')) {
    const bytes = Buffer.from(label, 'latin1');
    if (bytes.length === 0 || bytes.length > labelBytesMax) return undefined;
    parts.push(Buffer.of(bytes.length), bytes);
  }
  const encoded = Buffer.concat([...parts, Buffer.of(0)]);
  return encoded.length <= nameBytesMax ? encoded : undefined;
}

/** A to Z alone: what lies beyond ASCII has no case in DNS (RFC 4343). */
export function lowerCase(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()) : text;
}

/** The labels of a name that may point to an earlier one; undefined when it is not a whole one. */
export function expandLabels(
  message: Buffer,
  offset: number,
): { readonly labels: readonly string[]; readonly end: number } | undefined {
  const labels: string[] = [];
  let end: number | undefined;
  let bytes = 0;
  // Only what lies before may be pointed to: there is an end.
  let start = offset;
  for (let at = offset; bytes < nameBytesMax;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) return { labels, end: end ?? at + 1 };
    if (size >= 0xc0) {
      if (at + 2 > message.length) return undefined;
      const to = message.readUInt16BE(at) & 0x3fff;
      if (to >= start) return undefined;
      end ??= at + 2;
      at = start = to;
      continue;
    }
    if (size > labelBytesMax || at + 1 + size > message.length) return undefined;
    labels.push(message.toString('latin1', at + 1, at + 1 + size));
    at += 1 + size;
    bytes += 1 + size;
  }
  return undefined;
}
