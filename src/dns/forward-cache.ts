/** Responses of other servers, for as long as they say, and longer when nobody answers. */
import type { Clock } from '../base/index.js';
import { codeOf, isTruncated, readRecords } from './message.js';
import { recordType, responseCode } from './record.js';

interface Entry {
  readonly response: Buffer;
  /** With its question. */
  readonly bytes: number;
  readonly atMs: number;
  readonly ttlS: number;
}

const entriesMax = 10_000;
/** Of all responses and their questions. */
const bytesMax = 16 << 20;
/** A longer one would drive many others out; few are, and they come by TCP alone. */
const responseBytesMax = 16 << 10;
/** Nobody is believed for longer (RFC 8767, section 4). Unit: seconds. */
const ttlMaxS = 86_400;
/** How long a response that is over may stand in for one that is not to be had. */
const staleS = 86_400;
/** What the askers of a stale one are told to keep it for (RFC 8767, section 4). */
const staleTtlS = 30;

export class ForwardCache {
  /** The oldest first. */
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  fresh(key: string): Buffer | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    const ageS = Math.floor((this.clock.now() - entry.atMs) / 1_000);
    return ageS < entry.ttlS ? withTtls(entry.response, (ttlS) => ttlS - ageS) : undefined;
  }

  stale(key: string): Buffer | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    const overS = (this.clock.now() - entry.atMs) / 1_000 - entry.ttlS;
    return overS < staleS ? withTtls(entry.response, () => staleTtlS) : undefined;
  }

  put(key: string, response: Buffer): void {
    if (response.length > responseBytesMax) return;
    const ttlS = lifetimeS(response);
    if (ttlS === 0) return;
    this.remove(key);
    const bytes = key.length + response.length;
    // A copy: what comes from a socket may be a part of something larger, which it would keep.
    const copy = Buffer.allocUnsafeSlow(response.length);
    response.copy(copy);
    this.entries.set(key, { response: copy, bytes, atMs: this.clock.now(), ttlS });
    this.bytes += bytes;
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= entriesMax && this.bytes <= bytesMax) return;
      this.remove(oldest);
    }
  }

  size(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.entries.size, bytes: this.bytes };
  }

  private remove(key: string): void {
    this.bytes -= this.entries.get(key)?.bytes ?? 0;
    this.entries.delete(key);
  }
}

/** 0 = not to be kept. Unit: seconds. */
function lifetimeS(response: Buffer): number {
  const code = codeOf(response);
  const isOver = code !== responseCode.ok && code !== responseCode.noSuchName;
  const records = readRecords(response);
  if (isOver || isTruncated(response) || records === undefined || records.length === 0) return 0;
  const ttls = records.map(({ at, type, data }) => {
    const ttlS = response.readUInt32BE(at + 4);
    // The SOA of a negative answer says how long that holds (RFC 2308, section 5).
    const isNegative = type === recordType.SOA && data.length >= 4;
    return isNegative ? Math.min(ttlS, data.readUInt32BE(data.length - 4)) : ttlS;
  });
  return Math.min(ttlMaxS, ...ttls);
}

function withTtls(response: Buffer, change: (ttlS: number) => number): Buffer {
  const bytes = Buffer.from(response);
  for (const { at } of readRecords(bytes) ?? []) {
    bytes.writeUInt32BE(Math.max(0, change(bytes.readUInt32BE(at + 4))), at + 4);
  }
  return bytes;
}
