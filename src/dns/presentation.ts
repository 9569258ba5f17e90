/** Names, types, codes and records as people write them (RFC 1035, section 5.1). Pure. */
import { formatAddress } from '../model/index.js';
import { expandLabels, type FoundName } from './name.js';
import { recordType, responseCode } from './record.js';

/** Those of this project, and others that are asked for often (IANA, DNS parameters). */
const typeNumbers = new Map<string, number>(
  Object.entries({
    A: recordType.A,
    AAAA: recordType.AAAA,
    SRV: recordType.SRV,
    TXT: recordType.TXT,
    PTR: recordType.PTR,
    ANY: recordType.ANY,
    CNAME: 5,
    MX: 15,
    NS: recordType.NS,
    SOA: recordType.SOA,
    CAA: 257,
    HTTPS: recordType.HTTPS,
    SVCB: 64,
    DS: 43,
    DNSKEY: 48,
    NAPTR: 35,
    TLSA: 52,
  }),
);
const typeNames = new Map([...typeNumbers].map(([name, number]) => [number, name]));

export const typeChoices = `${[...typeNumbers.keys()].join(', ')} or TYPE1-TYPE65535`;

/** In any case; undefined for what is no type. */
export function parseType(text: string): number | undefined {
  const name = text.toUpperCase();
  const known = typeNumbers.get(name);
  if (known !== undefined) return known;
  // RFC 3597, section 5.
  const number = /^TYPE([1-9][0-9]{0,4})$/.exec(name)?.[1];
  return number === undefined || Number(number) > 0xffff ? undefined : Number(number);
}

export function formatType(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

const codeNames = new Map<number, string>([
  [responseCode.ok, 'NOERROR'],
  [responseCode.formatError, 'FORMERR'],
  [responseCode.serverFailure, 'SERVFAIL'],
  [responseCode.noSuchName, 'NXDOMAIN'],
  [responseCode.notImplemented, 'NOTIMP'],
  [responseCode.refused, 'REFUSED'],
  [responseCode.badVersion, 'BADVERS'],
]);

export function formatCode(code: number): string {
  return codeNames.get(code) ?? `RCODE${code}`;
}

/** Of a record of this type at `start` to `end` in `message`, into which its names may point. */
export function formatData(type: number, message: Buffer, start: number, end: number): string {
  const data = message.subarray(start, end);
  try {
    return formatKnown(type, message, start, end) ?? formatUnknown(data);
  } catch {
    // Shorter than its type says.
    return formatUnknown(data);
  }
}

/** Undefined for what is not known, or not as its type says. */
function formatKnown(
  type: number,
  message: Buffer,
  start: number,
  end: number,
): string | undefined {
  const number = (at: number): number => message.readUInt16BE(start + at);
  const nameAt = (at: number): string | undefined => {
    const found = expandName(message, start + at);
    return found?.end === end ? found.name : undefined;
  };
  const behind = (numbers: readonly number[], name = nameAt(numbers.length * 2)) => {
    return name === undefined ? undefined : [...numbers, name].join(' ');
  };
  switch (typeNames.get(type) ?? '') {
    case 'A':
      return end - start === 4 ? formatAddress(message, start, 4) : undefined;
    case 'AAAA':
      return end - start === 16 ? formatAddress(message, start, 16) : undefined;
    case 'NS':
    case 'CNAME':
    case 'PTR':
      return nameAt(0);
    case 'MX':
      return behind([number(0)]);
    case 'SRV':
      return behind([number(0), number(2), number(4)]);
    case 'TXT':
      return formatTexts(message.subarray(start, end));
    case 'SOA':
      return formatAuthority(message, start, end);
    default:
      return undefined;
  }
}

function formatTexts(data: Buffer): string | undefined {
  const texts: string[] = [];
  for (let at = 0; at < data.length;) {
    const end = at + 1 + data[at]!;
    if (end > data.length) return undefined;
    texts.push(`"${escaped(data.toString('latin1', at + 1, end), /["\\]|[^ -~]/g)}"`);
    at = end;
  }
  return texts.length === 0 ? undefined : texts.join(' ');
}

function formatAuthority(message: Buffer, start: number, end: number): string | undefined {
  const server = expandName(message, start);
  const mailbox = server === undefined ? undefined : expandName(message, server.end);
  if (mailbox === undefined || mailbox.end + 20 !== end) return undefined;
  const numbers = [0, 4, 8, 12, 16].map((at) => message.readUInt32BE(mailbox.end + at));
  return [server!.name, mailbox.name, ...numbers].join(' ');
}

/** RFC 3597, section 5. */
function formatUnknown(data: Buffer): string {
  return data.length === 0 ? '\\# 0' : `\\# ${data.length} ${data.toString('hex')}`;
}

/** A name in a message, which may point to an earlier one; undefined when it is not a whole one. */
export function expandName(message: Buffer, offset: number): FoundName | undefined {
  const found = expandLabels(message, offset);
  return found === undefined ? undefined : { name: formatName(found.labels), end: found.end };
}

/** With the final dot. */
export function formatName(labels: readonly string[]): string {
  return labels.map((label) => `${escaped(label, /[.\\"();@$]|[^!-~]/g)}.`).join('') || '.';
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, (one) => {
    const code = one.charCodeAt(0);
    const isPrinted = code > 0x20 && code < 0x7f;
    return isPrinted ? `\\${one}` : `\\${String(code).padStart(3, '0')}`;
  });
}
