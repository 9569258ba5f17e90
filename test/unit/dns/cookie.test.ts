import { decode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { DnsServer } from '../../../src/dns/index.js';
import { handlersFor, mesh, query } from './mesh.js';

/** A query with one option of EDNS, and how large a response may be. */
function withCookie(name: string, cookie: Buffer, bytesMax = 1_232): Buffer {
  const bytes = query(name, 'A', { edns: bytesMax });
  const option = Buffer.alloc(4);
  option.writeUInt16BE(10, 0);
  option.writeUInt16BE(cookie.length, 2);
  bytes.writeUInt16BE(4 + cookie.length, bytes.length - 2);
  return Buffer.concat([bytes, option, cookie]);
}

const server = new DnsServer(handlersFor(), Buffer.alloc(32, 7));

async function ask(bytes: Buffer, source = '10.64.0.2'): Promise<Buffer> {
  return (await server.answer(bytes, mesh(['front']), 'udp', () => source))!;
}

/** Undefined where there is none. */
function cookieIn(response: Buffer): Buffer | undefined {
  for (const one of decode(response).additionals ?? []) {
    if (one.type !== 'OPT') continue;
    const options = one.options as unknown as readonly { code: number; data: Buffer }[];
    return options.find(({ code }) => code === 10)?.data;
  }
  return undefined;
}

const client = Buffer.from('0011223344556677', 'hex');

describe('a cookie', () => {
  it('comes back with ours, the same for the same client', async () => {
    const first = cookieIn(await ask(withCookie('web', client)))!;
    expect(first.length).toBe(16);
    expect(first.subarray(0, 8)).toEqual(client);
    const again = cookieIn(await ask(withCookie('web', first)))!;
    expect(again).toEqual(first);
    const elsewhere = cookieIn(await ask(withCookie('web', client), '10.64.0.3'))!;
    expect(elsewhere.subarray(0, 8)).toEqual(client);
    expect(elsewhere).not.toEqual(first);
  });

  it('comes back with what others answered, and with what nobody has', async () => {
    for (const name of ['example.org', 'none.mesh.internal']) {
      const response = await ask(withCookie(name, client));
      // The upstream of this test knows nothing of EDNS: there is no place for it.
      expect(cookieIn(response)?.length, name).toBe(name === 'example.org' ? undefined : 16);
    }
  });

  it('is not sent to those who sent none', async () => {
    expect(cookieIn(await ask(query('web', 'A', { edns: 1_232 })))).toBeUndefined();
  });

  it.each([0, 7, 9, 15, 41])('of %i bytes is malformed', async (length) => {
    const response = await ask(withCookie('web', Buffer.alloc(length)));
    expect(response[3]! & 0xf).toBe(1);
    expect(cookieIn(response)).toBeUndefined();
  });

  it('does not make a response longer than it may be', async () => {
    for (const bytesMax of [512, 680, 690, 700, 720, 1_232]) {
      const response = await ask(withCookie('tasks.crowd', client, bytesMax));
      expect(response.length).toBeLessThanOrEqual(bytesMax);
      expect(cookieIn(response)?.length).toBe(16);
    }
  });
});
