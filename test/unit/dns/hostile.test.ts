import { decode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DnsServer, isResponseTo } from '../../../src/dns/index.js';
import { readQuery } from '../../../src/dns/message.js';
import { seededRandom } from '../../sim/random.js';
import { handlersFor, mesh, query } from './mesh.js';

function server(): DnsServer {
  return new DnsServer(handlersFor([]));
}

function header(parts: { flags?: number; counts?: readonly number[] }): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(parts.flags ?? 0x0100, 2);
  for (const [i, count] of (parts.counts ?? [1, 0, 0, 0]).entries()) {
    bytes.writeUInt16BE(count, 4 + i * 2);
  }
  return bytes;
}

const question = Buffer.from('\x03web\0\0\x01\0\x01', 'latin1');
const long = Buffer.concat([...Array.from({ length: 5 }, () => Buffer.alloc(64, 63)), question]);

describe('messages that are none', () => {
  it.each<[string, Buffer, number | undefined]>([
    ['nothing', Buffer.alloc(0), undefined],
    ['less than a header', Buffer.alloc(11), undefined],
    ['a response', Buffer.concat([header({ flags: 0x8100 }), question]), undefined],
    ['a header alone', header({}), 1],
    ['no question', header({ counts: [0, 0, 0, 0] }), 1],
    ['two questions', Buffer.concat([header({ counts: [2, 0, 0, 0] }), question, question]), 1],
    ['a question cut short', Buffer.concat([header({}), question.subarray(0, 7)]), 1],
    [
      'a name that points to itself',
      Buffer.concat([header({}), Buffer.of(0xc0, 12, 0, 1, 0, 1)]),
      1,
    ],
    ['a label of 64 bytes', Buffer.concat([header({}), Buffer.alloc(70, 64)]), 1],
    ['a name of more than 255 bytes', Buffer.concat([header({}), long]), 1],
    [
      'labels of dots and bytes that are no text',
      Buffer.concat([header({}), Buffer.from('\x03..\xff\x01.\0\0\x01\0\x01', 'latin1')]),
      5,
    ],
    ['an update', Buffer.concat([header({ flags: 0x2800 }), question]), 4],
    [
      'more records than there are',
      Buffer.concat([header({ counts: [1, 0, 0, 65_535] }), question]),
      1,
    ],
    [
      'a record that points to itself',
      Buffer.concat([header({ counts: [1, 0, 0, 1] }), question, Buffer.of(0xc0, 21)]),
      1,
    ],
    [
      '64 KiB behind the question',
      Buffer.concat([header({ counts: [1, 0, 0, 1] }), question, Buffer.alloc(65_000, 0xff)]),
      1,
    ],
  ])('%s', async (_, bytes, code) => {
    const response = await server().answer(bytes, mesh(['front']), 'udp');
    expect(response === undefined ? undefined : response[3]! & 0xf).toBe(code);
  });

  it('changed at random: each gets a response that can be read, or none', () => {
    const random = seededRandom(11);
    const asker = mesh(['front']);
    const dns = server();
    const seeds = ['A', 'SRV', 'TXT'].flatMap((type) => [
      query('tasks.web.front', type),
      query('web', type, { edns: 1_232 }),
    ]);
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.from(seeds[Math.floor(random() * seeds.length)]!);
      for (let n = 1 + Math.floor(random() * 4); n > 0; n--) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      const end = random() < 0.2 ? Math.floor(random() * bytes.length) : bytes.length;
      const response = dns.answer(bytes.subarray(0, end), asker, 'udp');
      if (response === undefined || response instanceof Promise) continue;
      expect(response.readUInt16BE(0)).toBe(bytes.readUInt16BE(0));
      decode(response);
    }
  });
});

describe('reading', () => {
  it('agrees with dns-packet on every name that can be asked for', () => {
    const label = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
    const names = fc.array(label, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(names, fc.integer({ min: 0, max: 4_096 }), (labels, edns) => {
        const bytes = query(labels.join('.'), 'A', edns < 512 ? {} : { edns });
        const read = readQuery(bytes)!;
        expect(read.name).toBe(labels.join('.').toLowerCase());
        expect(read.type).toBe(1);
        expect(read.edns?.bytesMax).toBe(edns < 512 ? undefined : edns);
        expect(read.problem).toBeUndefined();
      }),
    );
  });

  it('knows a response to its question from others', () => {
    const asked = query('web', 'A');
    const response = Buffer.from(asked);
    response[2]! |= 0x80;
    const changed = (at: number, by: number): Buffer => {
      const bytes = Buffer.from(response);
      bytes[at]! ^= by;
      return bytes;
    };
    expect(isResponseTo(asked, response)).toBe(true);
    expect(isResponseTo(asked, changed(14, 0x20)), 'another case').toBe(true);
    expect(isResponseTo(asked, asked), 'no response').toBe(false);
    expect(isResponseTo(asked, changed(0, 1)), 'another id').toBe(false);
    expect(isResponseTo(asked, changed(14, 1)), 'another name').toBe(false);
    expect(isResponseTo(asked, changed(18, 3)), 'another type').toBe(false);
    expect(isResponseTo(asked, response.subarray(0, 14)), 'cut short').toBe(false);
  });
});
