import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { progress } from './bench.js';
import { run } from './command.js';
import { buildFolder } from './lab.js';
import { until } from './mesh-daemon.js';
import { atEnd, makeNode, namespacePath, nodeAddress } from './mesh-hosts.js';
import { answers, pathOf, places, ports, type MeshPath, type Place } from './mesh-paths.js';
import { httpPort, iperfPort, serveTask } from './mesh-servers.js';

const hosts: Readonly<Record<Place, { readonly name: string; readonly number: number }>> = {
  local: { name: 's1', number: 11 },
  remote: { name: 's2', number: 12 },
};

/** Docker's daemon on a node, with files of its own. */
export class DockerHost {
  private constructor(
    readonly name: string,
    readonly address: string,
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(name: string, number: number): Promise<DockerHost> {
    const netns = await makeNode(name, number);
    // Namespaces that dockerd makes inherit it from the first of all, not from the node's.
    await run(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    const folder = mkdtempSync(`/tmp/bench-${name}-`);
    mkdirSync(join(folder, 'run'));
    // `ip netns exec` would hide the control groups behind a /sys of its own.
    const argv = ['nsenter', `--net=${namespacePath(netns)}`, 'unshare', '-m', '-u', 'sh', '-ec'];
    const script = `mkdir -p /run/docker
      mount --bind ${folder}/run /run/docker
      hostname ${name}
      exec dockerd --host unix://${folder}/sock --data-root ${folder}/data --exec-root /run/docker \\
        --pidfile ${folder}/pid --storage-driver vfs --bridge none --userland-proxy=false`;
    const log = openSync(join(folder, 'log'), 'w');
    const child = spawn(argv[0]!, [...argv.slice(1), script], { stdio: ['ignore', log, log] });
    const host = new DockerHost(name, nodeAddress(number), folder, child);
    atEnd(() => host.stop());
    await until(`dockerd of ${name}`, async () => {
      if (child.exitCode !== null)
        throw new Error(`dockerd: exit ${child.exitCode}: ${host.lastWords()}`);
      return await host.docker('version').then(
        () => true,
        () => false,
      );
    });
    progress(`dockerd of ${name} runs`);
    return host;
  }

  async docker(...words: readonly string[]): Promise<string> {
    const argv = ['/usr/bin/docker', '--host', `unix://${this.folder}/sock`, ...words];
    return (await run(argv)).stdout.trim();
  }

  /** An image whose only program is peer/http_server.c. */
  async importImage(): Promise<void> {
    const tar = join(this.folder, 'image.tar');
    await run(['tar', '-C', buildFolder, '-cf', tar, 'http_server']);
    await this.docker('import', '--change', 'ENTRYPOINT ["/http_server"]', tar, 'bench');
  }

  /** Of the swarm and its published ports, as a manager has it: for whoever looks for a fault. */
  async state(): Promise<string> {
    const services = (await this.docker('service', 'ls', '-q')).split('\n');
    const sandbox = ['nsenter', '-t', String(this.process.pid), '-m', '-n'];
    const inside = [...sandbox, 'nsenter', '--net=/run/docker/netns/ingress_sbox'];
    const looks = await Promise.allSettled([
      this.docker('node', 'ls'),
      this.docker('service', 'ps', '--no-trunc', ...services),
      run([...sandbox, 'iptables-save', '-t', 'nat']).then(({ stdout }) => stdout),
      run([...inside, 'iptables-save', '-t', 'mangle']).then(({ stdout }) => stdout),
      run([...inside, 'ipvsadm', '-Ln']).then(({ stdout }) => stdout),
      run([...inside, 'ip', 'address']).then(({ stdout }) => stdout),
      Promise.resolve(this.lastWords()),
    ]);
    return looks
      .map((look) => (look.status === 'fulfilled' ? look.value : String(look.reason)))
      .join('\n');
  }

  /** The end of the daemon's log. */
  lastWords(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8').slice(-4_000);
  }

  /** Of this node and of the sandbox that its published ports go through. */
  async iptablesRules(): Promise<number> {
    const enter = ['nsenter', '-t', String(this.process.pid), '-m', '-n'];
    const sandbox = ['nsenter', '--net=/run/docker/netns/ingress_sbox'];
    const texts = [
      (await run([...enter, 'iptables-save'])).stdout,
      (await run([...enter, ...sandbox, 'iptables-save'])).stdout,
    ];
    return texts.join('').match(/^-A/gm)?.length ?? 0;
  }

  private async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('close', resolve));
    this.process.kill();
    await ended;
  }
}

/** Two nodes of one swarm; the service of each place is published and has its task on one of them. */
export async function swarmPaths(): Promise<MeshPath[]> {
  const byPlace: Partial<Record<Place, DockerHost>> = {};
  for (const place of places) {
    const host = await DockerHost.start(hosts[place].name, hosts[place].number);
    await host.importImage();
    byPlace[place] = host;
  }
  const { local: manager, remote: worker } = byPlace as Record<Place, DockerHost>;
  await manager.docker('swarm', 'init', '--advertise-addr', manager.address);
  const token = await manager.docker('swarm', 'join-token', '-q', 'worker');
  const joining = ['swarm', 'join', '--advertise-addr', worker.address, '--token', token];
  await worker.docker(...joining, `${manager.address}:2377`);
  for (const place of places) {
    await manager.docker(...serviceCommand(place, hosts[place].name));
    await serveIn(byPlace[place]!, place);
  }
  const paths = places.map((place) => pathOf('Docker Swarm', place, manager.address));
  for (const path of paths) {
    await answers(path).catch(async (error: unknown) => {
      throw new Error(await manager.state(), { cause: error });
    });
    progress(`Docker Swarm, ${path.task} task: answers`);
  }
  return paths;
}

function serviceCommand(place: Place, host: string): string[] {
  const { http, iperf } = ports[place];
  const publish = [`${http}:${httpPort}`, `${iperf}:${iperfPort}`, `${iperf}:${iperfPort}/udp`];
  return [
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', place],
    ...['--constraint', `node.hostname==${host}`],
    ...publish.flatMap((port) => ['--publish', port]),
    ...['bench', '0.0.0.0', String(httpPort), '1'],
  ];
}

/** The image has no iperf3: it enters the task's network namespace from outside. */
async function serveIn(host: DockerHost, place: Place): Promise<void> {
  let id = '';
  const task = `a task of ${place} on ${host.name}`;
  await until(task, async () => {
    id = await host.docker('ps', '-q');
    return id !== '';
  }).catch((error: unknown) => {
    throw new Error(host.lastWords(), { cause: error });
  });
  const pid = await host.docker('inspect', '--format', '{{.State.Pid}}', id);
  await serveTask((argv) => ['nsenter', `--net=/proc/${pid}/ns/net`, ...argv], ['iperf']);
}
