import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Inquirer,
  listZone,
  readInquiry,
  type Finding,
  type NameOwners,
  type Upstream,
} from '../../../src/dns/index.js';
import { expandLabels } from '../../../src/dns/name.js';
import { formatData, formatType, parseType } from '../../../src/dns/presentation.js';
import { checkProperty } from '../../support/property.js';
import { elsewhere, handlersFor, mesh } from './mesh.js';

function inquire(
  [name, type]: readonly [string, string],
  on: readonly string[] = ['front'],
  upstreams: readonly Upstream[] = [elsewhere],
): Promise<Finding> {
  return new Inquirer(handlersFor(upstreams)).ask(readInquiry(name, type), mesh(on));
}

function inWords({ code, by, found, reason, records }: Finding): string[] {
  const { kind, name, network = 'none' } = found ?? {};
  const whose = found === undefined ? (reason ?? '') : `${kind} ${name} on ${network}`;
  const lines = records.map((one) => `${one.name} ${one.ttlS} ${one.type} ${one.data}`);
  return [`${code} ${by} ${whose}`.trim(), ...lines];
}

describe('an answer in words', () => {
  it.each<[string, string, string[], (readonly string[])?]>([
    ['web', 'A', ['NOERROR vip service web on front', 'web. 5 A 10.64.0.200']],
    ['Web.Front.', 'aaaa', ['NOERROR vip service web on front', 'Web.Front. 5 AAAA fd00:64::c8']],
    ['www', 'A', ['NOERROR vip alias web on front', 'www. 5 A 10.64.0.200']],
    ['bare', 'AAAA', bareAnswer()],
    ['tasks.brief', 'A', ['NOERROR task tasks brief on front', 'tasks.brief. 1 A 10.64.0.8']],
    [
      '_8080._tcp.brief',
      'SRV',
      [
        'NOERROR task port brief on front',
        '_8080._tcp.brief. 1 SRV 0 1 8080 brief-1.front.mesh.internal.',
      ],
    ],
    [
      'web',
      'TXT',
      [
        'NOERROR vip service web on front',
        'web. 5 TXT "service=web" "network=front" "mode=vip" "endpoints=2"',
      ],
    ],
    ['web-1', 'A', ['NOERROR task task web-1 on front', 'web-1. 5 A 10.64.0.2']],
    ['web', 'MX', ['NOERROR vip service web on front']],
    ['none.mesh.internal', 'A', ['NXDOMAIN task']],
    [
      '200.0.64.10.in-addr.arpa',
      'PTR',
      [
        'NOERROR reverse address web on front',
        '200.0.64.10.in-addr.arpa. 5 PTR web.front.mesh.internal.',
      ],
    ],
    ['example.org', 'A', ['NOERROR forward', 'example.org. 300 A 192.0.2.80']],
    [
      'example.org',
      'A',
      ['REFUSED forward who asks may ask for names of the mesh alone'],
      ['back'],
    ],
    ['api', 'A', ['NOERROR vip service api on none', 'api. 5 A 10.96.0.1'], ['alone']],
    ['secret', 'A', ['NOERROR vip service secret on back', 'secret. 5 A 10.65.0.200'], ['back']],
  ])('%s %s', async (name, type, words, on) => {
    expect(inWords(await inquire([name, type], on))).toEqual(words);
  });

  it('says why there is none', async () => {
    const silent: Upstream = {
      name: '192.0.2.53:53',
      exchange: () => Promise.reject(new Error('no answer in 2 s')),
    };
    const told = await inquire(['example.org', 'A'], ['front'], [silent]);
    expect(inWords(told)).toEqual(['SERVFAIL errors ask for example.org: no answer in 2 s']);
    const alone = await inquire(['example.org', 'A'], ['front'], []);
    expect(inWords(alone)).toEqual(['REFUSED forward there is no upstream to ask']);
  });

  it('counts nothing, and keeps nothing', async () => {
    const put = (): never => expect.unreachable();
    const keeper = { put, forget: put, setAnswering: put, counts: () => ({ answered: [] }) };
    const handlers = handlersFor([], keeper);
    await new Inquirer({ ...handlers, metrics: put }).ask(readInquiry('web', 'A'), mesh(['front']));
  });
});

function bareAnswer(): string[] {
  const hosts = ['2', '3'].map((host) => `bare. 5 AAAA fd00:64::${host}`);
  return ['NOERROR task service bare on front', ...hosts];
}

describe('a question', () => {
  it.each<[string, string, string]>([
    ['web', '', 'type: expected A, AAAA, '],
    ['web', 'B', 'or TYPE1-TYPE65535, got "B"'],
    ['web', 'TYPE0', 'type: expected'],
    ['web', 'TYPE65536', 'type: expected'],
    ['', 'A', 'name: expected a domain name'],
    ['a..b', 'A', 'name: expected a domain name'],
    ['web ', 'A', 'got "web "'],
    ['wéb', 'A', 'name: expected a domain name'],
    ['x'.repeat(64), 'A', 'name: expected a domain name'],
    ['x.'.repeat(127) + 'x', 'A', 'name: expected a domain name'],
  ])('%j %j is none', (name, type, problem) => {
    expect(() => readInquiry(name, type)).toThrow(problem);
  });

  it('may be for the root, and of a type without a name', () => {
    expect(readInquiry('.', 'TYPE65').toString('hex', 12)).toBe('0000410001');
    for (let type = 1; type <= 0xffff; type++) {
      const text = formatType(type);
      if (parseType(text) !== type) expect.unreachable(text);
    }
  });
});

describe('the data of a record', () => {
  const text = (type: string, hex: string): string => {
    const data = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    return formatData(parseType(type)!, data, 0, data.length);
  };

  it('is as in a zone file', () => {
    expect(text('MX', '000a 0178 00')).toBe('10 x.');
    expect(text('NS', '00')).toBe('.');
    expect(text('CNAME', '03 612e5c 02 2001 00')).toBe('a\\.\\\\.\\032\\001.');
    expect(text('TXT', '03 225c07 01 61')).toBe('"\\"\\\\\\007" "a"');
    expect(text('SOA', '0161 00 0162 00' + '00000001'.repeat(5))).toBe('a. b. 1 1 1 1 1');
    expect(text('HTTPS', '0001 00')).toBe('\\# 3 000100');
    expect(text('TYPE999', '')).toBe('\\# 0');
  });

  it('is bytes when it is not what its type says', () => {
    expect(text('A', '0a0000')).toBe('\\# 3 0a0000');
    expect(text('MX', '00')).toBe('\\# 1 00');
    expect(text('SRV', '0001000200030161')).toBe('\\# 8 0001000200030161');
    expect(text('TXT', '0561')).toBe('\\# 2 0561');
    expect(text('NS', '0000')).toBe('\\# 2 0000');
    expect(text('NS', 'c000'), 'points to itself').toBe('\\# 2 c000');
  });

  it('may point to what is before it', () => {
    const message = Buffer.from('036f726700' + '0161c000' + '0162c005', 'hex');
    expect(formatData(5, message, 9, 13)).toBe('b.a.org.');
    expect(expandLabels(message, 9)).toEqual({ labels: ['b', 'a', 'org'], end: 13 });
  });

  it('ends, whatever is in it, and is plain text', () =>
    checkProperty(
      fc.property(
        fc.constantFrom(1, 2, 5, 6, 12, 15, 16, 28, 33, 65),
        fc.array(fc.constantFrom(0, 1, 2, 3, 5, 0x41, 0xc0, 0xff), { maxLength: 40 }),
        fc.nat(40),
        (type, bytes, start) => {
          const message = Buffer.from(bytes);
          const from = Math.min(start, message.length);
          expect(formatData(type, message, from, message.length)).toMatch(/^[ -~]*$/);
        },
      ),
      { runs: 2_000 },
    ));
});

describe('a zone', () => {
  const path = fileURLToPath(new URL('../../golden/dns/zone.txt', import.meta.url));
  const inquirer = new Inquirer(handlersFor([]));

  function owners(on: string, parts: Partial<NameOwners>): NameOwners {
    const asker = mesh([on]);
    const [network] = asker.view().networks;
    const services = ['web', 'bare', 'brief', 'api'].flatMap(
      (name) => network!.service(name) ?? [],
    );
    return { asker, services, tasks: [], ...parts };
  }

  const lines = (of: readonly NameOwners[]): string[] =>
    [...listZone(inquirer, of)].map((one) => `${one.name} ${one.ttlS} ${one.type} ${one.data}`);

  it('is every name with what is answered to it, in canonical order', () => {
    const front = owners('front', { tasks: ['twin', 'web-1', 'web-1', 'x'.repeat(64)] });
    const text = `${lines([front, owners('alone', {})]).join('\n')}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
    expect(text).toBe(readFileSync(path, 'utf8'));
  });

  it('has names once, and none of those who left', () => {
    const [web] = owners('front', {}).services;
    const twice = lines([owners('front', { services: [web!, web!], tasks: ['web', 'left'] })]);
    expect(twice).toEqual(lines([owners('front', { services: [web!] })]));
    expect(lines([owners('back', { services: [web!], tasks: ['web-1'] })])).toEqual([]);
  });
});
