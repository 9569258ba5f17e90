import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FieldError } from '../../../src/base/index.js';
import {
  ConfigError,
  checkAcross,
  checkSpec,
  limits,
  parseConfig,
  writeSpec,
} from '../../../src/config/index.js';

function failure(text: string): ConfigError {
  try {
    parseConfig(text, 'm');
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('accepted');
}

/** JSON of services with distinct names and VIPs and this many destinations each. */
function json(serviceCount: number, destinationCount: number): string {
  const destinations = Array.from({ length: destinationCount }, (_, i) => dotted(172 << 24, i + 1));
  const services = Array.from({ length: serviceCount }, (_, i) => ({
    name: `s${i}`,
    vip: dotted(10 << 24, i + 1),
    ports: [80],
    destinations,
  }));
  return JSON.stringify({ services });
}

function dotted(base: number, index: number): string {
  const value = (base >>> 0) + index;
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}

describe('limits', { timeout: 30_000 }, () => {
  test('65,536 services are accepted', () => {
    expect(parseConfig(json(65_536, 1), 'm').specs).toHaveLength(65_536);
  });

  test('100,000 destinations are accepted', () => {
    expect(parseConfig(json(10_000, 10), 'm').specs).toHaveLength(10_000);
  });

  const refused: [name: string, text: () => string, want: string][] = [
    ['65,537 services', () => json(65_537, 0), 'expected a list of at most 65536 services'],
    [
      '200,010 destinations',
      () => json(20_001, 10),
      'at most 100000 destinations in all, got 200010',
    ],
    [
      '4,097 destinations of a service',
      () => json(1, 4_097),
      'services[0].destinations: expected a list of at most 4096 destinations, got a list of 4097',
    ],
    [
      'ports times destinations',
      () => json(10, 4_000).replaceAll('[80]', '["1-1024"]'),
      'at most 1000000 destinations, times the ports of their services, in all, got 40960000',
    ],
    ['65 MiB', () => ' '.repeat(limits.textLength + 1), 'the file is too large: at most 64 MiB'],
    ['commas', () => `[${','.repeat(limits.marks)}`, 'the file holds too many values'],
    ['nested lists', () => '['.repeat(1e6), 'm:1: YAML: nesting exceeded maxDepth (32)'],
    ['nested list entries', () => '- '.repeat(1e6), 'm:1: YAML: nesting exceeded maxDepth (32)'],
    ['nested mappings', () => '{"a":'.repeat(1e5), 'm:1: YAML: nesting exceeded maxDepth (32)'],
    ['many aliases', () => `[&a 1${', *a'.repeat(10_001)}]`, 'YAML: aliases exceeded maxAliases'],
    ['an alias bomb', bomb, 'm:1: a0: unknown field'],
    [
      'a bomb as services',
      () => `services:\n${bomb().replaceAll(/^a[0-9]+:/gm, '-')}`,
      'services[1]: expected a mapping',
    ],
  ];
  test.each(refused)('%s', (_name, text, want) => {
    expect(failure(text()).message).toContain(want);
  });

  test('of many problems the first are listed', () => {
    const services = Array.from({ length: 1_000 }, () => '- {name: a, ports: [0], x: 1}\n').join(
      '',
    );
    const { problems, message } = failure(`services:\n${services}`);
    expect(problems).toHaveLength(limits.problems);
    expect(message).toMatch(/\nm: there are more problems; these are the first$/);
  });
});

/** 9^19 values if anybody were to count them. */
function bomb(): string {
  let text = 'a0: &a0 [lol]\n';
  for (let i = 1; i < 20; i++) text += `a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]\n`;
  return text;
}

describe('random input', () => {
  test('any text is read or refused with a ConfigError', () => {
    const part = fc.constantFrom(
      ...['services:\n', '- ', 'name: a\n', '  ', 'ports: ', '[', ']', '{', '}', '80', ', ', ': '],
      ...[
        'vip: ',
        '10.0.0.1',
        '*a',
        '&a ',
        '\n',
        '\t',
        '"',
        "'",
        '|\n',
        '#',
        '!!str ',
        '---\n',
        '?',
      ],
      ...['__proto__: ', 'constructor: ', '<<: ', 'healthCheck: ', '.nan', '1e999', '~', '\0', '𝒳'],
    );
    const text = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string(), fc.json()), (input) => {
        try {
          parseConfig(input, 'm');
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
        }
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });

  test('any value is a spec or refused with a FieldError', () => {
    const fields = ['name', 'vip', 'ports', 'forwarding', 'healthCheck', 'type', 'destinations'];
    const value = fc.object({
      key: fc.constantFrom(...fields, 'method', 'address', '__proto__', 'toString'),
      values: [fc.constantFrom('a', 80, 'tcp', 'tunnel', '10.0.0.1'), fc.anything()],
      maxDepth: 4,
    });
    fc.assert(
      fc.property(fc.oneof(value, fc.anything()), (input) => {
        try {
          checkSpec(input, 'x');
        } catch (error) {
          if (!(error instanceof FieldError)) throw error;
        }
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });
});

describe('checkSpec', () => {
  const web = { name: 'web', vip: '10.0.0.1', ports: [80] };

  test('names the field below where', () => {
    expect(() => checkSpec({ ...web, ports: [{ port: 0 }], x: 1 }, 'services[3]')).toThrow(
      /^services\[3\]\.ports\[0\]\.port: expected a port 1-65535, got 0; services\[3\]\.x: unknown/,
    );
    expect(() => checkSpec(7, 'services[3]')).toThrow('services[3]: expected a mapping, got 7');
    expect(() => checkSpec({}, '')).toThrow(/^name: expected/);
  });

  test('a field replaces the default as a whole', () => {
    const defaults = { affinity: { timeoutS: 60, prefix4: 8 }, snat: 'always' as const };
    const affinity = { timeout: '5m', prefix6: 64 };
    expect(checkSpec(web, '', defaults).affinity).toEqual({
      timeoutS: 60,
      prefix4: 8,
      prefix6: 128,
    });
    expect(checkSpec({ ...web, affinity }, '', defaults).affinity).toEqual({
      timeoutS: 300,
      prefix4: 32,
      prefix6: 64,
    });
    expect(checkSpec({ ...web, affinity: 'off' }, '', defaults).affinity.timeoutS).toBe(0);
    expect(checkSpec({ ...web, forwarding: 'route' }, '', defaults).snat).toBe('never');
  });

  test('checkAcross names both services', () => {
    const specs = [web, { ...web, name: 'b', ports: ['70-90'] }].map((entry) =>
      checkSpec(entry, ''),
    );
    expect(checkAcross(specs)).toEqual([
      {
        path: [1, 'ports', 0],
        text: '10.0.0.1:80/tcp is taken by port 80/tcp of service "web"',
        related: [0, 'ports', 0],
      },
    ]);
  });

  test('writeSpec says all of it again', () => {
    const entries = [
      web,
      { ...web, vip: 'auto', forwarding: { method: 'tunnel' }, drainDeadline: '1500ms' },
      { ...web, forwarding: { method: 'tunnel', type: 'gre', checksum: true }, affinity: 3_600 },
      { ...web, healthCheck: { type: 'http', status: [200, '300-302'], port: 1, body: 'x' } },
      { ...web, ports: ['1-9:11-19/udp'], onePacket: true, destinations: ['10.0.0.2'] },
    ];
    for (const entry of entries) {
      const spec = checkSpec(entry, '');
      expect(checkSpec(writeSpec(spec), '', { snat: 'always', healthCheck: 'none' })).toEqual(spec);
    }
  });
});
