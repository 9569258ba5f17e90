import { writeFileSync } from 'node:fs';
import { progress, type Bench } from './bench.js';
import { run } from './command.js';
import { emit } from './figure.js';
import { e2ePeer } from './lab.js';
import { startMesh, until, type MeshDaemon } from './mesh-daemon.js';
import { makeEthernet, makeTask, removeAll } from './mesh-hosts.js';
import { callLoad, serveCounted } from './mesh-load.js';
import { answered } from './mesh-paths.js';
import { DockerHost } from './mesh-swarm.js';
import { within } from './netns.js';

const many = 10_000;
const perService = 1_000;
const swarmPorts = 100;
const firstPort = 10_000;

/** From the wish for published ports to a node that answers them. */
export const ports: Bench = {
  name: 'ports',
  summary: 'published ports: until a node answers them, and what its kernel holds for them',
  cases: {
    range: `${many} ports of one service, as one range`,
    entries: `${many} entries of ${many / perService} services in one file`,
    swarm: `${swarmPorts} entries of one service, against Docker Swarm`,
  },
  slow: ['swarm'],
  guest: ['--icount', '--timeout', '3600', '--extra', 'docker.io'],
  peers: ['http_server', e2ePeer],
  daemon: true,
  async run(cases) {
    await run(['modprobe', '-a', 'ip_vs', 'ip_vs_rr', 'dummy']);
    for (const [name, start] of [
      ['range', range],
      ['entries', entries],
      ['swarm', swarm],
    ] as const) {
      if (!cases.includes(name)) continue;
      await makeEthernet();
      try {
        await start();
      } finally {
        await removeAll();
      }
    }
  },
};

/** A node with a task; another port is published already, so that what all ports share is there. */
async function published() {
  const [entry] = (await startMesh(1, { profile: 'lan' })) as [MeshDaemon];
  await entry.createNetwork({ name: 'front', subnets: ['10.64.0.0/16'] });
  await entry.apply(service('before', ['9999:8080']));
  const task = await makeTask('task');
  // Some of them answer: a process for all would take longer to start than what is measured.
  const listening = [8_080, firstPort, firstPort + many / 2, firstPort + many - 1];
  await serveCounted(task, listening);
  const names = ['before', ...servicesOf(many / perService, perService).map(({ name }) => name)];
  await entry.attach('front', task, names);
  await answering(entry, 9_999);
  return entry;
}

function service(name: string, publish: readonly string[]) {
  return { name, network: 'front', scheduler: 'rr', publish };
}

/** Each of `perService` entries, all to port 8080 of its task. */
function servicesOf(services: number, each: number) {
  return Array.from({ length: services }, (_, n) => {
    const first = firstPort + n * each;
    return service(
      `web-${n}`,
      Array.from({ length: each }, (__, i) => `${first + i}:8080`),
    );
  });
}

function answering(entry: MeshDaemon, port: number): Promise<void> {
  return until(`port ${port} answers`, async () => {
    const target = { address: entry.address, port };
    const { failed } = await callLoad(target, { requests: 1, timeout: 2_000 });
    return failed === 0;
  });
}

async function range(): Promise<void> {
  const entry = await published();
  const last = firstPort + many - 1;
  const wish = [service('web-0', [`${firstPort}-${last}`])];
  const asked = [firstPort, firstPort + many / 2, last];
  await measured('range', entry, wish, asked, { value: 1_000 });
}

async function entries(): Promise<void> {
  const entry = await published();
  const asked = [firstPort, firstPort + many - 1];
  await measured('entries', entry, servicesOf(many / perService, perService), asked);
}

/**
 * By the API alone, until the ports `asked` answer, which takes the start of a client for each; then
 * as people do it, where the command's own start counts.
 */
async function measured(
  name: string,
  entry: MeshDaemon,
  services: readonly { readonly name: string }[],
  asked: readonly number[],
  goal?: { readonly value: number },
): Promise<void> {
  const before = await kernelHolds(entry);
  const startedAt = performance.now();
  const ms = await entry.applyInForce(...services);
  for (const port of asked) await answering(entry, port);
  const answeredMs = performance.now() - startedAt;
  const after = await kernelHolds(entry);
  const rules = { before, after };
  const common = { bench: 'ports', case: name, unit: 'ms' } as const;
  const goals = goal === undefined ? {} : { goal };
  emit({ ...common, figure: 'in force after the call', value: ms, ...goals, rules });
  emit({ ...common, figure: 'ports answer after the call', value: answeredMs });
  progress(`${name}: ${ms.toFixed(0)} ms by the API, ${answeredMs.toFixed(0)} ms to answers`);
  for (const one of services) await entry.remove(one.name);
  const file = `/tmp/bench-ports-${name}.json`;
  writeFileSync(file, JSON.stringify({ services }));
  const { wallMs } = await entry.ctl('service', 'apply', '--wait', '--timeout', '10m', '-f', file);
  emit({ ...common, figure: 'meshctl service apply --wait', value: wallMs, ...goals });
}

/** Unit: rules of chains, elements of sets, virtual services. */
async function kernelHolds(entry: MeshDaemon): Promise<Record<string, number>> {
  const nft = await run(within(entry.netns, ['nft', '--json', 'list', 'ruleset']));
  const { nftables } = JSON.parse(nft.stdout) as { nftables: Record<string, NftObject>[] };
  const objects = nftables.flatMap((one) => Object.entries(one));
  const elements = objects.map(([, { elem }]) => elem?.length ?? 0);
  const ipvs = await run(within(entry.netns, ['ipvsadm', '-Sn']));
  return {
    nftRules: objects.filter(([kind]) => kind === 'rule').length,
    nftElements: elements.reduce((sum, count) => sum + count, 0),
    ipvsServices: ipvs.stdout.match(/^-A/gm)?.length ?? 0,
  };
}

interface NftObject {
  readonly elem?: readonly unknown[];
}

async function swarm(): Promise<void> {
  const entry = await published();
  const value = await entry.applyInForce(...servicesOf(1, swarmPorts));
  await answering(entry, firstPort + swarmPorts - 1);
  const host = await DockerHost.start('s1', 11);
  await host.importImage();
  await host.docker('swarm', 'init', '--advertise-addr', host.address);
  const one = await createService(host, firstPort, 1);
  const rulesBefore = await host.iptablesRules();
  const all = await createService(host, firstPort + 1, swarmPorts + 1);
  emit({
    bench: 'ports',
    case: 'swarm',
    value,
    unit: 'ms',
    peer: `Docker Swarm: ${swarmPorts + 1} ports less one port`,
    peerValue: all - one,
    peerOnePort: Math.round(one),
    peerRules: (await host.iptablesRules()) - rulesBefore,
  });
}

/** Until the last of the service's ports answers. Unit: milliseconds. */
async function createService(host: DockerHost, first: number, count: number): Promise<number> {
  const startedAt = performance.now();
  const publish = Array.from({ length: count }, (_, i) => ['--publish', `${first + i}:8080`]);
  await host.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', `web-${first}`],
    ...publish.flat(),
    ...['bench', '0.0.0.0', '8080', '1'],
  );
  await answered(host.address, first + count - 1);
  progress(`Docker Swarm: ${count} ports after ${(performance.now() - startedAt).toFixed(0)} ms`);
  return performance.now() - startedAt;
}
