/**
 * DNS cookies (RFC 7873): a client that sends one gets it back with a number of ours, which nobody
 * could know who does not see its queries. Nothing is asked of clients that send none.
 */
import { createHmac } from 'node:crypto';

const cookieOption = 10;
const clientBytes = 8;
/** Of ours. */
const serverBytes = 8;

/** What a response is longer by. Unit: bytes. */
export const cookieOptionBytes = 4 + clientBytes + serverBytes;

/** Among the options of EDNS; undefined when none was sent. */
export function cookieOf(
  options: readonly { readonly code: number; readonly data: Buffer }[] = [],
): Buffer | undefined {
  return options.find(({ code }) => code === cookieOption)?.data;
}

/** A client's, alone or with one of a server (RFC 7873, section 4). */
export function isCookie({ length }: Buffer): boolean {
  return length === clientBytes || (length >= clientBytes + 8 && length <= clientBytes + 32);
}

/** What is said to a client's cookie, as an option of EDNS. `source`: the client's address. */
export function answerCookie(cookie: Buffer, source: string, secret: Buffer): Buffer {
  const client = cookie.subarray(0, clientBytes);
  const ours = createHmac('sha256', secret).update(client).update(source).digest();
  const head = Buffer.alloc(4);
  head.writeUInt16BE(cookieOption, 0);
  head.writeUInt16BE(clientBytes + serverBytes, 2);
  return Buffer.concat([head, client, ours.subarray(0, serverBytes)]);
}
