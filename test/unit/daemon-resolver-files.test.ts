import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DaemonResolverFiles } from '../../src/daemon-resolver-files.js';

let folder: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshd-netns-'));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function daemon(stateDir = '/var/lib/meshd', search: readonly string[] = []): DaemonResolverFiles {
  const say =
    (level: string) =>
    (_: object, text: string): void =>
      void said.push(`${level} ${text}`);
  return new DaemonResolverFiles({
    folder,
    stateDir,
    address: '127.0.0.11',
    log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    hostSettings: () => ({ search, options: [] }),
  });
}

/** Sandboxes where names of these networks are answered. */
function served(
  sandboxes: Readonly<Record<string, readonly string[]>>,
): Map<string, { networks: readonly string[] }> {
  return new Map(Object.entries(sandboxes).map(([path, networks]) => [path, { networks }]));
}

const web = '/run/netns/web';
const pathOf = (name: string): string => join(folder, name, 'resolv.conf');
const textOf = (name: string): string => readFileSync(pathOf(name), 'utf8');

function put(name: string, text: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(pathOf(name), text);
}

describe('resolver files', () => {
  it('come, follow the networks, and go with their directory', async () => {
    const files = daemon();
    await files.sync(served({ [web]: ['blue'] }));
    expect(textOf('web')).toMatch(
      /^# Written by meshd, .* network blue at .*\nnameserver 127\.0\.0\.11\n/,
    );
    expect(statSync(pathOf('web')).mode & 0o777).toBe(0o644);
    await files.sync(served({ [web]: ['blue', 'green'] }));
    expect(textOf('web')).toContain('networks blue, green');
    expect(readdirSync(folder, { recursive: true })).toEqual(['web', 'web/resolv.conf']);
    await files.sync(served({}));
    expect(readdirSync(folder)).toEqual([]);
    expect(said).toEqual([]);
  });

  it('are for named namespaces alone, one for all paths to it', async () => {
    const others = ['/proc/7/ns/net', '/run/netns/..', '/run/netns/a/b', '/tmp/run/netns/c'];
    const networks = Object.fromEntries(others.map((path) => [path, ['blue']]));
    const both = { [web]: ['blue'], '/var/run/netns/web': ['green', 'blue'] };
    const files = daemon();
    await files.sync(served({ ...networks, ...both }));
    expect(readdirSync(folder)).toEqual(['web']);
    expect(textOf('web')).toContain('networks blue, green');
    await files.sync(served({ '/var/run/netns/web': ['green'] }));
    expect(textOf('web')).toContain('network green');
  });

  it.each([
    ["a user's", 'nameserver 192.0.2.53\n'],
    ["another daemon's", '# Written by meshd, state in /var/lib/other: names of network blue\n'],
    ['an empty one', ''],
  ])('leave %s alone, and say so once', async (_, text) => {
    put('web', text);
    const files = daemon();
    for (const networks of [['blue'], ['green'], ['blue']]) {
      await files.sync(served({ [web]: networks }));
    }
    expect(textOf('web')).toBe(text);
    expect(said).toEqual([
      'info resolver file of namespace web: there is one that is not of this meshd: it stays as it is',
    ]);
    rmSync(pathOf('web'));
    await files.sync(served({ [web]: ['blue'] }));
    expect(textOf('web')).toContain('network blue');
  });

  it('leave links alone, wherever they lead', async () => {
    mkdirSync(join(folder, 'web'));
    symlinkSync('/nowhere', pathOf('web'));
    const files = daemon();
    await files.sync(served({ [web]: ['blue'] }));
    await files.sync(served({}));
    expect(readdirSync(join(folder, 'web'))).toEqual(['resolv.conf']);
  });

  it('of an earlier run go, or are as they should be; those of others stay', async () => {
    await daemon().sync(served({ [web]: ['blue'], '/run/netns/old': ['blue'] }));
    await daemon('/var/lib/other').sync(served({ '/run/netns/theirs': ['blue'] }));
    put('own', 'nameserver 192.0.2.53\n');
    writeFileSync(join(folder, 'old/hosts'), '');
    const { ino } = statSync(pathOf('web'));
    const files = daemon();
    await files.sync(served({ [web]: ['blue'] }));
    expect(statSync(pathOf('web')).ino).toBe(ino);
    expect(readdirSync(folder).sort()).toEqual(['old', 'own', 'theirs', 'web']);
    expect(readdirSync(join(folder, 'old'))).toEqual(['hosts']);
    await daemon('/var/lib/meshd', ['example.org']).sync(served({ [web]: ['blue'] }));
    expect(textOf('web')).toContain('\nsearch example.org\n');
    await daemon().sync(served({}));
    expect(readdirSync(folder).sort()).toEqual(['old', 'own', 'theirs']);
  });

  it('that somebody made his own stay when the sandbox leaves', async () => {
    const files = daemon();
    await files.sync(served({ [web]: ['blue'] }));
    writeFileSync(pathOf('web'), 'nameserver 192.0.2.53\n');
    await files.sync(served({}));
    expect(existsSync(pathOf('web'))).toBe(true);
  });

  it('that cannot be written are warned of once, and tried again', async () => {
    writeFileSync(join(folder, 'web'), 'not a directory');
    const files = daemon();
    await files.sync(served({ [web]: ['blue'] }));
    await files.sync(served({ [web]: ['blue'] }));
    expect(said).toEqual([
      expect.stringMatching(/^warn resolver file of namespace web: .*ENOTDIR/),
    ]);
    rmSync(join(folder, 'web'));
    await files.sync(served({ [web]: ['blue'] }));
    expect(textOf('web')).toContain('network blue');
  });

  it('need no directory above theirs', async () => {
    rmSync(folder, { recursive: true });
    await daemon().sync(served({}));
    expect(existsSync(folder)).toBe(false);
    await daemon().sync(served({ [web]: ['blue'] }));
    expect(textOf('web')).toContain('network blue');
  });
});
