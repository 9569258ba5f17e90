import { ByteReader, ByteWriter, Malformed } from './bytes.js';
import type { HeadFields, Message, NetworkVersion, RowFields, Section } from './messages.js';
import { textLimits } from './tunables.js';

/** First byte of every payload. */
const formatVersion = 1;

const types = ['news', 'hello', 'digest', 'pull', 'rows', 'applied', 'confirmed'] as const;

const keyBytes = 32;
const signatureBytes = 64;
const hashBytes = 16;

const hasHead = 1;
const isLast = 2;

/** Bytes that a section takes besides its rows, at most. */
export function sectionBytes({ owner, network }: { owner: string; network: string }): number {
  return 3 * (owner.length + network.length) + keyBytes + signatureBytes + hashBytes + 64;
}

/** Bytes that a row takes, at most; also what it is counted as where memory is limited. */
export function rowSize({ key, value }: RowFields): number {
  return 3 * key.length + (value?.length ?? 0) + signatureBytes + 16;
}

export function encodeMessage(message: Message): Uint8Array {
  const out = new ByteWriter().u8(formatVersion).u8(types.indexOf(message.type) + 1);
  if (message.type !== 'news') out.text(message.from);
  switch (message.type) {
    case 'news':
      writeList(out, message.sections, (section) => writeSection(out, section));
      break;
    case 'hello':
      writeList(out, message.networks, ({ id, hash }) => out.u32(id).u64(hash));
      break;
    case 'digest':
      out.u8(message.asks ? 1 : 0);
      writeList(out, message.networks, ({ network, owners }) => {
        out.text(network);
        writeList(out, owners, (w) => out.text(w.owner).varint(w.epoch).varint(w.version));
      });
      break;
    case 'pull':
      out.u32(message.id);
      writeList(out, message.streams, (s) =>
        out.text(s.owner).text(s.network).varint(s.epoch).varint(s.above).varint(s.after),
      );
      break;
    case 'rows':
      out.u32(message.id);
      writeList(out, message.sections, (section) => writeSection(out, section));
      break;
    case 'applied':
      out.raw(message.publicKey);
      out.varint(message.epoch).varint(message.life).varint(message.serial);
      writeList(out, message.interest, (network) => out.text(network));
      writeVersions(out, message.networks);
      out.raw(message.signature);
      break;
    case 'confirmed':
      out.varint(message.epoch).varint(message.life);
      writeVersions(out, message.networks);
      break;
  }
  return out.finish();
}

/** The message, or why it is none. Its bytes are views of `payload`. */
export function decodeMessage(payload: Uint8Array): Message | 'malformed' | 'format' {
  if (payload[0] !== formatVersion) return payload.length === 0 ? 'malformed' : 'format';
  const input = new ByteReader(payload.subarray(1));
  try {
    const message = readMessage(input);
    return input.rest === 0 ? message : 'malformed';
  } catch (error) {
    if (error instanceof Malformed) return 'malformed';
    throw error;
  }
}

/** Who answers which question, if that is what it is. */
export function answerHead(payload: Uint8Array): { from: string; id: number } | undefined {
  if (payload[0] !== formatVersion || types[payload[1]! - 1] !== 'rows') return undefined;
  const input = new ByteReader(payload.subarray(2));
  try {
    return { from: name(input), id: input.u32() };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function readMessage(input: ByteReader): Message {
  const type = types[input.u8() - 1];
  if (type === undefined) throw new Malformed('type');
  if (type === 'news') return { type, sections: input.list(() => readSection(input)) };
  const from = name(input);
  switch (type) {
    case 'hello':
      return { type, from, networks: input.list(() => ({ id: input.u32(), hash: input.u64() })) };
    case 'digest':
      return {
        type,
        from,
        asks: input.u8() === 1,
        networks: input.list(() => ({ network: network(input), owners: readOwners(input) })),
      };
    case 'pull':
      return {
        type,
        from,
        id: input.u32(),
        streams: input.list(() => ({
          owner: name(input),
          network: network(input),
          epoch: input.varint(),
          above: input.varint(),
          after: input.varint(),
        })),
      };
    case 'rows':
      return { type, from, id: input.u32(), sections: input.list(() => readSection(input)) };
    case 'applied':
      return {
        type,
        from,
        publicKey: input.raw(keyBytes),
        epoch: input.varint(),
        life: input.varint(),
        serial: input.varint(),
        interest: input.list(() => network(input)),
        networks: readVersions(input),
        signature: input.raw(signatureBytes),
      };
    case 'confirmed':
      return {
        type,
        from,
        epoch: input.varint(),
        life: input.varint(),
        networks: readVersions(input),
      };
  }
}

function readOwners(input: ByteReader): { owner: string; epoch: number; version: number }[] {
  return input.list(() => ({ owner: name(input), epoch: input.varint(), version: input.varint() }));
}

/** owner, key, network, epoch, base, flags, head if any, rows. */
function writeSection(out: ByteWriter, section: Section): void {
  const { owner, publicKey, head } = section;
  out.text(owner).raw(publicKey).text(section.network).varint(section.epoch).varint(section.base);
  out.u8((head === undefined ? 0 : hasHead) | (section.last ? isLast : 0));
  if (head !== undefined) {
    out.varint(head.version).varint(head.floor).varint(head.count);
    out.raw(head.versions).raw(head.signature);
  }
  writeList(out, section.rows, ({ version, key, value, signature }) => {
    out
      .varint(version)
      .text(key)
      .varint(value === undefined ? 0 : value.length + 1);
    if (value !== undefined) out.raw(value);
    out.raw(signature);
  });
}

function readSection(input: ByteReader): Section {
  const owner = name(input);
  const publicKey = input.raw(keyBytes);
  const section = {
    owner,
    publicKey,
    network: network(input),
    epoch: input.varint(),
    base: input.varint(),
  };
  const flags = input.u8();
  if (section.epoch === 0 || flags > (hasHead | isLast)) throw new Malformed('section');
  const head = (flags & hasHead) === 0 ? {} : { head: readHead(input) };
  const rows = input.list(() => readRow(input));
  return { ...section, last: (flags & isLast) !== 0, ...head, rows };
}

function readHead(input: ByteReader): HeadFields {
  const head = {
    version: input.varint(),
    floor: input.varint(),
    count: input.varint(),
    versions: input.raw(hashBytes),
    signature: input.raw(signatureBytes),
  };
  if (head.version === 0 || head.floor > head.version) throw new Malformed('head');
  return head;
}

function readRow(input: ByteReader): RowFields {
  const version = input.varint();
  if (version === 0) throw new Malformed('row');
  const key = input.text(textLimits.key);
  const size = input.varint();
  const value = size === 0 ? {} : { value: input.raw(size - 1) };
  return { version, key, ...value, signature: input.raw(signatureBytes) };
}

function writeVersions(out: ByteWriter, versions: readonly NetworkVersion[]): void {
  writeList(out, versions, (item) => out.text(item.network).varint(item.version));
}

function readVersions(input: ByteReader): NetworkVersion[] {
  return input.list(() => ({ network: network(input), version: input.varint() }));
}

function writeList<T>(out: ByteWriter, items: readonly T[], write: (item: T) => unknown): void {
  out.varint(items.length);
  for (const item of items) write(item);
}

function name(input: ByteReader): string {
  const text = input.text(textLimits.name);
  if (text === '') throw new Malformed('name');
  return text;
}

function network(input: ByteReader): string {
  return input.text(textLimits.network);
}
