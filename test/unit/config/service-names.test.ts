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
  ])('are read, written and told to other nodes: %j', (fields) => {
    const spec = checkSpec({ ...web, ...fields }, 'web');
    expect(spec.aliases).toEqual(fields['aliases'] ?? []);
    expect(checkSpec(writeSpec(spec), 'web')).toEqual(spec);
    const told = decodeServiceRow('a', 'web', encodeServiceRow(1, spec));
    expect(told).toEqual({ owner: 'a', claim: 1, service: spec });
  });

  it('are for services without a network as well', () => {
    const alone = { name: 'web', aliases: ['www'], vip: '10.0.0.1', ports: [80] };
    expect(checkSpec(alone, 'web').aliases).toEqual(['www']);
  });

  it('need no field that other versions do not know', () => {
    expect(Object.keys(writeSpec(checkSpec({ ...web, aliases: [] }, 'web')))).not.toContain(
      'aliases',
    );
  });

  it('are part of what is asked for', () => {
    const [none, one] = [checkSpec(web, ''), checkSpec({ ...web, aliases: ['www'] }, '')];
    expect(sameService(none, one)).toBe(false);
    expect(sameService(one, { ...one, aliases: ['www'] })).toBe(true);
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
  ])('are refused: %j', (fields, message) => {
    expect(problem(fields)).toContain(message);
  });
});
