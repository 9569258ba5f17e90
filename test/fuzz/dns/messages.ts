/** Real queries: every type, with EDNS and without, of names that are there, and of others. */
import { query } from '../../unit/dns/mesh.js';

const longLabel = 'l'.repeat(63);
export const names = [
  'web',
  'WEB.Front',
  'web.front.mesh.internal',
  'tasks.web',
  'bare',
  'idle',
  'www',
  'brief',
  'web-1',
  'tasks.crowd',
  'crowd.front',
  '_8080._tcp.web',
  '_9._tcp.web',
  'none.mesh.internal',
  'example.org',
  '200.0.64.10.in-addr.arpa',
  '9.9.9.9.in-addr.arpa',
  `${'0.'.repeat(32)}ip6.arpa`,
  // 255 bytes: as long as names are.
  [longLabel, longLabel, longLabel, 'l'.repeat(61)].join('.'),
  // Of as many labels as there can be.
  Array.from({ length: 127 }, () => 'l').join('.'),
  '',
];

const types = {
  ...{ A: 1, AAAA: 28, SRV: 33, TXT: 16, MX: 15, PTR: 12, SOA: 6, NS: 2, CNAME: 5 },
  ...{ HTTPS: 65, SVCB: 64, DS: 43, DNSKEY: 48, NAPTR: 35, CAA: 257 },
  ...{ ANY: 255, AXFR: 252, IXFR: 251, OPT: 41, TSIG: 250, zero: 0, last: 65_535 },
};

/** Behind the question's name: type and class. */
function ask(name: string, type: number, options: { readonly edns?: number } = {}): Buffer {
  const bytes = query(name, 'A', options);
  bytes.writeUInt16BE(type, bytes.indexOf(0, 12) + 1);
  return bytes;
}

/** An option as RFC 6891, section 6.1.2, writes it. */
export function option(code: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(code, 0);
  head.writeUInt16BE(data.length, 2);
  return Buffer.concat([head, data]);
}

/** `bytes` ends with an OPT without options. */
function withOptions(bytes: Buffer, options: readonly Buffer[]): Buffer {
  const data = Buffer.concat(options);
  const whole = Buffer.concat([bytes, data]);
  whole.writeUInt16BE(data.length, bytes.length - 2);
  return whole;
}

const [cookie, subnet, padding] = [10, 8, 12];
const optionLists = [
  [option(cookie, Buffer.alloc(8, 1))],
  [option(cookie, Buffer.alloc(24, 1))],
  // Neither a client's cookie nor both.
  [option(cookie, Buffer.alloc(9, 1))],
  [option(3, Buffer.alloc(0)), option(subnet, Buffer.from('00011800c00002', 'hex'))],
  [option(padding, Buffer.alloc(400))],
  Array.from({ length: 200 }, (_, i) => option(65_001 + i, Buffer.alloc(i % 5, i))),
];

function changed(bytes: Buffer, change: (bytes: Buffer) => unknown): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

/** What programs ask for: answers to it are kept. */
function usualQueries(): readonly Buffer[] {
  const present = ['web', 'WEB.Front', 'tasks.web', 'bare', 'idle', 'web-1', '_8080._tcp.web'];
  return present.flatMap((name) =>
    ['A', 'AAAA', 'SRV', 'TXT'].flatMap((type) => [
      query(name, type),
      query(name, type, { edns: 1_232 }),
    ]),
  );
}

/** The usual ones as often as all others. */
export function realQueries(): readonly Buffer[] {
  const [usual, others] = [usualQueries(), otherQueries()];
  const times = Math.round(others.length / usual.length);
  return [...Array.from({ length: times }, () => usual).flat(), ...others];
}

function otherQueries(): readonly Buffer[] {
  const plain = names.flatMap((name) => Object.values(types).map((type) => ask(name, type)));
  const withEdns = names.flatMap((name) =>
    [0, 512, 1_232, 4_096, 65_535].map((edns) => ask(name, types.A, { edns })),
  );
  const web = query('web', 'A', { edns: 1_232 });
  const flags = (value: number): Buffer => changed(web, (bytes) => bytes.writeUInt16BE(value, 2));
  return [
    ...plain,
    ...withEdns,
    ...optionLists.map((options) => withOptions(web, options)),
    query('web', 'A', { edns: 1_232, version: 1 }),
    query('version.bind', 'TXT', { class: 3 }),
    query('web', 'A', { class: 255 }),
    query('web', 'A', { class: 254 }),
    // NOTIFY, UPDATE, a response, all of Z and AD and CD, everything.
    ...[0x2000, 0x2800, 0x8180, 0x0170, 0xffff].map(flags),
    // DNSSEC OK.
    changed(web, (bytes) => (bytes[bytes.length - 4] = 0x80)),
    // Two questions, and two OPT.
    changed(Buffer.concat([query('web', 'A'), query('bare', 'A').subarray(12)]), (bytes) =>
      bytes.writeUInt16BE(2, 4),
    ),
    changed(Buffer.concat([web, web.subarray(-11)]), (bytes) => bytes.writeUInt16BE(2, 10)),
  ];
}
