/** Messages changed at random, as a seed repeats it. */
import { oneOf, wholeBetween } from '../../sim/random.js';
import { option } from './messages.js';

type Random = () => number;
type Change = (random: Random, bytes: Buffer, others: readonly Buffer[]) => Buffer;

const messageBytesMax = 0xffff;

/** Most of them a little, so that they are still read; the others as it comes. */
export function mutated(random: Random, seeds: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(oneOf(random, seeds));
  const times = random() < 0.7 ? wholeBetween(random, 0, 1) : wholeBetween(random, 2, 6);
  for (let n = 0; n < times; n++) bytes = oneOf(random, changes)(random, bytes, seeds);
  // Long ones are few: they take their time.
  if (random() < 0.002) bytes = lengthened(random, bytes);
  return bytes.subarray(0, messageBytesMax);
}

const flipped: Change = (random, bytes) => {
  for (let n = wholeBetween(random, 1, 4); n > 0 && bytes.length > 0; n--) {
    bytes[at(random, bytes)]! ^= 1 << wholeBetween(random, 0, 7);
  }
  return bytes;
};

const overwritten: Change = (random, bytes) => {
  for (let n = wholeBetween(random, 1, 4); n > 0 && bytes.length > 0; n--) {
    bytes[at(random, bytes)] = wholeBetween(random, 0, 255);
  }
  return bytes;
};

const cutShort: Change = (random, bytes) => bytes.subarray(0, at(random, bytes));

/** The beginning of one and the end of another. */
const spliced: Change = (random, bytes, others) => {
  const other = oneOf(random, others);
  return Buffer.concat([bytes.subarray(0, at(random, bytes)), other.subarray(at(random, other))]);
};

/** A part of another in the middle. */
const inserted: Change = (random, bytes, others) => {
  const other = oneOf(random, others);
  const start = at(random, other);
  const part = other.subarray(start, start + wholeBetween(random, 1, 40));
  const place = at(random, bytes);
  return Buffer.concat([bytes.subarray(0, place), part, bytes.subarray(place)]);
};

/** How many records there are said to be. */
const counted: Change = (random, bytes) => {
  if (bytes.length < 12) return bytes;
  const count = oneOf(random, [0, 1, 2, 3, 255, 65_535, wholeBetween(random, 0, 65_535)]);
  bytes.writeUInt16BE(count, oneOf(random, [4, 6, 8, 10]));
  return bytes;
};

const flagged: Change = (random, bytes) => {
  if (bytes.length < 4) return bytes;
  bytes.writeUInt16BE(wholeBetween(random, 0, 65_535), 2);
  return bytes;
};

/** To what is before it, to itself, or behind the end. */
const pointed: Change = (random, bytes) => {
  if (bytes.length < 14) return bytes;
  const place = wholeBetween(random, 12, bytes.length - 2);
  const target = oneOf(random, [12, place, place + 2, wholeBetween(random, 0, 0x3fff)]);
  const pointer = Buffer.of(0xc0 | (target >> 8), target & 0xff);
  const rest = bytes.subarray(random() < 0.5 ? place : place + 2);
  return Buffer.concat([bytes.subarray(0, place), pointer, rest]);
};

/** A length, or another number, of 16 bits. */
const extreme: Change = (random, bytes) => {
  if (bytes.length < 14) return bytes;
  const place = wholeBetween(random, 12, bytes.length - 2);
  bytes.writeUInt16BE(oneOf(random, [0, 1, 63, 64, 0x7fff, 0x8000, 0xffff]), place);
  return bytes;
};

/** An OPT more, with options. */
const extended: Change = (random, bytes) => {
  if (bytes.length < 12) return bytes;
  const options = Array.from({ length: wholeBetween(random, 0, 4) }, () => {
    const code = oneOf(random, [3, 8, 10, 10, 12, 15, wholeBetween(random, 0, 65_535)]);
    const data = Buffer.alloc(oneOf(random, [0, 7, 8, 16, 24, 41]), code);
    const whole = option(code, data);
    // One in ten says that it is longer or shorter than it is.
    if (random() < 0.1) whole.writeUInt16BE(wholeBetween(random, 0, 300), 2);
    return whole;
  });
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(oneOf(random, [0, 511, 512, 513, 1_231, 1_232, 4_096, 65_535]), 3);
  opt[6] = random() < 0.9 ? 0 : wholeBetween(random, 0, 255);
  const data = Buffer.concat(options);
  opt.writeUInt16BE(data.length, 9);
  bytes.writeUInt16BE((bytes.readUInt16BE(10) + 1) & 0xffff, 10);
  return Buffer.concat([bytes, opt, data]);
};

const changes: readonly Change[] = [
  flipped,
  overwritten,
  cutShort,
  spliced,
  inserted,
  counted,
  flagged,
  pointed,
  extreme,
  extended,
];

function lengthened(random: Random, bytes: Buffer): Buffer {
  const lengths = [4_095, 4_096, 4_097, 65_507, 65_534, messageBytesMax];
  const length = random() < 0.5 ? oneOf(random, lengths) : wholeBetween(random, 513, 65_535);
  const fill = oneOf(random, [0, 63, 0xc0, 0xff, wholeBetween(random, 0, 255)]);
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length), fill)]);
}

function at(random: Random, bytes: Buffer): number {
  return Math.floor(random() * bytes.length);
}
