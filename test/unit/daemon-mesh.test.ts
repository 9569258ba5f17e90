import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApiClient, methods, toWireApply, type UnaryMethod } from '../../src/api/index.js';
import { silentLog } from '../../src/base/index.js';
import { parseMember } from '../../src/config/index.js';
import { Daemon } from '../../src/daemon.js';
import type { PeerAddress } from '../../src/gossip/index.js';
import { realClock } from '../../src/io/index.js';
import { FakeKernel } from '../../src/kernel/fake/index.js';

const keys = ['one', 'two'].map((text) => Buffer.alloc(32, text).toString('base64'));
const web = { name: 'web', vip: '10.96.0.1', ports: [80], destinations: ['10.0.0.11'] };
const mail = { name: 'mail', vip: '10.96.0.2', ports: [25], destinations: ['10.0.0.12'] };

/** How long something may take that takes milliseconds on a machine at rest. */
const patience = { timeout: 20_000, interval: 20 };

let directory: string;
const hosts: Host[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshd-mesh-'));
});
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  rmSync(directory, { recursive: true });
});

/** A daemon whose kernel is a fake and whose gossip goes over loopback. */
class Host {
  readonly kernel = new FakeKernel();
  readonly task = new FakeKernel({ sandbox: 'task' });
  readonly folder: string;
  private daemon: Daemon | undefined;
  /** The first port that it got it keeps: a node stays where the others know it. */
  private bind = '127.0.0.1:0';

  constructor(readonly name: string) {
    this.folder = join(directory, name);
    mkdirSync(this.folder);
    this.writeKeys(keys[0]!);
    hosts.push(this);
  }

  writeKeys(...lines: string[]): void {
    writeFileSync(this.path('keys'), `${lines.join('\n')}\n`, { mode: 0o600 });
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  /** `toJoin`: as `meshd --join` gives it, beside the peers of the file. */
  async start(
    services: readonly object[] = [],
    peers: readonly string[] = [],
    toJoin: readonly PeerAddress[] = [],
  ): Promise<void> {
    const config = {
      api: { socket: this.path('api.sock'), group: process.getgid!() },
      stateDir: this.path('state'),
      mesh: {
        node: this.name,
        bind: this.bind,
        ...(peers.length === 0 ? {} : { join: peers }),
        keyFile: this.path('keys'),
        profile: 'local',
      },
      services,
    };
    writeFileSync(this.path('meshd.yaml'), JSON.stringify(config));
    const daemon = new Daemon({
      configPath: this.path('meshd.yaml'),
      join: toJoin,
      version: { version: '0.1.0', node: 'v20', kernel: '6.1' },
      instance: this.name,
      clock: realClock,
      random: Math.random,
      log: { ...silentLog, level: 'info' },
      openKernel: ({ netns }) => Promise.resolve(netns === undefined ? this.kernel : this.task),
    });
    await daemon.start();
    this.daemon = daemon;
    this.bind = await this.address();
  }

  async stop(): Promise<void> {
    await this.daemon?.stop();
    this.daemon = undefined;
  }

  async call<Q, R>(method: UnaryMethod<Q, R>, request: Q): Promise<R> {
    const api = createApiClient({
      path: this.path('api.sock'),
      deadlineMs: 20_000,
      clock: realClock,
    });
    try {
      return await api.call(method, request);
    } finally {
      api.close();
    }
  }

  apply(...services: object[]): Promise<unknown> {
    const expectedRevisions = new Map<string, number>();
    const request = { services, replaceAll: false, dryRun: false, expectedRevisions };
    return this.call(methods.applyServices, toWireApply(request));
  }

  async address(): Promise<string> {
    return (await this.call(methods.getMeshStatus, {})).address;
  }

  /** `web=10.96.0.1`, as the kernel has it. */
  vips(): string[] {
    return [...this.kernel.rules.values()]
      .flatMap((rule) => (rule.kind === 'virtual-service' ? [rule.match] : []))
      .map((match) => ('address' in match ? `${match.address}:${match.port}` : 'mark'))
      .sort();
  }

  async members(): Promise<string[]> {
    const { nodes } = await this.call(methods.listNodes, {});
    return nodes.map(({ name, state }) => `${name} ${state}`);
  }

  async converged(): Promise<void> {
    await vi.waitFor(async () => {
      const { lacking, alive } = await this.call(methods.getMeshStatus, {});
      expect(lacking).toEqual([]);
      expect(alive).toBe(hosts.length);
    }, patience);
  }
}

async function meshOf(...names: string[]): Promise<Host[]> {
  const all: Host[] = [];
  for (const name of names) {
    const host = new Host(name);
    await host.start([], all.length === 0 ? [] : [await all[0]!.address()]);
    all.push(host);
  }
  for (const host of all) await host.converged();
  return all;
}

describe('daemons in a mesh', () => {
  it('serve on all hosts what is declared on one, and no longer when it goes', async () => {
    const [a, b, c] = (await meshOf('a', 'b', 'c')) as [Host, Host, Host];
    await a.apply(web);
    await b.apply(mail);
    await a.converged();
    await b.converged();
    for (const host of [a, b, c]) expect(host.vips()).toEqual(['10.96.0.1:80', '10.96.0.2:25']);
    const { services } = await c.call(methods.listServices, {});
    expect(services.map(({ spec, source, owner }) => [spec.name, source, owner])).toEqual([
      ['mail', 'mesh', 'b'],
      ['web', 'mesh', 'a'],
    ]);
    await expect(c.apply({ ...web, ports: [81] })).rejects.toThrow('belongs to node a');
    await a.call(methods.removeService, { name: 'web', now: false });
    await a.converged();
    // What is removed may finish its connections first.
    await vi.waitFor(() => expect(c.vips()).toEqual(['10.96.0.2:25']), patience);
    await b.call(methods.leaveMesh, {});
    await vi.waitFor(() => expect(a.vips()).toEqual([]), patience);
    expect(await a.members()).toEqual(['a alive', 'b left', 'c alive']);
    expect(b.vips()).toEqual(['10.96.0.2:25']);
  });

  it('find each other by --join when the file names nobody', async () => {
    const a = new Host('a');
    await a.start([web]);
    const b = new Host('b');
    await b.start([], [], [parseMember(await a.address())!]);
    await a.converged();
    await b.converged();
    expect(await b.members()).toEqual(['a alive', 'b alive']);
    expect(b.vips()).toEqual(['10.96.0.1:80']);
  });

  it('change nothing in the kernel when one starts again', async () => {
    const [a, b] = (await meshOf('a', 'b')) as [Host, Host];
    await a.apply(web);
    await a.converged();
    await b.stop();
    await b.start([], []); // It finds the others by its memory.
    const { reconcile } = await b.call(methods.getStatus, {});
    expect(reconcile?.ops).toBe(0);
    expect(b.vips()).toEqual(['10.96.0.1:80']);
    await b.converged();
    await a.apply(mail);
    await a.converged();
    expect(b.vips()).toEqual(['10.96.0.1:80', '10.96.0.2:25']);
    expect(statSync(b.path('state/mesh.json')).mode & 0o777).toBe(0o600);
  });

  it('take the services of a host that died out of service', async () => {
    const [a, b] = (await meshOf('a', 'b')) as [Host, Host];
    await b.apply(web);
    await b.converged();
    expect(a.vips()).toEqual(['10.96.0.1:80']);
    await b.stop();
    await vi.waitFor(() => expect(a.vips()).toEqual([]), patience);
    await b.start([], [await a.address()]);
    await vi.waitFor(() => expect(a.vips()).toEqual(['10.96.0.1:80']), patience);
  });

  it('agree on who keeps a VIP that two ask for at once, and say who does not', async () => {
    const a = new Host('a');
    const b = new Host('b');
    await a.start([web]);
    await b.start([{ ...mail, vip: web.vip, ports: [80] }]);
    await b.stop();
    await b.start([{ ...mail, vip: web.vip, ports: [80] }], [await a.address()]);
    await a.converged();
    await b.converged();
    await vi.waitFor(async () => {
      const { services } = await b.call(methods.listServices, {});
      expect(services.map(({ spec, withheld }) => [spec.name, withheld])).toEqual([
        ['mail', '10.96.0.1:80/tcp belongs to service web of node a'],
        ['web', undefined],
      ]);
    }, patience);
    const { conflicts } = await a.call(methods.getMeshStatus, {});
    expect(conflicts.map(({ service, node }) => `${service} of ${node}`)).toEqual(['mail of b']);
  });

  it('change their keys together, and keep them', async () => {
    const [a, b] = (await meshOf('a', 'b')) as [Host, Host];
    const change = (request: {
      action: 'list' | 'install' | 'use' | 'remove';
      key?: string;
      fingerprint?: string;
    }) => a.call(methods.changeKeys, request);
    const before = (await change({ action: 'list' })).nodes[0]!.fingerprints[0]!;
    const { nodes } = await change({ action: 'install', key: keys[1]! });
    const fresh = nodes[0]!.fingerprints[1]!;
    expect(nodes).toEqual([
      { node: 'a', fingerprints: [before, fresh] },
      { node: 'b', fingerprints: [before, fresh] },
    ]);
    await expect(change({ action: 'remove', fingerprint: before })).rejects.toThrow(
      'it is the primary of a, b',
    );
    await change({ action: 'use', fingerprint: fresh });
    await change({ action: 'remove', fingerprint: before });
    expect(readFileSync(b.path('keys'), 'utf8')).toContain(keys[1]);
    expect(readFileSync(b.path('keys'), 'utf8')).not.toContain(keys[0]);
    await expect(change({ action: 'use', fingerprint: before })).rejects.toThrow(
      'it is not installed on a, b',
    );
    await a.apply(web);
    await a.converged();
    expect(b.vips()).toEqual(['10.96.0.1:80']);
  });

  it('tell on which rows another one disagrees', async () => {
    const [a, b] = (await meshOf('a', 'b')) as [Host, Host];
    await a.apply(web);
    await a.converged();
    expect(await b.call(methods.compareCatalog, { node: 'a' })).toEqual({ differences: [] });
    await expect(b.call(methods.compareCatalog, { node: 'b' })).rejects.toThrow('is this one');
    await expect(b.call(methods.compareCatalog, { node: 'z' })).rejects.toThrow(
      'not a live member',
    );
  });

  it('seal networks with keys that change, and refuse to where the kernel cannot', async () => {
    const dark = { name: 'dark', sealed: true, internal: true };
    const [a, b] = (await meshOf('a', 'b')) as [Host, Host];
    await a.call(methods.createNetwork, { ...dark, subnets: [], vni: 5_000 });
    const attach = async (host: Host): Promise<void> => {
      host.task.plantFarEnd('mesh-5000');
      const wish = { network: 'dark', name: 'task', sandbox: host.folder, services: {} };
      await vi.waitFor(async () => {
        const { networks } = await host.call(methods.listNetworks, {});
        expect(networks).toMatchObject([dark]);
      }, patience);
      await host.call(methods.attachEndpoint, wish);
    };
    const seals = ({ kernel }: Host): string[] => {
      const rules = [...kernel.rules.values()];
      const peers = rules.flatMap((one) => (one.kind === 'wireguard-peer' ? [one.device] : []));
      const links = rules.flatMap((one) => (one.kind === 'wireguard' ? [one.device] : []));
      return links.sort().map((link) => `${link} ${peers.filter((one) => one === link).length}`);
    };
    b.kernel.setWireguard(false);
    await expect(attach(b)).rejects.toMatchObject({ code: 'failed_precondition' });
    const { networks } = await b.call(methods.listNetworks, {});
    expect(networks[0]!.problem).toContain('no module wireguard');
    b.kernel.setWireguard(true);
    await expect(a.call(methods.rotateNetworkKeys, {})).rejects.toThrow('nobody here is on');
    await attach(a);
    await attach(b);
    const all = async (...devices: string[]): Promise<void> => {
      await vi.waitFor(() => {
        for (const host of [a, b]) expect(seals(host)).toEqual(devices);
      }, patience);
    };
    await all('meshw-0 1');
    expect(await b.call(methods.rotateNetworkKeys, {})).toEqual({ generation: 1 });
    await all('meshw-0 1', 'meshw-1 1');
    await expect(a.call(methods.rotateNetworkKeys, {})).rejects.toThrow('being changed already');
    for (const { kernel } of [a, b]) {
      for (const rule of kernel.rules.values()) {
        if (rule.kind === 'wireguard-peer') kernel.setHandshakeAge(rule.device, rule.publicKey, 1);
      }
    }
    await all('meshw-1 1');
    // A daemon that starts again finds all as it is.
    await b.stop();
    const before = b.kernel.applied.length;
    await b.start([], [await a.address()]);
    await b.converged();
    expect(b.kernel.applied.slice(before)).toEqual([]);
    for (const host of [a, b]) {
      await host.call(methods.detachEndpoint, { network: 'dark', endpoint: 'task' });
    }
    await all();
    const left = [...a.kernel.rules.keys()].filter((key) => /meshd-seal|6873/.test(key));
    expect(left).toEqual([]);
  });

  it('believe a host that lost its state only when told to', async () => {
    const [a, b] = (await meshOf('a', 'b')) as [Host, Host];
    await b.apply(web);
    await b.converged();
    await expect(a.call(methods.forgetNode, { node: 'b' })).rejects.toThrow(
      'nobody uses this name',
    );
    await b.stop();
    rmSync(b.path('state'), { recursive: true });
    await b.start([mail], [await a.address()]);
    await vi.waitFor(async () => {
      const { disputed } = await a.call(methods.getMeshStatus, {});
      expect(disputed).toEqual(['b']);
    }, patience);
    expect(a.vips()).not.toContain('10.96.0.2:25');
    await a.call(methods.forgetNode, { node: 'b' });
    await vi.waitFor(() => expect(a.vips()).toEqual(['10.96.0.2:25']), patience);
  });

  it.each([
    ['no key file', (host: Host) => rmSync(host.path('keys')), 'there is no'],
    [
      'a key that others may read',
      (host: Host) => rmAndWrite(host.path('keys'), 0o644),
      'chmod 600',
    ],
    ['a key of a wrong size', (host: Host) => host.writeKeys('YQ=='), 'line 1: it has 1 bytes'],
    ['an empty key file', (host: Host) => host.writeKeys('# nothing'), 'no key in it'],
  ])('do not start with %s, and say what to do', async (_, spoil, problem) => {
    const host = new Host('a');
    spoil(host);
    await expect(host.start()).rejects.toThrow(problem);
  });
});

function rmAndWrite(path: string, mode: number): void {
  rmSync(path);
  writeFileSync(path, `${keys[0]}\n`, { mode });
}
