import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkSpec } from '../../../src/config/index.js';
import { CliHarness } from '../../support/cli-harness.js';
import { stateOf } from '../../support/fake-states.js';

let harness: CliHarness;

beforeEach(async () => {
  harness = new CliHarness();
  await harness.start();
});
afterEach(() => harness.stop());

const api = '{name: api, ports: [80], destinations: [{address: 10.0.0.9}]}';

describe('service drain', () => {
  test('Ctrl-C leaves the drain going and says so', async () => {
    const { backend, terminal } = harness;
    backend.onDrain = (report) =>
      report({ phase: 'draining', connections: 5, remainingMs: 9_000, destinations: [] });
    const exit = harness.run('service', 'drain', 'web', 'web-1');
    await terminal.stdout.until(/5 connections left/);
    terminal.interrupt();
    expect(await exit).toBe(130);
    expect(terminal.stderr.text).toBe(
      'the drain of web/web-1 goes on; see it with: meshctl endpoint ls web\n',
    );
  });

  test('on a terminal it is one line, written over', async () => {
    const { backend, terminal } = harness;
    terminal.stdout.isTTY = true;
    const progress = { remainingMs: 9_000, destinations: [] };
    backend.onDrain = (report) => {
      report({ ...progress, phase: 'draining', connections: 5 });
      report({ ...progress, phase: 'draining', connections: 5 });
      report({ ...progress, phase: 'finished', connections: 0 });
    };
    expect(await harness.run('service', 'drain', 'web')).toBe(0);
    expect(terminal.stdout.text).toBe(
      '\rweb: 5 connections left, 9s to go\x1b[K\rweb: drained, no connection is left\x1b[K\n',
    );
  });
});

describe('service apply --wait', () => {
  test('returns when the kernel holds the service', async () => {
    const { backend, terminal } = harness;
    backend.programs = false;
    terminal.stdin = api;
    let ended = false;
    const exit = harness.run('service', 'apply', '-f', '-', '--wait').then((code) => {
      ended = true;
      return code;
    });
    await terminal.stdout.until(/api created/);
    backend.set({ ...backend.table.get('web')! });
    expect(ended).toBe(false);
    backend.program('api');
    expect(await exit).toBe(0);
  });

  test('gives up after the timeout', async () => {
    harness.backend.programs = false;
    harness.terminal.stdin = api;
    expect(await harness.run('service', 'apply', '-f', '-', '--wait', '--timeout', '20ms')).toBe(1);
    expect(harness.terminal.stderr.text).toBe(
      'meshctl: deadline_exceeded: applied, but not in the kernel in time: api\n',
    );
  });

  test('fails when a conflict keeps the service out', async () => {
    const { backend, terminal } = harness;
    backend.programs = false;
    terminal.stdin = api;
    const exit = harness.run('service', 'apply', '-f', '-', '--wait');
    await terminal.stdout.until(/api created/);
    backend.set({ ...backend.table.get('api')!, withheld: '10.96.0.1 is an address of eth0' });
    expect(await exit).toBe(5);
    expect(terminal.stderr.text).toContain('service api is withheld: 10.96.0.1 is an address');
  });

  test('Ctrl-C leaves what was applied', async () => {
    const { backend, terminal } = harness;
    backend.programs = false;
    terminal.stdin = api;
    const exit = harness.run('service', 'apply', '-f', '-', '--wait');
    await terminal.stdout.until(/api created/);
    while (backend.watchers === 0) await new Promise(setImmediate);
    terminal.interrupt();
    expect(await exit).toBe(130);
    expect(backend.table.has('api')).toBe(true);
  });
});

describe('vip watch', () => {
  test('prints what there is, then changes, until Ctrl-C', async () => {
    const { backend, terminal } = harness;
    const exit = harness.run('vip', 'watch');
    await terminal.stdout.until(/web-2/);
    const spec = checkSpec(
      { name: 'api', ports: [80], destinations: [{ address: '10.0.0.9' }] },
      '',
    );
    backend.set(stateOf(spec, { vips: ['10.96.0.1'], revision: 4 }));
    await backend.remove({ name: 'legacy', now: true });
    await terminal.stdout.until(/removed/);
    terminal.interrupt();
    expect(await exit).toBe(0);
    expect(terminal.stdout.text.split('\n')).toEqual([
      'present  dns 10.96.0.53,fd00:96::53 53/udp ready: dns-1=1, dns-2=1',
      'present  legacy 192.0.2.7 25/tcp withheld (192.0.2.7 is an address of eth0): 10.0.0.25=1',
      'present  web 10.96.0.10 80:8080/tcp,443:8443/tcp ready: web-1=2 healthy, web-2=0 unhealthy',
      'changed  api 10.96.0.1 80/tcp ready: 10.0.0.9=1',
      'removed  legacy',
      '',
    ]);
  });

  test('for programs: an object per line, each with its position', async () => {
    const { backend, terminal } = harness;
    const exit = harness.run('vip', 'watch', 'web', '--json');
    await terminal.stdout.until(/\n/);
    backend.set(backend.table.get('dns')!);
    backend.set(backend.table.get('web')!);
    await terminal.stdout.until(/\n.*\n/);
    terminal.interrupt();
    expect(await exit).toBe(0);
    const events = terminal.stdout.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; position: unknown });
    expect(events.map(({ type, position }) => ({ type, position }))).toEqual([
      { type: 'snapshot', position: { instance: 'run-1', sequence: 3 } },
      { type: 'set', position: { instance: 'run-1', sequence: 5 } },
    ]);
  });
});

describe('top', () => {
  test('draws over the terminal and gives it back when q is pressed', async () => {
    const { terminal } = harness;
    Object.assign(terminal.stdout, { isTTY: true, columns: 60, rows: 6 });
    const exit = harness.run('top', '--interval', '100ms');
    await terminal.stdout.until(/web-1|dns-1/);
    terminal.press('q');
    expect(await exit).toBe(0);
    const text = terminal.stdout.text;
    expect(text.startsWith('\x1b[?1049h\x1b[?25l\x1b[H')).toBe(true);
    expect(text.endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
    const frame = text.slice(text.indexOf('\x1b[H') + 3, text.indexOf('\x1b[J'));
    expect(frame.split('\x1b[K\r\n').filter((line) => line !== '').length).toBeLessThan(6);
  });

  test('elsewhere prints one snapshot per interval', async () => {
    const { terminal } = harness;
    const exit = harness.run('top', 'dns', '--interval', '100ms');
    await terminal.stdout.until(/virtual service[^]*virtual service/);
    terminal.interrupt();
    expect(await exit).toBe(0);
    expect(terminal.stdout.text).not.toContain('\x1b');
  });
});

describe('completion', () => {
  test('scripts of bash are bash', async () => {
    await harness.run('completion', 'bash');
    const { status, stderr } = spawnSync('bash', ['-n'], { input: harness.terminal.stdout.text });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
  });

  test('bash takes the candidates of meshctl', async () => {
    await harness.run('completion', 'bash');
    const input = `
      meshctl() { local IFS=' '; [ "$*" = "__complete -- service inspect w" ] && printf 'web\\nworld\\n'; }
      ${harness.terminal.stdout.text}
      COMP_WORDS=(meshctl service inspect w) COMP_CWORD=3
      _meshctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(spawnSync('bash', [], { input }).stdout.toString()).toBe('web\nworld\n');
  });

  test.each(['zsh', 'fish'])('there is one for %s', async (shell) => {
    expect(await harness.run('completion', shell)).toBe(0);
    expect(harness.terminal.stdout.text).toContain('meshctl __complete -- ');
  });
});

test('colors are for terminals, and NO_COLOR turns them off', async () => {
  const { terminal } = harness;
  await harness.run('service', 'ls');
  expect(terminal.stdout.text).not.toContain('\x1b');
  terminal.stdout.isTTY = true;
  await harness.run('service', 'ls', '--no-color');
  expect(terminal.stdout.text).not.toContain('\x1b');
  await harness.run('service', 'ls');
  expect(terminal.stdout.text).toContain('\x1b[32mready');
});

test('a name cannot move the cursor', async () => {
  const { backend, terminal } = harness;
  backend.set({ ...backend.table.get('legacy')!, withheld: 'x\x1b[2Jy' });
  await harness.run('service', 'inspect', 'legacy');
  await harness.run('vip', 'inspect', 'legacy');
  await harness.run('status');
  expect(terminal.stdout.text).not.toContain('\x1b');
});
