import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { formatAddress } from '../../src/model/index.js';
import { headerBytes, messagesOf, walkAttributes } from '../../src/kernel/linux/message.js';

/**
 * Netlink messages as text a reviewer can read: bytes at the left, what they mean at the right.
 * The meaning comes from tables of the test, not from the code under test.
 */
export interface MessageLayout {
  /** Names by message type. */
  readonly types: Readonly<Record<number, string>>;
  /** Names of NLM_F_* bits for requests of this kind. */
  readonly flags?: Readonly<Record<number, string>>;
  /** Bytes of the fixed header behind the netlink header, and its fields in order. */
  readonly header: (type: number) => readonly Field[];
  readonly attributes: (type: number) => AttributeLayout;
}

export type Field = readonly [name: string, form: 'u8' | 'u16' | 'u16be' | 'u32' | 's32'];
export type AttributeLayout = Readonly<Record<number, readonly [string, Form]>>;
export type ValueForm =
  'u8' | 'u16' | 'u32' | 'u16be' | 'u32be' | 'u64be' | 'text' | 'bytes' | 'address' | 'empty';
/** Attributes within an attribute, behind a fixed header where there is one. */
export interface NestedForm {
  readonly fields?: readonly Field[];
  readonly attributes: AttributeLayout;
}
export type Form =
  ValueForm | NestedForm | ((siblings: ReadonlyMap<number, Buffer>) => ValueForm | NestedForm);

const newFlags: Readonly<Record<number, string>> = {
  0x1: 'request',
  0x4: 'ack',
  0x100: 'replace',
  0x200: 'exclusive',
  0x400: 'create',
  0x800: 'append',
};
const getFlags: Readonly<Record<number, string>> = { 0x1: 'request', 0x4: 'ack', 0x300: 'dump' };

/** All messages of a buffer. */
export function describeMessages(bytes: Buffer, layout: MessageLayout): string {
  const lines: string[] = [];
  let at = 0;
  for (const message of messagesOf(bytes)) {
    const length = headerBytes + message.body.length;
    const name = layout.types[message.type] ?? `type ${message.type}`;
    const isGet = /GET/.test(name);
    const flags = flagNames(message.flags, layout.flags ?? (isGet ? getFlags : newFlags));
    const words = `${name} length ${length}, flags ${flags}, sequence ${message.sequence}`;
    lines.push(row(bytes.subarray(at, at + headerBytes), words));
    const fields = layout.header(message.type);
    const fixed = describeFields(message.body, fields, 1, lines);
    describeAttributes(message.body, fixed, layout.attributes(message.type), 1, lines);
    at += (length + 3) & ~3;
  }
  if (at !== bytes.length) lines.push(row(bytes.subarray(at), '??? not a message'));
  return lines.join('\n');
}

function flagNames(flags: number, names: Readonly<Record<number, string>>): string {
  const words: string[] = [];
  let rest = flags;
  for (const bits of Object.keys(names)
    .map(Number)
    .sort((a, b) => b - a)) {
    if ((rest & bits) !== bits) continue;
    words.unshift(names[bits]!);
    rest &= ~bits;
  }
  if (rest !== 0) words.push(`0x${rest.toString(16)}`);
  return words.join('|');
}

function describeFields(
  body: Buffer,
  fields: readonly Field[],
  depth: number,
  lines: string[],
): number {
  let at = 0;
  const words: string[] = [];
  for (const [name, form] of fields) {
    const [value, size] = readField(body, at, form);
    if (name !== '') words.push(`${name} ${value}`);
    at += size;
  }
  if (at > 0) lines.push(row(body.subarray(0, at), `${'  '.repeat(depth)}${words.join(', ')}`));
  return at;
}

function readField(body: Buffer, at: number, form: Field[1]): [number, number] {
  switch (form) {
    case 'u8':
      return [body.readUInt8(at), 1];
    case 'u16':
      return [body.readUInt16LE(at), 2];
    case 'u16be':
      return [body.readUInt16BE(at), 2];
    case 'u32':
      return [body.readUInt32LE(at), 4];
    case 's32':
      return [body.readInt32LE(at), 4];
  }
}

function describeAttributes(
  bytes: Buffer,
  start: number,
  layout: AttributeLayout,
  depth: number,
  lines: string[],
): void {
  const indent = '  '.repeat(depth);
  const end = bytes.length;
  const siblings = new Map<number, Buffer>();
  const whole = walkAttributes(bytes, start, end, (type, payload, length) => {
    siblings.set(type, bytes.subarray(payload, payload + length));
    const [name, given] = layout[type] ?? [`attribute ${type}`, 'bytes'];
    const form = typeof given === 'function' ? given(siblings) : given;
    if (typeof form === 'object') {
      lines.push(row(bytes.subarray(payload - 4, payload), `${indent}${name}`));
      const nested = bytes.subarray(payload, payload + length);
      const fixed = describeFields(nested, form.fields ?? [], depth + 1, lines);
      describeAttributes(nested, fixed, form.attributes, depth + 1, lines);
      return;
    }
    const value = describeValue(bytes.subarray(payload, payload + length), form);
    const padded = Math.min(end, payload + ((length + 3) & ~3));
    lines.push(row(bytes.subarray(payload - 4, padded), `${indent}${name}${value}`));
  });
  if (!whole) lines.push(`??? attributes end early`);
}

function describeValue(value: Buffer, form: ValueForm): string {
  switch (form) {
    case 'u8':
      return ` ${value.readUInt8()}`;
    case 'u16':
      return ` ${value.readUInt16LE()}`;
    case 'u32':
      return ` ${value.readUInt32LE()}`;
    case 'u16be':
      return ` ${value.readUInt16BE()}`;
    case 'u32be':
      return ` ${value.readUInt32BE()}`;
    case 'u64be':
      return ` ${value.readBigUInt64BE()}`;
    case 'text':
      return ` "${value.toString('utf8').replace(/\0$/, '')}"`;
    case 'address':
      return ` ${formatAddress(value)}`;
    case 'bytes':
    case 'empty':
      return '';
  }
}

/** Four bytes a group, sixteen a line, the words beside the first. */
function row(bytes: Buffer, words: string): string {
  const lines: string[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += 16) {
    const hex = bytes.subarray(at, at + 16).toString('hex');
    const groups = hex.replace(/(.{8})(?=.)/g, '$1 ');
    lines.push(at === 0 ? `${groups.padEnd(37)}${words}`.trimEnd() : groups);
  }
  return lines.join('\n');
}

/**
 * Compares named texts with a golden file of blocks `# name`, text, blank line.
 * UPDATE_GOLDEN=1 rewrites it; commit a rewrite only if you can explain each line.
 */
export function expectGolden(file: URL, about: string, blocks: ReadonlyMap<string, string>): void {
  const header = about.replace(/^/gm, '## ');
  const text = [header, ...[...blocks].map(([name, block]) => `# ${name}\n${block}`)].join('\n\n');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, `${text}\n`);
  expect(`${text}\n`).toBe(existsSync(file) ? readFileSync(file, 'utf8') : 'no golden file');
}
