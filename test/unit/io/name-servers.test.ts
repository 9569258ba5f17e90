import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { hostNameServers } from '../../../src/io/index.js';

const folder = mkdtempSync(join(tmpdir(), 'resolv-'));
const paths = { host: join(folder, 'host'), resolved: join(folder, 'resolved') };
afterEach(() => {
  for (const path of Object.values(paths)) rmSync(path, { force: true });
});

it.each<[string, { host?: string; resolved?: string }, string[]]>([
  ['no file', {}, []],
  [
    'servers of both families, and lines of other kinds',
    {
      host: '# mine\nsearch a.test\nnameserver 192.0.2.1\n nameserver\t2001:DB8::1 \nnameserver x\n',
    },
    ['192.0.2.1', '2001:db8::1'],
  ],
  [
    'systemd-resolved: those that it asks',
    { host: 'nameserver 127.0.0.53\n', resolved: 'nameserver 192.0.2.9\n' },
    ['192.0.2.9'],
  ],
  ['the same without its file', { host: 'nameserver 127.0.0.53\n' }, []],
  [
    'it beside others',
    { host: 'nameserver 127.0.0.53\nnameserver 192.0.2.1\n', resolved: 'nameserver 192.0.2.9\n' },
    ['127.0.0.53', '192.0.2.1'],
  ],
])('%s', (_, files, servers) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(paths[name as 'host'], text);
  expect(hostNameServers(paths)).toEqual(servers);
});
