import { decode } from 'dns-packet';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApiClient, methods, toWireApply } from '../../src/api/index.js';
import { Daemon } from '../../src/daemon.js';
import { realClock } from '../../src/io/index.js';
import { FakeKernel } from '../../src/kernel/fake/index.js';
import { query } from './dns/mesh.js';

const web = { name: 'web', vip: '10.96.0.1', ports: [80], destinations: ['10.0.0.11'] };

/** A host without a mesh that asks its own meshd, by real sockets on loopback. */
describe('names for processes of the host', () => {
  let directory: string;
  let port: number;
  const daemons: Daemon[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'meshd-names-'));
    // One that is free for TCP is hardly ever taken for UDP.
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    port = (probe.address() as { port: number }).port;
    await new Promise((resolve) => probe.close(resolve));
  });

  afterEach(async () => {
    for (const daemon of daemons.splice(0)) await daemon.stop();
    rmSync(directory, { recursive: true });
  });

  async function start(dns: object): Promise<void> {
    const configPath = join(directory, 'meshd.yaml');
    const api = { socket: join(directory, 'api.sock'), group: process.getgid!() };
    const stateDir = join(directory, 'state');
    writeFileSync(configPath, JSON.stringify({ api, stateDir, dns, services: [web] }));
    const silent = (): void => undefined;
    const daemon = new Daemon({
      configPath,
      version: { version: '0.1.0', node: 'v20', kernel: '6.1' },
      instance: 'run-1',
      clock: realClock,
      random: () => 0.5,
      log: { level: 'info', debug: silent, info: silent, warn: silent, error: silent },
      openKernel: () => Promise.resolve(new FakeKernel()),
      netnsFiles: join(directory, 'netns'),
    });
    daemons.push(daemon);
    await daemon.start();
  }

  async function byUdp(name: string, type = 'A'): Promise<string> {
    const socket = createSocket('udp4');
    socket.send(query(name, type), port, '127.0.0.1');
    const [response] = (await once(socket, 'message')) as [Buffer];
    socket.close();
    return said(response);
  }

  async function byTcp(name: string, type = 'A'): Promise<string> {
    const bytes = query(name, type);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    const socket = connect(port, '127.0.0.1');
    // In two parts, as a network may cut it.
    socket.write(Buffer.concat([length, bytes.subarray(0, 5)]), () =>
      socket.write(bytes.subarray(5)),
    );
    const [response] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return said(response.subarray(2));
  }

  function said(response: Buffer): string {
    const packet = decode(response);
    const data = (packet.answers ?? []).map((one) => ('data' in one ? (one.data as string) : ''));
    return data.join() || (packet as unknown as { rcode: string }).rcode;
  }

  it('are those of services on no network, by UDP and TCP', async () => {
    await start({ listen: [`127.0.0.1:${port}`], upstreams: [] });
    for (const ask of [byUdp, byTcp]) {
      expect(await ask('web')).toBe('10.96.0.1');
      expect(await ask('web.mesh.internal')).toBe('10.96.0.1');
      expect(await ask('tasks.web')).toBe('10.0.0.11');
      expect(await ask('1.0.96.10.in-addr.arpa', 'PTR')).toBe('web.mesh.internal');
      expect(await ask('none.mesh.internal')).toBe('NXDOMAIN');
      expect(await ask('example.org'), 'nobody is known who could be asked').toBe('REFUSED');
    }
  });

  it('follow the services: nothing is told that was true before', async () => {
    await start({ listen: [`127.0.0.1:${port}`] });
    const api = createApiClient({
      path: join(directory, 'api.sock'),
      deadlineMs: 20_000,
      clock: realClock,
    });
    const apply = async (...services: readonly object[]): Promise<void> => {
      const request = { services, replaceAll: false, dryRun: false, expectedRevisions: new Map() };
      await api.call(methods.applyServices, toWireApply(request));
    };
    const shop = { ...web, name: 'shop', aliases: ['store'] };
    expect(await byUdp('shop.mesh.internal')).toBe('NXDOMAIN');
    for (const vip of ['10.96.0.2', '10.96.0.3', '10.96.0.2']) {
      await apply({ ...shop, vip });
      // The second time it comes from what is kept.
      for (const name of ['shop', 'store.mesh.internal', 'shop', 'store.mesh.internal']) {
        expect(await byUdp(name)).toBe(vip);
      }
    }
    await apply({ ...shop, vip: '10.96.0.2', aliases: [] });
    expect(await byUdp('store.mesh.internal')).toBe('NXDOMAIN');
    await api.call(methods.removeService, { name: 'shop', now: true });
    expect(await byUdp('shop.mesh.internal')).toBe('NXDOMAIN');
    api.close();
  });

  it('at an address that somebody has: the daemon does not start, and says so', async () => {
    const other = createSocket('udp4').bind(port, '127.0.0.1');
    await once(other, 'listening');
    await expect(start({ listen: [`127.0.0.1:${port}`] })).rejects.toThrow(
      `bind udp 127.0.0.1 port ${port}`,
    );
    other.close();
  });
});
