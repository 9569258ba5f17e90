import { limits } from './format.js';
import type { MsgpackReader } from './msgpack.js';

const uint16 = 0xffff;
const uint32 = 0xffff_ffff;
const noBytes = Buffer.alloc(0);

/**
 * The fields of all messages. A name means the same in each of them, so that one reader serves
 * all, without a map between; what a message does not have stays as it is here.
 */
export class Fields {
  address: Buffer = noBytes;
  algorithm = 0;
  buffer: Buffer = noBytes;
  errorText = '';
  from = '';
  incarnation = 0;
  isJoin = false;
  memberCount = 0;
  meta: Buffer = noBytes;
  node = '';
  payload: Buffer = noBytes;
  port = 0;
  sequence = 0;
  sourceAddress: Buffer = noBytes;
  sourceNode = '';
  sourcePort = 0;
  state = 0;
  target: Buffer = noBytes;
  userSize = 0;
  versions: Uint8Array = noBytes;
  wantsNack = false;
}

type ReadField = (fields: Fields, reader: MsgpackReader) => void;

const readers: Readonly<Record<string, ReadField>> = {
  Addr: (fields, reader) => (fields.address = reader.raw(16)),
  Algo: (fields, reader) => (fields.algorithm = reader.uint(0xff)),
  Buf: (fields, reader) => (fields.buffer = reader.raw(limits.frame)),
  Error: (fields, reader) => (fields.errorText = reader.text(limits.errorText)),
  From: (fields, reader) => (fields.from = reader.text(limits.name)),
  Incarnation: (fields, reader) => (fields.incarnation = reader.uint(uint32)),
  Join: (fields, reader) => (fields.isJoin = reader.bool()),
  Meta: (fields, reader) => (fields.meta = reader.raw(limits.meta)),
  Nack: (fields, reader) => (fields.wantsNack = reader.bool()),
  Name: (fields, reader) => (fields.node = reader.text(limits.name)),
  Node: (fields, reader) => (fields.node = reader.text(limits.name)),
  Nodes: (fields, reader) => (fields.memberCount = reader.uint(uint32)),
  Payload: (fields, reader) => (fields.payload = reader.raw(limits.packet)),
  Port: (fields, reader) => (fields.port = reader.uint(uint16)),
  SeqNo: (fields, reader) => (fields.sequence = reader.uint(uint32)),
  SourceAddr: (fields, reader) => (fields.sourceAddress = reader.raw(16)),
  SourceNode: (fields, reader) => (fields.sourceNode = reader.text(limits.name)),
  SourcePort: (fields, reader) => (fields.sourcePort = reader.uint(uint16)),
  State: (fields, reader) => (fields.state = reader.uint(0xff)),
  Target: (fields, reader) => (fields.target = reader.raw(16)),
  UserMsgLen: (fields, reader) => (fields.userSize = reader.uint(uint32)),
  UserStateLen: (fields, reader) => (fields.userSize = reader.uint(uint32)),
  Vsn: (fields, reader) => (fields.versions = reader.bytesOrList(limits.versions)),
};

interface Field {
  readonly name: Buffer;
  readonly read: ReadField;
}

/** By length of the name. */
const fieldsByLength: readonly (readonly Field[])[] = Array.from({ length: 16 }, (_, length) =>
  Object.entries(readers)
    .filter(([name]) => name.length === length)
    .map(([name, read]) => ({ name: Buffer.from(name), read })),
);

/** The longest key that is looked at; peers' have 12 bytes. */
const keyMax = 255;

/** Reads one map. What we do not know is passed; of a field that comes twice, the last counts. */
export function readFields(bytes: Buffer, reader: MsgpackReader): Fields {
  const fields = new Fields();
  const count = reader.map();
  for (let i = 0; i < count && reader.problem === undefined; i++) {
    const start = reader.rawStart(keyMax);
    const field = findField(bytes, start, reader.offset);
    if (field === undefined) reader.skip();
    else field.read(fields, reader);
  }
  return fields;
}

function findField(bytes: Buffer, start: number, end: number): Field | undefined {
  const candidates = fieldsByLength[end - start];
  if (candidates === undefined) return undefined;
  for (const candidate of candidates) {
    const { name } = candidate;
    let i = 0;
    while (i < name.length && name[i] === bytes[start + i]) i++;
    if (i === name.length) return candidate;
  }
  return undefined;
}
