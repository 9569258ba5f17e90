import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DnsServer } from '../../../src/dns/index.js';
import { handlersFor, mesh, query, say, type AskOptions } from './mesh.js';

/** What is asked, by whom, and what is said: `test/golden/dns/answers.txt`. */
const path = fileURLToPath(new URL('../../golden/dns/answers.txt', import.meta.url));

export const questions: readonly (readonly [
  what: string,
  name: string,
  type: string,
  AskOptions?,
])[] = [
  ['a service: its VIP', 'web', 'A'],
  ['a service, IPv6', 'web', 'AAAA'],
  ['in another case, which is kept', 'wEb', 'A'],
  ['of one network', 'web.front', 'A'],
  ['in full', 'web.front.mesh.internal', 'A'],
  ['without network, in the domain', 'web.mesh.internal', 'A'],
  ['its tasks', 'tasks.web', 'A'],
  ['a service without VIP: its tasks', 'bare', 'A'],
  ['nobody serves it: the name is there all the same', 'idle', 'A'],
  ['a task', 'web-1', 'A'],
  ['a task of two nodes', 'twin', 'A'],
  ['a task in full', 'web-1.front.mesh.internal', 'AAAA'],
  ['where its endpoints listen', 'web', 'SRV'],
  ['of one port', '_8080._tcp.web', 'SRV'],
  ['of a port that it has not', '_9._tcp.web', 'SRV'],
  ['what it is', 'web', 'TXT'],
  ['an alias: as the name', 'www', 'A'],
  ['of several labels, in full', 'shop.example.front.mesh.internal', 'AAAA'],
  ['its tasks by an alias', 'tasks.www.front', 'A'],
  ['of one port, by an alias', '_8080._tcp.www', 'SRV'],
  ['what it is, by an alias: the service', 'www', 'TXT'],
  ['of no type that it has', 'web', 'MX'],
  ['with a TTL of its own', 'brief', 'A'],
  ['by an alias', 'short', 'A'],
  ['its tasks', 'tasks.brief', 'A'],
  ['where its endpoints listen', 'brief', 'SRV'],
  ['of one port', '_8080._tcp.short', 'SRV'],
  ['what it is', 'brief', 'TXT'],
  ['no address of this family', 'brief', 'AAAA'],
  ['no port of this number', '_9._tcp.brief', 'SRV'],
  ['a task of it: not the service', 'brief-1', 'A'],
  ['whose VIP: not a name of the service', '201.0.64.10.in-addr.arpa', 'PTR'],
  ['not to be kept', 'never', 'A'],
  ['of any type', 'web', 'ANY'],
  ['whose VIP', '200.0.64.10.in-addr.arpa', 'PTR'],
  ['whose address', '2.0.64.10.in-addr.arpa', 'PTR'],
  [
    'whose IPv6 address',
    '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.0.0.d.f.ip6.arpa',
    'PTR',
  ],
  ['of nobody, in our domain', 'none.mesh.internal', 'A'],
  [
    'of nobody, below the name of a network: a domain of the world may have that name',
    'none.front',
    'A',
  ],
  ['the domain itself', 'mesh.internal', 'A'],
  ['of nobody here: asked elsewhere', 'example.org', 'A'],
  ['of a network that the asker is not on: asked elsewhere', 'secret', 'A'],
  ['a network that the asker is not on, in full', 'secret.back.mesh.internal', 'A'],
  ['on internal networks alone nothing is asked elsewhere', 'example.org', 'A', { on: ['back'] }],
  ['a service there', 'secret', 'A', { on: ['back'] }],
  ['the host asks for what is on no network', 'api', 'A', { on: ['alone'] }],
  ['in full', 'api.mesh.internal', 'AAAA', { on: ['alone'] }],
  ['where it listens', 'api', 'SRV', { on: ['alone'] }],
  ['of one port', '_443._tcp.api.mesh.internal', 'SRV', { on: ['alone'] }],
  ['who takes connections', 'tasks.api', 'A', { on: ['alone'] }],
  ['what it is', 'api', 'TXT', { on: ['alone'] }],
  ['whose VIP', '1.0.96.10.in-addr.arpa', 'PTR', { on: ['alone'] }],
  ['a network', 'web.front', 'A', { on: ['alone'] }],
  ['with EDNS', 'web', 'A', { edns: 4_096 }],
  ['an unknown version of EDNS', 'web', 'A', { edns: 4_096, version: 1 }],
  ['more than 512 bytes', 'tasks.crowd', 'A'],
  ['the same with EDNS', 'tasks.crowd', 'A', { edns: 1_232 }],
  ['the same by TCP', 'tasks.crowd', 'A', { transport: 'tcp' }],
  ['of another class', 'web', 'A', { class: 3 }],
];

describe('answers', () => {
  it('are those of the golden text', async () => {
    const parts: string[] = [];
    for (const [what, name, type, options = {}] of questions) {
      const server = new DnsServer(handlersFor());
      const asker = mesh(options.on ?? ['front']);
      const { transport = 'udp' } = options;
      const response = await server.answer(query(name, type, options), asker, transport);
      parts.push(`# ${what}\n${name} ${type}\n${say(response)}\n`);
    }
    const text = parts.join('\n');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
    expect(text).toBe(readFileSync(path, 'utf8'));
  });
});
