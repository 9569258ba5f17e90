import { describe, expect, it } from 'vitest';
import { formatResolverFile, parseResolverSettings, resolverMark } from '../../../src/dns/index.js';

const file = { stateDir: '/var/lib/meshd', address: '127.0.0.11', networks: ['blue'] };
const firstLine =
  '# Written by meshd, state in /var/lib/meshd: ' +
  'names of network blue at 127.0.0.11, where others are forwarded.';

describe('the resolver file of a sandbox', () => {
  it.each([
    { what: 'nothing', host: '', lines: ['options ndots:0'] },
    {
      what: 'servers alone, which are asked by us',
      host: '# the host\nnameserver 192.0.2.53\nnameserver fd00::53\n',
      lines: ['options ndots:0'],
    },
    {
      what: 'search domains',
      host: 'search example.org  lan\noptions edns0 timeout:1\n',
      lines: ['search example.org lan', 'options edns0 timeout:1 ndots:0'],
    },
    {
      what: 'a domain, the last that is said',
      host: 'search example.org lan\ndomain corp.example\n',
      lines: ['search corp.example', 'options ndots:0'],
    },
    {
      what: 'options on several lines, with dots of its own',
      host: 'options ndots:2\n options rotate\noptions\n',
      lines: ['options ndots:2 rotate'],
    },
  ])('where the host has $what', ({ host, lines }) => {
    const text = formatResolverFile({ ...file, host: parseResolverSettings(host) });
    expect(text).toBe([firstLine, 'nameserver 127.0.0.11', ...lines, ''].join('\n'));
  });

  it('names the networks, and whose it is', () => {
    const host = parseResolverSettings('');
    const text = formatResolverFile({ ...file, networks: ['blue', 'green'], host });
    expect(text.split('\n')[0]).toContain(': names of networks blue, green at ');
    expect(text.startsWith(resolverMark('/var/lib/meshd'))).toBe(true);
    expect(text.startsWith(resolverMark('/var/lib/mesh'))).toBe(false);
  });
});
