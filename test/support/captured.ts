import { readFileSync } from 'node:fs';
import { expectGolden } from './netlink-text.js';

/** A message body as a kernel sent it, and why it is kept. */
export interface Captured {
  readonly name: string;
  readonly body: Buffer;
}

/**
 * Captured replies, as golden text: `# name`, the body in hex, what it decodes to. The hex is
 * what the file is for; UPDATE_GOLDEN=1 rewrites only the decoded part.
 */
export function readCaptured(file: URL): Captured[] {
  const blocks = readFileSync(file, 'utf8').split('\n\n').slice(1);
  return blocks.map((block) => {
    const [title, ...lines] = block.split('\n');
    const hex = lines.filter((line) => /^[0-9a-f ]+$/.test(line)).join('');
    return { name: title!.slice(2), body: Buffer.from(hex.replaceAll(' ', ''), 'hex') };
  });
}

export function expectDecoded(
  file: URL,
  captured: readonly Captured[],
  decode: (body: Buffer) => unknown,
): void {
  const about = readFileSync(file, 'utf8').split('\n\n')[0]!.replace(/^## /gm, '');
  const blocks = captured.map(({ name, body }): [string, string] => {
    const hex = body.toString('hex').replace(/(.{8})/g, '$1 ');
    const lines = hex.match(/.{1,108}/g)?.map((line) => line.trimEnd()) ?? [];
    return [name, [...lines, `=> ${JSON.stringify(decode(body))}`].join('\n')];
  });
  expectGolden(file, about, new Map(blocks));
}
