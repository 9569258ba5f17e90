import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bindSocket } from '../../src/kernel/linux/index.js';
import { run } from './command.js';
import { within } from './netns.js';

/** A name server with an address for each of `svc1` to `svcN` below mesh.internal. */
export interface NameServer {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  readonly port: number;
  /** Its files. */
  readonly folder: string;
  stop(): Promise<void>;
}

export const domain = 'mesh.internal';
export const nameOf = (i: number): string => `svc${i}.${domain}`;
export const addressOf = (i: number): string => `10.96.${i >> 8}.${i & 255}`;
const each = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i + 1)).join('');

/** All that servers share: how long an answer may be kept. */
const ttlS = 5;
/** Of the servers. The load has the other one. */
const serverCore = '1';
export const loadCore = '0';

interface Kind {
  readonly name: string;
  readonly program: string;
  /** First word with a digit in it of what this prints. */
  readonly version: readonly string[];
  /** Writes its files; returns its command line. */
  prepare(folder: string, port: number, count: number): readonly string[];
}

const meshd: Kind = {
  name: 'meshd',
  program: process.execPath,
  version: ['dist/meshd.js', '--version'],
  prepare(folder, port, count) {
    const config = join(folder, 'meshd.yaml');
    writeFileSync(
      config,
      JSON.stringify({
        api: { socket: join(folder, 'meshd.sock'), group: '0' },
        log: { level: 'warn' },
        stateDir: join(folder, 'state'),
        dataPath: 'nftables',
        pools: ['10.98.0.0/16'],
        dns: { listen: [`127.0.0.1:${port}`], queriesPerSecond: 0, upstreams: [] },
        services: Array.from({ length: count }, (_, i) => ({
          name: `svc${i + 1}`,
          vip: addressOf(i + 1),
          ports: ['80/tcp'],
          destinations: ['192.0.2.1'],
        })),
      }),
    );
    return ['dist/meshd.js', '--config', config];
  },
};

const dnsmasq: Kind = {
  name: 'dnsmasq',
  program: 'dnsmasq',
  version: ['--version'],
  prepare(folder, port, count) {
    writeFileSync(
      join(folder, 'hosts'),
      each(count, (i) => `${addressOf(i)} ${nameOf(i)}\n`),
    );
    const lines = [
      `port=${port}`,
      'listen-address=127.0.0.1',
      'bind-interfaces',
      'no-resolv',
      'no-hosts',
      `addn-hosts=${folder}/hosts`,
      `local-ttl=${ttlS}`,
      'keep-in-foreground',
      'user=root',
      `pid-file=${folder}/pid`,
    ];
    writeFileSync(join(folder, 'conf'), `${lines.join('\n')}\n`);
    return ['-C', join(folder, 'conf')];
  },
};

const unbound: Kind = {
  name: 'unbound',
  program: 'unbound',
  version: ['-V'],
  prepare(folder, port, count) {
    const options = [
      `interface: 127.0.0.1@${port}`,
      'num-threads: 1',
      'do-daemonize: no',
      'username: ""',
      'chroot: ""',
      `directory: "${folder}"`,
      `pidfile: "${folder}/pid"`,
      'use-syslog: no',
      `logfile: "${folder}/log"`,
      'do-ip6: no',
      `local-zone: "${domain}." static`,
    ];
    const records = each(count, (i) => `  local-data: "${nameOf(i)}. ${ttlS} A ${addressOf(i)}"\n`);
    const control = `remote-control:\n  control-enable: yes\n  control-interface: ${folder}/control\n`;
    const server = options.map((line) => `  ${line}\n`).join('');
    writeFileSync(join(folder, 'conf'), `server:\n${server}${records}${control}`);
    return ['-d', '-c', join(folder, 'conf')];
  },
};

const knot: Kind = {
  name: 'knot',
  program: 'knotd',
  version: ['--version'],
  prepare(folder, port, count) {
    const head = `$ORIGIN ${domain}.\n$TTL ${ttlS}\n@ SOA ns admin 1 3600 600 86400 5\n@ NS ns\n`;
    const records = each(count, (i) => `svc${i} A ${addressOf(i)}\n`);
    writeFileSync(join(folder, 'zone'), `${head}ns A 127.0.0.1\n${records}`);
    const workers = ['udp', 'tcp', 'background'].map((kind) => `  ${kind}-workers: 1\n`).join('');
    writeFileSync(
      join(folder, 'conf'),
      `server:\n  rundir: ${folder}\n  listen: 127.0.0.1@${port}\n${workers}` +
        `database:\n  storage: ${folder}\n` +
        `zone:\n  - domain: ${domain}\n    file: ${folder}/zone\n    zonefile-sync: -1\n` +
        '    journal-content: none\n',
    );
    return ['-c', join(folder, 'conf')];
  },
};

const kinds: readonly Kind[] = [meshd, dnsmasq, unbound, knot];
const firstPort = 5_301;

/** Ours first, then the peers; all of them on one core, which idle ones leave alone. */
export async function startServers(netns: string, count: number): Promise<NameServer[]> {
  const servers: NameServer[] = [];
  for (const [i, kind] of kinds.entries()) {
    servers.push(await start(kind, { netns, port: firstPort + i, count }));
  }
  return servers;
}

async function start(
  kind: Kind,
  at: { readonly netns: string; readonly port: number; readonly count: number },
): Promise<NameServer> {
  const folder = mkdtempSync(`/tmp/bench-${kind.name}-`);
  mkdirSync(folder, { recursive: true });
  const argv = [kind.program, ...kind.prepare(folder, at.port, at.count)];
  const [file, ...rest] = within(at.netns, ['taskset', '-c', serverCore, ...argv]);
  const child = spawn(file!, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const prober = await openProber(at.netns, at.port);
  for (let left = 600; (await prober.ask(at.count, 200)) === undefined; left--) {
    if (child.exitCode === null && left > 0) continue;
    child.kill();
    throw new Error(`${kind.name} does not answer`);
  }
  prober.close();
  return {
    name: kind.name,
    version: await versionOf(kind),
    pid: child.pid!,
    port: at.port,
    folder,
    async stop() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

async function versionOf({ program, version }: Kind): Promise<string> {
  const { stdout } = await run([program, ...version]);
  return /[0-9]+\.[0-9][0-9A-Za-z.]*/.exec(stdout)?.[0] ?? 'unknown';
}

export interface Prober {
  /** The address of `svcI`, as text; undefined when nothing comes in time. */
  ask(i: number, timeoutMs: number): Promise<string | undefined>;
  close(): void;
}

/** One query at a time, from within the namespace. */
export async function openProber(netns: string, port: number): Promise<Prober> {
  const fd = await bindSocket({
    type: 'udp',
    netns: `/run/netns/${netns}`,
    address: '127.0.0.1',
    port: 0,
  });
  const socket = createSocket('udp4').bind({ fd });
  let id = 0;
  let heard: (response: Buffer) => void = () => undefined;
  socket.on('message', (response) => heard(response));
  return {
    ask: (i, timeoutMs) =>
      new Promise((resolve) => {
        id = (id + 1) % 0x1_0000;
        const asked = id;
        const timer = setTimeout(() => resolve(undefined), timeoutMs);
        heard = (response) => {
          if (response.readUInt16BE(0) !== asked) return;
          clearTimeout(timer);
          const isAnswered = response.readUInt16BE(6) > 0;
          resolve(isAnswered ? [...response.subarray(-4)].join('.') : undefined);
        };
        socket.send(queryOf(nameOf(i), asked), port, '127.0.0.1');
      }),
    close: () => socket.close(),
  };
}

function queryOf(name: string, id: number): Buffer {
  const labels = name.split('.').map((label) => String.fromCharCode(label.length) + label);
  const header = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, Buffer.from(`${labels.join('')}\0\0\x01\0\x01`, 'latin1')]);
}

/** Unit: kB. */
export function memoryKb({ pid }: NameServer): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+([0-9]+) kB/m.exec(status)![1]);
}

/** Time on a processor so far. Unit: seconds, to a hundredth. */
export function cpuS({ pid }: NameServer): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Whether the programs are there that are measured against. */
export function missingPrograms(): string[] {
  const programs = ['dnsperf', 'taskset', 'dnsmasq', 'unbound', 'knotd'];
  const folders = (process.env['PATH'] ?? '').split(':').concat('/usr/sbin', '/sbin');
  return programs.filter((one) => !folders.some((folder) => existsSync(join(folder, one))));
}
