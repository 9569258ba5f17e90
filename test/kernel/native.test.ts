/** The addon against real namespaces. Needs root and iproute2, no IPVS. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { loadNative, type NetlinkSocket } from '../../src/kernel/linux/native.js';
import {
  NLM_F_DUMP,
  RTM_NEWLINK,
  addonPath,
  getLink,
  linkName,
  parse,
} from '../unit/native/messages.js';

const native = loadNative();
const RTNLGRP_LINK = 1;

const names: string[] = [];
const sockets: NetlinkSocket[] = [];

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A new namespace with one veth pair, removed after the test. */
function makeNamespace(link: string): { name: string; path: string } {
  const name = `meshd-native-${process.pid}-${names.length}`;
  ip('netns', 'add', name);
  names.push(name);
  ip('-n', name, 'link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}p`);
  return { name, path: `/run/netns/${name}` };
}

async function open(options: Parameters<typeof native.open>[0]): Promise<NetlinkSocket> {
  const socket = await native.open(options);
  sockets.push(socket);
  return socket;
}

async function linkNames(socket: NetlinkSocket): Promise<string[]> {
  const { replies } = await socket.exchange(getLink(1, { flags: NLM_F_DUMP }));
  return linksIn(replies);
}

function linksIn(messages: Buffer): string[] {
  return parse(messages)
    .filter((m) => m.type === RTM_NEWLINK)
    .map(linkName);
}

/** The namespace of every thread of this process. */
function threadNamespaces(): Set<string> {
  const links = readdirSync('/proc/self/task').map((thread) => {
    try {
      return readlinkSync(`/proc/self/task/${thread}/ns/net`);
    } catch {
      return undefined; // the thread has ended since
    }
  });
  return new Set(links.filter((link) => link !== undefined));
}

afterEach(async () => {
  await Promise.all(sockets.splice(0).map((socket) => socket.close()));
  for (const name of names) {
    try {
      ip('netns', 'del', name);
    } catch {
      // The test deleted it itself.
    }
  }
  names.length = 0;
});

test('a socket sees only the links of its namespace, and outlives the namespace file', async () => {
  const { name, path } = makeNamespace('one');
  const [inside, outside] = await Promise.all([
    open({ protocol: 0, netns: path }),
    open({ protocol: 0 }),
  ]);
  expect(await linkNames(inside)).toEqual(expect.arrayContaining(['lo', 'one', 'onep']));
  expect(await linkNames(inside)).not.toContain('eth0');
  expect(await linkNames(outside)).not.toContain('one');
  ip('netns', 'del', name);
  expect(await linkNames(inside)).toContain('one');
});

test('a namespace that vanished is ENOENT, a new one of that name has another identity', async () => {
  const { name, path } = makeNamespace('one');
  const before = native.netnsId(path);
  const { dev, ino } = statSync(path);
  expect(before).toEqual({ dev, ino });
  expect(before).not.toEqual(native.netnsId());
  // Keeps the old namespace alive, so that its inode number cannot be given to the new one.
  const socket = await open({ protocol: 0, netns: path });

  ip('netns', 'del', name);
  const gone = { errno: 2, code: 'ENOENT', path };
  await expect(native.open({ protocol: 0, netns: path })).rejects.toMatchObject(gone);
  await expect(native.readFile('/proc/self/maps', { netns: path })).rejects.toMatchObject(gone);
  expect(() => native.netnsId(path)).toThrow(expect.objectContaining(gone));

  ip('netns', 'add', name);
  expect(native.netnsId(path)).not.toEqual(before);
  expect(await linkNames(socket)).toContain('one');
});

test('files under /proc are those of the namespace', async () => {
  const { path } = makeNamespace('one');
  const options = { netns: path };
  const sysctl = '/proc/sys/net/ipv4/ip_forward';
  const outside = (await native.readFile(sysctl)).toString();

  await native.writeFile(sysctl, Buffer.from('1'), options);
  expect((await native.readFile(sysctl, options)).toString()).toBe('1\n');
  await native.writeFile(sysctl, Buffer.from('0'), options);
  expect((await native.readFile(sysctl, options)).toString()).toBe('0\n');
  expect((await native.readFile(sysctl)).toString()).toBe(outside);

  const devices = (await native.readFile('/proc/thread-self/net/dev', options)).toString();
  expect(devices).toContain('onep:');
  expect((await native.readFile('/proc/thread-self/net/dev')).toString()).not.toContain('onep:');

  await expect(native.writeFile(sysctl, Buffer.from('x'), options)).rejects.toMatchObject({
    errno: 22,
    syscall: 'write',
    path: sysctl,
  });
});

test('no thread of the process is left in another namespace', async () => {
  const own = readlinkSync('/proc/thread-self/ns/net');
  const paths = [makeNamespace('one').path, makeNamespace('two').path];
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const netns = paths[i % 2]!;
      const socket = await native.open({ protocol: 0, netns });
      expect(await linkNames(socket)).toContain(i % 2 === 0 ? 'one' : 'two');
      await native.readFile('/proc/thread-self/net/dev', { netns });
      await socket.close();
    }),
  );
  expect(threadNamespaces()).toEqual(new Set([own]));
  // Not only now: the pool threads serve the own namespace.
  const dev = await native.readFile('/proc/thread-self/net/dev');
  expect(dev.toString()).not.toContain('onep:');
});

test('a listener hears of a link, until it is closed in its own callback', async () => {
  const { name, path } = makeNamespace('one');
  const socket = await open({ protocol: 0, netns: path, groups: [RTNLGRP_LINK] });
  const heard: string[] = [];
  const found = new Promise<void>((resolve) => {
    socket.listen((messages, overrun) => {
      expect(overrun).toBe(false);
      heard.push(...linksIn(messages));
      if (heard.includes('two') && heard.includes('twop')) void socket.close().then(resolve);
    });
  });
  ip('-n', name, 'link', 'add', 'two', 'type', 'veth', 'peer', 'name', 'twop');
  await found;
  expect(heard).not.toContain('one');

  // A second listener proves that the event was sent, and so that the first one was deaf to it.
  const witness = await open({ protocol: 0, netns: path, groups: [RTNLGRP_LINK] });
  const seen = new Promise<void>((resolve) => witness.listen(() => resolve()));
  const count = heard.length;
  ip('-n', name, 'link', 'del', 'two');
  await seen;
  expect(heard).toHaveLength(count);
});

test('a listener that lost messages says so, and goes on', async () => {
  const { name, path } = makeNamespace('one');
  const groups = [RTNLGRP_LINK];
  const socket = await open({ protocol: 0, netns: path, groups, receiveBufferBytes: 1 });
  let overruns = 0;
  let tell: (name: string) => void = () => undefined;
  socket.listen((messages, overrun) => {
    if (overrun) overruns++;
    linksIn(messages).forEach((link) => tell(link));
    if (messages.length === 0) tell('');
  });
  // While this runs the event loop stands still, so nobody empties the buffer.
  for (let i = 0; i < 10; i++) ip('-n', name, 'link', 'set', 'one', 'mtu', String(1000 + i));
  await new Promise<void>((resolve) => {
    tell = () => (overruns > 0 ? resolve() : undefined);
  });

  for (let round = 0; round < 3; round++) {
    const heard = new Promise<void>((resolve) => {
      tell = (link) => (link === 'one' ? resolve() : undefined);
    });
    ip('-n', name, 'link', 'set', 'one', 'mtu', String(1200 + round));
    await heard;
  }
  expect(overruns).toBeGreaterThan(0);
});

test('an exception in the callback is an uncaught exception, and listening goes on', () => {
  const { name, path } = makeNamespace('one');
  // In a process of its own, because the test runner watches for uncaught exceptions.
  const script = `
    const native = require(process.argv[1]);
    process.once('uncaughtException', (error) => {
      console.log('uncaught', error.message);
      fail = () => { console.log('heard'); process.exit(); };
      execFileSync('ip', ['-n', '${name}', 'link', 'set', 'one', 'mtu', '1300']);
    });
    const { execFileSync } = require('node:child_process');
    let fail = () => { throw new Error('planned'); };
    setInterval(() => undefined, 1 << 30);
    native.open({ protocol: 0, netns: '${path}', groups: [1] }).then((socket) => {
      socket.listen(() => fail());
      execFileSync('ip', ['-n', '${name}', 'link', 'set', 'one', 'mtu', '1200']);
    });`;
  const output = execFileSync(process.execPath, ['-e', script, addonPath()], { encoding: 'utf8' });
  expect(output).toBe('uncaught planned\nheard\n');
});

test('a listener alone does not keep the process alive', () => {
  const { path } = makeNamespace('one');
  const script = `
    require(process.argv[1]).open({ protocol: 0, netns: '${path}', groups: [1] })
      .then((socket) => socket.listen(() => undefined));`;
  execFileSync(process.execPath, ['-e', script, addonPath()], { timeout: 60_000 });
});
