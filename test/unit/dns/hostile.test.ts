import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DnsServer, isResponseTo } from '../../../src/dns/index.js';
import { readQuery } from '../../../src/dns/message.js';
import { attackServer } from '../../fuzz/dns/server.js';
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

const web = question.subarray(0, 5);
const long255 = Buffer.concat([
  ...[63, 63, 63, 61].map((size) => Buffer.concat([Buffer.of(size), Buffer.alloc(size, 'l')])),
  Buffer.of(0),
]);

function asked(name: Buffer, type = 1, klass = 1): Buffer {
  return Buffer.concat([header({}), name, Buffer.of(0, type, 0, klass)]);
}

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
    ['a name of 255 bytes', asked(long255), 5],
    ['the root', asked(Buffer.of(0)), 5],
    ['the class of hosts', asked(web, 1, 3), 5],
    ['a transfer', asked(web, 252), 5],
    ['one of what has changed', asked(web, 251), 5],
    ['one of somebody else', asked(Buffer.from('\x07example\0', 'latin1'), 252), 5],
    ['bits that are to be zero', Buffer.concat([header({ flags: 0x0170 }), question]), 0],
    ['a notice', Buffer.concat([header({ flags: 0x2000 }), question]), 4],
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

  it('changed at random: each gets a response that can be read, or none', async () => {
    const { responses } = await attackServer({ packets: 20_000, seed: 11 });
    expect(responses).toBeGreaterThan(15_000);
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

  it('takes one label with a dot for another name than two labels', () => {
    const nameOf = (labels: string): string =>
      readQuery(asked(Buffer.from(`${labels}\0`, 'latin1')))!.name;
    expect(nameOf('\x03web\x05front')).toBe('web.front');
    expect(nameOf('\x09web.front')).toBe('web\\046front');
    expect(nameOf('\x0cweb\\046front')).toBe('web\\092046front');
    const [two, one] = ['\x03web\x05front\0', '\x09web.front\0'].map((labels) =>
      asked(Buffer.from(labels, 'latin1')),
    );
    const response = Buffer.from(one!);
    response[2]! |= 0x80;
    expect(isResponseTo(two!, response)).toBe(false);
  });

  it('knows a response to its question from others', () => {
    const question = query('web', 'A');
    const response = Buffer.from(question);
    response[2]! |= 0x80;
    const changed = (at: number, by: number): Buffer => {
      const bytes = Buffer.from(response);
      bytes[at]! ^= by;
      return bytes;
    };
    expect(isResponseTo(question, response)).toBe(true);
    expect(isResponseTo(question, changed(14, 0x20)), 'another case').toBe(true);
    expect(isResponseTo(question, question), 'no response').toBe(false);
    expect(isResponseTo(question, changed(0, 1)), 'another id').toBe(false);
    expect(isResponseTo(question, changed(2, 0x20)), 'another opcode').toBe(false);
    expect(isResponseTo(question, changed(14, 1)), 'another name').toBe(false);
    expect(isResponseTo(question, changed(18, 3)), 'another type').toBe(false);
    expect(isResponseTo(question, response.subarray(0, 14)), 'cut short').toBe(false);
  });
});
