import { afterEach, beforeEach } from 'vitest';
import { MeshError } from '../../../src/base/index.js';
import { CliHarness } from '../../support/cli-harness.js';
import { runCliScript, type CliCase } from '../../support/cli-script.js';
import type { FakeBackend } from '../../support/fake-backend.js';
import { FakeMesh } from '../../support/fake-mesh.js';
import { FakeNames } from '../../support/fake-names.js';
import { FakeNetworks } from '../../support/fake-networks.js';
import { counters, epoch } from '../../support/fake-states.js';

let harness: CliHarness;

beforeEach(async () => {
  harness = new CliHarness();
  await harness.start();
});
afterEach(() => harness.stop());

async function run({ given, words, stdin }: CliCase): Promise<string> {
  for (const name of given) settings[name]!(harness.backend);
  const { terminal } = harness;
  terminal.stdin = stdin;
  if (given.includes('a terminal of 80 columns')) {
    Object.assign(terminal.stdout, { isTTY: true, columns: 80, rows: 24 });
    terminal.env = { NO_COLOR: '1' };
  }
  if (given.includes('no daemon')) terminal.unreachable = 'ENOENT';
  if (given.includes('no permission')) terminal.unreachable = 'EACCES';
  const exitCode = await harness.run(...words);
  const errors = terminal.stderr.text
    .replaceAll(harness.socketPath, 'SOCKET')
    .replace(/^(?=.)/gm, '! ');
  const out = terminal.stdout.text;
  const end = out === '' || out.endsWith('\n') ? '' : '\n';
  return `${out}${end}${errors}${exitCode === 0 ? '' : `[exit ${exitCode}]\n`}`;
}

const unavailable = (backend: FakeBackend): void => {
  backend.failure = new MeshError('unavailable', 'No connection established');
};

const meshOf = (change: (mesh: FakeMesh) => void) => (backend: FakeBackend) => {
  const mesh = new FakeMesh();
  change(mesh);
  backend.mesh = mesh;
};

const settings: Record<string, (backend: FakeBackend) => void> = {
  'a mesh': meshOf(() => undefined),
  networks: (backend) => {
    backend.networks = new FakeNetworks();
  },
  names: (backend) => {
    backend.names = new FakeNames();
  },
  'names that were asked for': (backend) => {
    const names = new FakeNames();
    names.isLogging = true;
    names.figures = {
      counts: [
        { type: 'A', code: 'NOERROR', by: 'cache', queries: 1_234_567 },
        { type: 'AAAA', code: 'NXDOMAIN', by: 'task', queries: 12 },
      ],
      drops: { malformed: 0, limited: 3, oversized: 0, overflow: 1, unsent: 0 },
      kept: 1,
      listen: ['127.0.0.11:53'],
      sandboxes: 2,
      upstreams: [
        { address: '192.0.2.53:53', silentMs: 0 },
        { address: '[2001:db8::53]:53', silentMs: 7_250.5 },
      ],
    };
    backend.names = names;
  },
  'a mesh in the clear': meshOf((mesh) => {
    const { key: _, ...rest } = mesh.status();
    mesh.status = () => rest;
  }),
  'a mesh with trouble': meshOf((mesh) => {
    mesh.statusExtras = {
      label: 'prod',
      alive: 3,
      suspect: 1,
      failed: 1,
      healthScore: 2,
      lacking: ['b', 'c'],
      lagMs: 64_200,
      unserved: ['d'],
      conflicts: [
        { service: 'mail', node: 'b', reason: '10.96.0.1:80/tcp belongs to service web of node a' },
      ],
      disputed: ['e'],
      counters: [
        { name: 'dropped', reason: 'undecryptable', value: 31 },
        { name: 'rowsRefused', reason: 'signature', value: 2 },
      ],
    };
  }),
  'a node that goes its own way': meshOf((mesh) => {
    mesh.differences = [
      { owner: 'a', key: 'service/web', network: '', here: '7.12', there: '7.11' },
      { owner: 'c', key: 'service/old', network: '', there: '3.4' },
    ];
  }),
  'a node whose disk is full': meshOf((mesh) => {
    mesh.keyProblem = 'keep the keys: no space left on device (ENOSPC)';
  }),
  'nodes that are late': meshOf((mesh) => {
    mesh.lacking = [['b', 'c'], ['c'], []];
  }),
  'a node that never gets it': meshOf((mesh) => {
    mesh.lacking = [['c']];
  }),
  'a service of another node': (backend) => {
    const web = backend.table.get('web')!;
    backend.set({ ...web, source: 'mesh', owner: 'b' });
  },
  'a terminal of 80 columns': () => undefined,
  'no daemon': unavailable,
  'no permission': unavailable,
  nothing: (backend) => backend.table.clear(),
  'a daemon that is well': (backend) => {
    backend.table.delete('legacy');
    backend.statusExtras = {
      reconcile: { atMs: epoch, durationMs: 3.25, ops: 0 },
      config: { path: '/etc/meshd/meshd.yaml', loadedAtMs: epoch - 86_400_000 },
    };
  },
  'a daemon with trouble': (backend) => {
    backend.statusExtras = {
      reconcile: {
        atMs: epoch,
        durationMs: 12,
        ops: 7,
        error: 'add ipvs 10.96.0.10:80/tcp: busy (EBUSY)',
      },
      drift: { detected: 4, repaired: 3, lastAtMs: epoch - 65_000 },
      config: { path: '/etc/meshd/meshd.yaml', error: 'services[0].ports[0]: expected a port' },
    };
  },
  'a name in wide letters': (backend) => {
    const web = backend.table.get('web')!;
    const destinations = [{ ...web.destinations[0]!, name: '网页-1' }, web.destinations[1]!];
    backend.set({ ...web, destinations });
  },
  'a destination that drains': (backend) => {
    const web = backend.table.get('web')!;
    const [first, second] = web.destinations;
    backend.set({
      ...web,
      destinations: [{ ...first!, draining: true, effectiveWeight: 0 }, second!],
    });
  },
  'a drain of 12 connections': (backend) => {
    const progress = (phase: 'draining' | 'finished', left: number, remainingMs: number) => ({
      phase,
      connections: left,
      remainingMs,
      destinations: [
        { name: 'web-1', connections: left },
        { name: 'web-2', connections: 0 },
      ],
    });
    backend.onDrain = (report) => {
      report(progress('draining', 12, 30_000));
      report(progress('draining', 1, 28_000));
      report(progress('finished', 0, 26_000));
    };
  },
  'a drain to its deadline': (backend) => {
    backend.onDrain = (report) =>
      report({ phase: 'deadline', connections: 2, remainingMs: 0, destinations: [] });
  },
  'a drain that is cancelled': (backend) => {
    backend.onDrain = (report) =>
      report({ phase: 'cancelled', connections: 2, remainingMs: 9, destinations: [] });
  },
  'open connections': (backend) => {
    const web = {
      protocol: 'tcp' as const,
      client: '192.0.2.7',
      clientPort: 40_001,
      virtual: '10.96.0.10',
      virtualPort: 80,
      destination: '10.0.0.11',
      destinationPort: 8_080,
      state: 'ESTABLISHED',
      expiresS: 899,
    };
    backend.openConnections = [
      { ...web, service: 'web', destinationName: 'web-1' },
      { ...web, clientPort: 40_002, state: 'FIN_WAIT', expiresS: 61, service: 'web' },
      {
        ...web,
        protocol: 'udp',
        client: '2001:db8::7',
        virtual: 'fd00::53',
        virtualPort: 53,
        destination: 'fd00::9',
        destinationPort: 53,
        state: 'UDP',
        expiresS: 300,
      },
    ];
  },
  drift: (backend) => {
    backend.records = [
      {
        atMs: epoch,
        rules: [
          { difference: 'missing', rule: 'ipvs 10.96.0.10:80/tcp wrr' },
          { difference: 'unexpected', rule: 'addr 10.96.0.99/32 dev mesh0' },
        ],
        repaired: true,
      },
      {
        atMs: epoch - 3_600_000,
        rules: [{ difference: 'changed', rule: 'sysctl net.ipv4.ip_forward = 0' }],
        repaired: false,
        error: 'write sysctl: permission denied (EACCES)',
      },
    ];
  },
  'a plan': (backend) => {
    backend.currentPlan = {
      ops: [
        { text: 'set sysctl net.ipv4.vs.conntrack = 1', cutsConnections: 0 },
        {
          text: 'add ipvs 10.96.0.10:80/tcp wrr\n  10.0.0.11:8080 masq weight=2',
          service: 'web',
          cutsConnections: 0,
        },
        {
          text: 'delete destination 10.0.0.53:53 masq weight=1 of 10.96.0.53:53/udp',
          service: 'dns',
          cutsConnections: 3,
        },
      ],
      foreign: ['ipvs 203.0.113.5:443/tcp lc\n  10.9.9.9:443 masq weight=1'],
    };
  },
  'an explanation': (backend) => {
    backend.explanation = {
      steps: [
        {
          kind: 'arrival',
          title: 'arrival',
          detail: '192.0.2.7 calls 10.96.0.10, a VIP on mesh0',
          rule: 'addr 10.96.0.10/32 dev mesh0',
        },
        {
          kind: 'service',
          title: 'virtual service web',
          detail: 'scheduler wrr',
          rule: 'ipvs 10.96.0.10:80/tcp wrr',
          counters: counters(1_000),
        },
      ],
      outcome: {
        verdict: 'balanced',
        text: 'web: goes to web-1',
        destinations: ['10.0.0.11:8080'],
      },
    };
  },
  'an explanation across nodes': (backend) => {
    backend.explanation = {
      steps: [
        { kind: 'arrival', title: 'published port', detail: 'called', node: 'a' },
        {
          kind: 'sandbox',
          title: 'into t1',
          detail: 'by the bridge',
          node: 'b',
          task: 't1',
          rule: 'link meshp-0 type veth up\nnft element meshd-vxlan members4 192.0.2.1',
          kernel: 'lacks',
        },
        {
          kind: 'end',
          title: 'refused',
          detail: 'nobody listens; start it',
          node: 'b',
          task: 't1',
        },
      ],
      outcome: { verdict: 'refused', text: 'nobody listens', destinations: ['10.255.0.2:8080'] },
    };
  },
  'an ill host': (backend) => {
    backend.checks = [
      { name: 'ip_vs', state: 'ok', cause: 'ip_vs 1.2.1', fix: '' },
      {
        name: 'forwarding',
        state: 'fail',
        cause: 'net.ipv4.ip_forward is 0',
        fix: 'sysctl -w net.ipv4.ip_forward=1',
      },
      {
        name: 'docker',
        state: 'warn',
        cause: 'FORWARD has policy DROP',
        fix: 'iptables -I DOCKER-USER -j ACCEPT',
      },
    ];
  },
  'a host that is well': (backend) => {
    backend.checks = [{ name: 'ip_vs', state: 'ok', cause: 'ip_vs 1.2.1', fix: '' }];
  },
};

for (const name of [
  'status',
  'vip',
  'service',
  'apply',
  'drain',
  'traffic',
  'mesh',
  'network',
  'dns',
  'rules',
  'errors',
  'completion',
]) {
  runCliScript(`${name}.txt`, run);
}
