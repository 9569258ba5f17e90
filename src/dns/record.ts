/** Resource records and their bytes (RFC 1035, section 3.2). Pure. */
import { addressBytes } from '../model/index.js';
import { encodeName } from './name.js';

/** Types that something here is done with; others are numbers (IANA, DNS parameters). */
export const recordType = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const responseCode = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;

export const classInternet = 1;
/** Points to the question's name, which begins behind the header (RFC 1035, section 4.1.4). */
const questionName = Buffer.of(0xc0, 12);

export interface DnsRecord {
  /** Absent = the name that was asked for. */
  readonly owner?: string;
  readonly type: number;
  /** Unit: seconds. */
  readonly ttlS: number;
  readonly data: Buffer;
}

export function encodeRecord({ owner, type, ttlS, data }: DnsRecord): Buffer {
  const name = owner === undefined ? questionName : nameBytes(owner);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(classInternet, 2);
  fixed.writeUInt32BE(ttlS, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
}

/** A or AAAA, as the address is. */
export function addressRecord(address: string, ttlS: number, owner?: string): DnsRecord {
  const data = Buffer.from(addressBytes(address)!);
  const type = data.length === 4 ? recordType.A : recordType.AAAA;
  return { ...(owner === undefined ? {} : { owner }), type, ttlS, data };
}

export function pointerRecord(name: string, ttlS: number): DnsRecord {
  return { type: recordType.PTR, ttlS, data: nameBytes(name) };
}

/** RFC 2782. A smaller weight is chosen less often; the priority is the same for all. */
export function serviceRecord(
  { weight, port, target }: { weight: number; port: number; target: string },
  ttlS: number,
): DnsRecord {
  const fixed = Buffer.alloc(6);
  fixed.writeUInt16BE(weight, 2);
  fixed.writeUInt16BE(port, 4);
  return { type: recordType.SRV, ttlS, data: Buffer.concat([fixed, nameBytes(target)]) };
}

/** Texts of up to 255 bytes each. */
export function textRecord(texts: readonly string[], ttlS: number): DnsRecord {
  const parts = texts.map((text) => {
    const bytes = Buffer.from(text).subarray(0, 255);
    return Buffer.concat([Buffer.of(bytes.length), bytes]);
  });
  return { type: recordType.TXT, ttlS, data: Buffer.concat(parts) };
}

/**
 * Says for how long a name is known not to be there (RFC 2308): `ttlS`. `zone` absent = the name
 * that was asked for is one of its own.
 */
export function authorityRecord(
  { zone, domain, serial }: { zone?: string; domain: string; serial: number },
  ttlS: number,
): DnsRecord {
  const times = Buffer.alloc(20);
  const refreshS = 3_600;
  const expireS = 86_400;
  for (const [i, value] of [serial >>> 0, refreshS, ttlS, expireS, ttlS].entries()) {
    times.writeUInt32BE(value, i * 4);
  }
  const names = [nameBytes(`ns.${domain}`), nameBytes(`hostmaster.${domain}`)];
  const owner = zone === undefined ? {} : { owner: zone };
  return { ...owner, type: recordType.SOA, ttlS, data: Buffer.concat([...names, times]) };
}

/** Names that this project makes are names. */
function nameBytes(name: string): Buffer {
  const bytes = encodeName(name);
  if (bytes === undefined) throw new RangeError(`${name} is no domain name`);
  return bytes;
}
