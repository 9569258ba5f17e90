import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkSpec, parseConfig, writeSpec } from '../../../src/config/index.js';

const file = new URL('./example.yaml', import.meta.url);
const text = readFileSync(file, 'utf8');

const usual = { mode: 'ingress', source: 'preserve', policy: 'any', allowFrom: [] } as const;

describe('the example', () => {
  const { config, specs } = parseConfig(text, 'example.yaml');

  test('has this configuration', () => {
    const { serviceDefaults, ...rest } = config;
    expect(rest).toEqual({
      api: { socketPath: '/run/meshd/meshd.sock', group: 'meshd' },
      metrics: { address: '127.0.0.1', port: 9464 },
      log: { level: 'info' },
      stateDir: '/var/lib/meshd',
      netnsPath: '/run/netns/lb',
      dataPath: 'auto',
      pools: ['10.96.0.0/16', 'fd00:96::/112'],
      idleTimeouts: { tcpS: 900, tcpFinS: 120, udpS: 300 },
      reconcile: { repairIntervalMs: 60_000, repairShareMax: 0.1 },
      mesh: {
        node: 'node-1',
        bind: { address: '0.0.0.0', port: 7946 },
        advertise: { address: '192.0.2.11' },
        join: [
          { address: '192.0.2.12', port: 7946 },
          { address: '192.0.2.13', port: 7946 },
        ],
        keyFile: '/etc/meshd/gossip.keys',
        profile: 'lan',
        label: 'site-a',
        sealPort: 7_948,
        sealRotationMs: 43_200_000,
        probePort: 7_951,
      },
      dns: {
        listen: [{ address: '127.0.0.11', port: 53 }],
        domain: 'mesh.internal',
        upstreams: [
          { address: '192.0.2.53', port: 53 },
          { address: '192.0.2.54', port: 5_353 },
        ],
        ttlS: 5,
        queriesPerSecond: 10_000,
      },
    });
    expect(Object.keys(serviceDefaults)).toEqual(['scheduler', 'drainDeadline', 'healthCheck']);
  });

  test('has these services', () => {
    expect(specs).toEqual([
      {
        name: 'web',
        aliases: [],
        endpointMode: 'vip',
        publish: [],
        vips: ['10.96.0.10', 'fd00:96::10'],
        ports: [
          { protocol: 'tcp', port: 80, targetPort: 80, count: 1 },
          { protocol: 'tcp', port: 443, targetPort: 8443, count: 1 },
          { protocol: 'tcp', port: 9000, targetPort: 9100, count: 10 },
        ],
        scheduler: 'mh',
        schedulerFlags: ['fallback', 'port'],
        onePacket: false,
        affinity: { timeoutS: 300, prefix4: 24, prefix6: 64 },
        forwarding: 'masq',
        snat: 'auto',
        limits: { maxConnections: 1000, resumeConnections: 800 },
        drainDeadlineMs: 30_000,
        healthCheck: {
          type: 'http',
          port: 8080,
          intervalMs: 2_000,
          timeoutMs: 1_000,
          rise: 2,
          fall: 3,
          path: '/healthz',
          host: 'web.example.com',
          status: [
            { from: 200, to: 299 },
            { from: 304, to: 304 },
          ],
          body: 'ok',
        },
        destinations: [
          { name: '10.0.0.11', address: '10.0.0.11', weight: 1, draining: false },
          { name: 'web-2', address: '10.0.0.12', weight: 3, draining: false },
          { name: 'fd00::11', address: 'fd00::11', weight: 1, draining: false },
        ],
      },
      expect.objectContaining({
        name: 'dns',
        forwarding: 'tunnel',
        tunnel: { type: 'gue', port: 6080, checksum: true },
        snat: 'never',
        onePacket: true,
        drainDeadlineMs: 60_000,
      }),
      expect.objectContaining({
        name: 'media',
        endpointMode: 'vip',
        publish: [],
        vips: [],
        scheduler: 'wrr',
        healthCheck: { type: 'tcp', intervalMs: 2_000, timeoutMs: 1_000, rise: 2, fall: 3 },
      }),
      expect.objectContaining({
        name: 'shop',
        aliases: ['store', 'www'],
        dnsTtlS: 1,
        network: 'front',
        endpointMode: 'vip',
        ports: [],
        publish: [
          { ...usual, protocol: 'tcp', port: 80, targetPort: 8_080, count: 1 },
          { ...usual, protocol: 'tcp', port: 0, targetPort: 9_090, count: 1 },
          { ...usual, protocol: 'udp', port: 20_000, targetPort: 20_000, count: 10_000 },
          {
            ...{ protocol: 'tcp', port: 443, targetPort: 8_443, count: 1 },
            ...{ mode: 'ingress', source: 'preserve', policy: 'prefer-local' },
            bind: '192.0.2.11',
            allowFrom: ['192.0.2.0/24', '198.51.100.7/32'],
          },
        ],
        scheduler: 'wrr',
      }),
    ]);
  });

  test('names every field that a spec can be written with', () => {
    const fields = specs.flatMap((spec) => fieldsOf(writeSpec(spec)));
    const missing = [...new Set(fields)].filter((field) => !text.includes(`${field}:`));
    expect(missing).toEqual([]);
  });

  test('is read again from what writeSpec writes, whatever the defaults', () => {
    for (const spec of specs) {
      const entry: unknown = JSON.parse(JSON.stringify(writeSpec(spec)));
      expect(checkSpec(entry, 'x', config.serviceDefaults)).toEqual(spec);
      expect(checkSpec(entry, 'x')).toEqual(spec);
    }
  });
});

function fieldsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  return Object.entries(value).flatMap(([key, below]) => [key, ...fieldsOf(below)]);
}
