/** One question, and the response to it (RFC 1035, section 4; EDNS: RFC 6891). Pure. */
import { cookieOf, isCookie } from './cookie.js';
import { encodeName, readName, skipName } from './name.js';
import { classInternet, encodeRecord, recordType, responseCode, type DnsRecord } from './record.js';

const headerBytes = 12;
/** Without EDNS (RFC 1035, section 4.2.1). */
export const plainBytesMax = 512;
/** What does not get fragmented anywhere (DNS flag day 2020). */
export const ednsBytesMax = 1_232;

const flag = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
} as const;
const opcodeMask = 0x7800;

export interface Edns {
  /** What the asker takes by UDP. Unit: bytes, at least 512. */
  readonly bytesMax: number;
  readonly version: number;
  /** DNSSEC answer OK: changes what an upstream answers. */
  readonly wantsSignatures: boolean;
  readonly options: readonly { readonly code: number; readonly data: Buffer }[];
}

export interface Query {
  readonly id: number;
  readonly flags: number;
  /** In lower case, without the final dot; '' = the root. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** As it came, for the response to repeat. */
  readonly question: Buffer;
  readonly edns?: Edns;
  /** The whole message. */
  readonly bytes: Buffer;
  /** Why it gets no answer but this response code. */
  readonly problem?: number;
}

/** What is said to a query. */
export interface Answer {
  readonly code: number;
  /** From what we know ourselves. */
  readonly isAuthoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  /** A whole response of somebody else's, whose id is replaced; then nothing else counts. */
  readonly relayed?: Buffer;
  /** Whose name it is; for people. */
  readonly found?: FoundBy;
}

/** What a name was found by. */
export interface FoundBy {
  /** `tasks`, `port`: of a service. `address`: of a service or a task. */
  readonly kind: 'service' | 'alias' | 'tasks' | 'port' | 'task' | 'address';
  /** Of the service or the task. */
  readonly name: string;
  /** Absent = on none. */
  readonly network?: string;
}

export const emptyAnswer: Answer = {
  code: responseCode.ok,
  isAuthoritative: false,
  answers: [],
  authority: [],
};

/** Undefined for what must not be answered: a response, or less than a header. */
export function readQuery(bytes: Buffer): Query | undefined {
  if (bytes.length < headerBytes) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & flag.response) !== 0) return undefined;
  const id = bytes.readUInt16BE(0);
  const none = { id, flags, name: '', type: 0, class: 0, question: Buffer.alloc(0), bytes };
  if ((flags & opcodeMask) !== 0) return { ...none, problem: responseCode.notImplemented };
  const malformed = { ...none, problem: responseCode.formatError };
  const found = readQuestion(bytes);
  if (found === undefined) return malformed;
  const { end, ...asked } = found;
  const query = { id, flags, ...asked, question: bytes.subarray(headerBytes, end), bytes };
  const additional = bytes.readUInt16BE(10);
  if (bytes.readUInt32BE(6) === 0 && additional === 0) return query;
  return withEdns(query, end, additional) ?? malformed;
}

interface FoundQuestion extends Pick<Query, 'name' | 'type' | 'class'> {
  readonly end: number;
}

/** Undefined unless there is one, written out. */
function readQuestion(bytes: Buffer): FoundQuestion | undefined {
  if (bytes.readUInt16BE(4) !== 1) return undefined;
  const found = readName(bytes, headerBytes);
  if (found === undefined || found.end + 4 > bytes.length) return undefined;
  const { name, end } = found;
  const [type, klass] = [bytes.readUInt16BE(end), bytes.readUInt16BE(end + 2)];
  return { name, type, class: klass, end: end + 4 };
}

/** Undefined when what is behind the question cannot be read. */
function withEdns(query: Query, start: number, additional: number): Query | undefined {
  const { bytes } = query;
  const count = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + additional;
  let edns: Edns | undefined;
  let at = start;
  for (let i = 0; i < count; i++) {
    const record = readRecord(bytes, at);
    if (record === undefined) return undefined;
    at = record.end;
    if (record.type !== recordType.OPT) continue;
    if (edns !== undefined) return undefined; // RFC 6891, section 6.1.1
    edns = readEdns(bytes, record);
    if (edns === undefined) return undefined;
  }
  if (edns === undefined) return query;
  if (edns.version !== 0) return { ...query, edns, problem: responseCode.badVersion };
  const cookie = cookieOf(edns.options);
  if (cookie === undefined || isCookie(cookie)) return { ...query, edns };
  return { ...query, edns, problem: responseCode.formatError };
}

export interface FoundRecord {
  /** Where its name begins. */
  readonly start: number;
  readonly type: number;
  /** Where its fixed part begins: type, class, TTL, length. */
  readonly at: number;
  readonly data: Buffer;
  readonly end: number;
}

export function readRecord(bytes: Buffer, offset: number): FoundRecord | undefined {
  const at = skipName(bytes, offset);
  if (at === undefined || at + 10 > bytes.length) return undefined;
  const end = at + 10 + bytes.readUInt16BE(at + 8);
  if (end > bytes.length) return undefined;
  const type = bytes.readUInt16BE(at);
  return { start: offset, type, at, data: bytes.subarray(at + 10, end), end };
}

function readEdns(bytes: Buffer, { at, data }: FoundRecord): Edns | undefined {
  const options: { code: number; data: Buffer }[] = [];
  for (let i = 0; i < data.length;) {
    if (i + 4 > data.length) return undefined;
    const end = i + 4 + data.readUInt16BE(i + 2);
    if (end > data.length) return undefined;
    options.push({ code: data.readUInt16BE(i), data: data.subarray(i + 4, end) });
    i = end;
  }
  return {
    bytesMax: Math.max(plainBytesMax, bytes.readUInt16BE(at + 2)),
    version: bytes[at + 5]!,
    wantsSignatures: (bytes[at + 6]! & 0x80) !== 0,
    options,
  };
}

/** At most `bytesMax` long: what does not fit is left out, and the response says so. */
export function encodeResponse(query: Query, answer: Answer, bytesMax: number): Buffer {
  if (answer.relayed !== undefined) return relay(query, answer.relayed, bytesMax);
  const records = [...answer.answers, ...answer.authority].map(encodeRecord);
  const opt = query.edns === undefined ? [] : [encodeOpt(answer.code)];
  const size = [query.question, ...records, ...opt].reduce(
    (sum, { length }) => sum + length,
    headerBytes,
  );
  if (size > bytesMax) return Buffer.concat([header(query, answer, true), query.question, ...opt]);
  return Buffer.concat([header(query, answer, false), query.question, ...records, ...opt], size);
}

/** Of a whole response, but for what is repeated of the query. */
export function answerFlags({ isAuthoritative, code }: Answer): number {
  const authoritative = isAuthoritative ? flag.authoritative : 0;
  return flag.response | flag.recursionAvailable | authoritative | (code & 0xf);
}

function header(query: Query, answer: Answer, isTruncated: boolean): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  const { recursionDesired, checkingDisabled } = flag;
  const asked = query.flags & (recursionDesired | checkingDisabled | opcodeMask);
  const truncated = isTruncated ? flag.truncated : 0;
  bytes.writeUInt16BE(query.id, 0);
  bytes.writeUInt16BE(asked | truncated | answerFlags(answer), 2);
  bytes.writeUInt16BE(query.question.length > 0 ? 1 : 0, 4);
  bytes.writeUInt16BE(isTruncated ? 0 : answer.answers.length, 6);
  bytes.writeUInt16BE(isTruncated ? 0 : answer.authority.length, 8);
  bytes.writeUInt16BE(query.edns === undefined ? 0 : 1, 10);
  return bytes;
}

/** The response with one more option of EDNS; as it is where that has no place at its end. */
export function withOption(response: Buffer, option: Buffer): Buffer {
  const question = readQuestion(response);
  const counts = [6, 8, 10].map((at) => response.readUInt16BE(at));
  let last: FoundRecord | undefined;
  let at = question?.end ?? headerBytes;
  for (let left = counts.reduce((sum, count) => sum + count, 0); left > 0; left--) {
    last = readRecord(response, at);
    if (last === undefined) return response;
    at = last.end;
  }
  if (last?.type !== recordType.OPT || at !== response.length) return response;
  const longer = Buffer.concat([response, option]);
  longer.writeUInt16BE(last.data.length + option.length, last.at + 8);
  return longer;
}

/** Response codes have 12 bits, of which the header has 4 (RFC 6891, section 6.1.3). */
function encodeOpt(code: number): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(recordType.OPT, 1);
  opt.writeUInt16BE(ednsBytesMax, 3);
  opt[5] = code >> 4;
  return opt;
}

/** The question as this asker wrote it, case included (draft-vixie-dnsext-dns0x20). */
function relay(query: Query, response: Buffer, bytesMax: number): Buffer {
  if (response.length > bytesMax) {
    const opt = query.edns === undefined ? [] : [encodeOpt(responseCode.ok)];
    return Buffer.concat([header(query, emptyAnswer, true), query.question, ...opt]);
  }
  const bytes = Buffer.from(response);
  bytes.writeUInt16BE(query.id, 0);
  query.question.copy(bytes, headerBytes);
  return bytes;
}

/** A query as programs send it; undefined when that is no name. */
export function encodeQuery(name: string, type: number): Buffer | undefined {
  const labels = encodeName(name);
  if (labels === undefined) return undefined;
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt16BE(flag.recursionDesired, 2);
  bytes.writeUInt16BE(1, 4);
  const fixed = Buffer.alloc(4);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(classInternet, 2);
  return Buffer.concat([bytes, labels, fixed]);
}

/** The question alone, to ask somebody else: nothing of the asker's options goes on. */
export function encodeQuestion({ flags, question, edns }: Query, id: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  const { recursionDesired, checkingDisabled } = flag;
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(flags & (recursionDesired | checkingDisabled), 2);
  bytes.writeUInt16BE(1, 4);
  if (edns === undefined) return Buffer.concat([bytes, question]);
  bytes.writeUInt16BE(1, 10);
  const opt = encodeOpt(0);
  opt[7] = edns.wantsSignatures ? 0x80 : 0;
  return Buffer.concat([bytes, question, opt]);
}

/** Whether these bytes are a response to that question, id included. */
export function isResponseTo(question: Buffer, response: Buffer): boolean {
  if (response.length < headerBytes || (response[2]! & 0x80) === 0) return false;
  if (response.readUInt16BE(0) !== question.readUInt16BE(0)) return false;
  if (((response[2]! ^ question[2]!) & (opcodeMask >> 8)) !== 0) return false;
  const [asked, told] = [readQuestion(question), readQuestion(response)];
  if (asked === undefined || told === undefined) return false;
  return asked.name === told.name && asked.type === told.type && asked.class === told.class;
}

export function isTruncated(response: Buffer): boolean {
  return (response.readUInt16BE(2) & flag.truncated) !== 0;
}

export function codeOf(response: Buffer): number {
  return response[3]! & 0xf;
}

/** The records of a response, those of EDNS left out; undefined when they cannot be read. */
export function readRecords(response: Buffer): FoundRecord[] | undefined {
  return readSections(response, [6, 8, 10]);
}

/** Those of the answer section alone. */
export function readAnswers(response: Buffer): FoundRecord[] | undefined {
  return readSections(response, [6]);
}

/** `sections`: where the header counts them, in their order. */
function readSections(response: Buffer, sections: readonly number[]): FoundRecord[] | undefined {
  const question = readQuestion(response);
  if (question === undefined) return undefined;
  const records: FoundRecord[] = [];
  const counts = sections.map((at) => response.readUInt16BE(at));
  let at = question.end;
  for (let left = counts.reduce((sum, count) => sum + count, 0); left > 0; left--) {
    const record = readRecord(response, at);
    if (record === undefined) return undefined;
    at = record.end;
    if (record.type !== recordType.OPT) records.push(record);
  }
  return records;
}

/** What a UDP response to this query may take. Unit: bytes. */
export function udpBytesMax({ edns }: Query): number {
  return edns === undefined ? plainBytesMax : Math.min(edns.bytesMax, ednsBytesMax);
}
