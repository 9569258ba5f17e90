import { describe, expect, it, test } from 'vitest';
import { checkSpec, writeSpec } from '../../../src/config/index.js';
import { decodeServiceRow, encodeServiceRow } from '../../../src/mesh/service-row.js';
import { sameService } from '../../../src/store/index.js';

const web = { name: 'web', network: 'front', endpointMode: 'dnsrr' };

function problem(fields: Record<string, unknown>): string {
  try {
    checkSpec({ ...web, ...fields }, 'web');
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const many = Array.from({ length: 17 }, (_, i) => `www-${i}`);

describe('names of a service', () => {
  it.each<[Record<string, unknown>]>([
    [{}],
    [{ aliases: ['shop', 'www.example', '0'] }],
    [{ aliases: many.slice(1) }],
    [{ dnsTtl: 0 }],
    [{ dnsTtl: '90s', aliases: ['www'] }],
    [{ dnsTtl: '1h' }],
  ])('are read, written and told to other nodes: %j', (fields) => {
    const spec = checkSpec({ ...web, ...fields }, 'web');
    const ttls: Record<string, number> = { 0: 0, '90s': 90, '1h': 3_600 };
    expect(spec.aliases).toEqual(fields['aliases'] ?? []);
    expect(spec.dnsTtlS).toBe(ttls[String(fields['dnsTtl'])]);
    expect(checkSpec(writeSpec(spec), 'web')).toEqual(spec);
    const told = decodeServiceRow('a', 'web', encodeServiceRow(1, spec));
    expect(told).toEqual({ owner: 'a', claim: 1, service: spec });
  });

  it('are for services without a network as well', () => {
    const alone = { name: 'web', aliases: ['www'], dnsTtl: 7, vip: '10.0.0.1', ports: [80] };
    expect(checkSpec(alone, 'web')).toMatchObject({ aliases: ['www'], dnsTtlS: 7 });
  });

  it('need no field that other versions do not know', () => {
    const written = writeSpec(checkSpec({ ...web, aliases: [] }, 'web'));
    expect(written).not.toHaveProperty('aliases');
    expect(written).not.toHaveProperty('dnsTtl');
  });

  it('are part of what is asked for', () => {
    const [none, one] = [checkSpec(web, ''), checkSpec({ ...web, aliases: ['www'] }, '')];
    expect(sameService(none, one)).toBe(false);
    expect(sameService(one, { ...one, aliases: ['www'] })).toBe(true);
    expect(sameService(one, { ...one, dnsTtlS: 5 })).toBe(false);
  });

  const name = 'expected a name of 1-63 lower-case letters, digits, "-" and "."';
  test.each<[Record<string, unknown>, string]>([
    [{ aliases: 'www' }, 'web.aliases: expected a list of at most 16 names, got "www"'],
    [{ aliases: many }, 'web.aliases: expected a list of at most 16 names'],
    [{ aliases: ['WWW'] }, `web.aliases[0]: ${name}, got "WWW"`],
    [{ aliases: ['a', 'b..c'] }, `web.aliases[1]: ${name}`],
    [{ aliases: ['-a'] }, `web.aliases[0]: ${name}`],
    [{ aliases: ['a_b'] }, `web.aliases[0]: ${name}`],
    [{ aliases: [''] }, `web.aliases[0]: ${name}`],
    [{ aliases: ['a'.repeat(64)] }, `web.aliases[0]: ${name}`],
    [{ aliases: ['www', 'web'] }, 'web.aliases[1]: expected other names than its own, got "web"'],
    [
      { aliases: ['www', 'shop', 'www'] },
      'web.aliases[2]: expected each name once, "www" is aliases[0] already',
    ],
    [{ dnsTtl: '61m' }, 'web.dnsTtl: expected a duration 0s-1h such as 500ms, 30s, 5m or 1h, in'],
    [{ dnsTtl: '1500ms' }, 'in whole seconds, got "1500ms"'],
    [{ dnsTtl: -1 }, 'web.dnsTtl: expected a duration 0s-1h'],
    [{ dnsTtl: 'auto' }, 'web.dnsTtl: expected a duration 0s-1h'],
  ])('are refused: %j', (fields, message) => {
    expect(problem(fields)).toContain(message);
  });
});
