import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Background, run, type Result } from './command.js';

/**
 *     client 192.0.2.10 ──┐                      ┌── s1 10.0.0.11
 *     (and 198.51.100.0/24│                      ├── s2 10.0.0.12
 *      behind it)         ├── lb  (meshd) .1 ────┼── s3 10.0.0.13
 *                         ├── lb2 (meshd) .2 ────┼── neighbor 10.0.0.9
 *                         ├── lb3 (meshd) .3 ────┤
 *                         └── router        .254 ┘
 *
 * One network namespace each; the two links are bridges in the router's. The same in IPv6, with
 * fd00:2:: for 192.0.2.0, fd00:51:: for 198.51.100.0 and fd00:10:: for 10.0.0.0. The router is
 * only for answers that do not go through a load balancer (direct routing, tunnels). Tasks are
 * namespaces with nothing but a loopback device, which is down: what networks are for.
 */
export type Host = Linked | Task;
type Linked = 'client' | 'neighbor' | Balancer | Server | 'router';
export type Balancer = (typeof balancers)[number];
export type Server = 's1' | 's2' | 's3';
export type Task = `t${number}` | `web-${number}` | `api-${number}`;

export const balancers = ['lb', 'lb2', 'lb3'] as const;
export const servers = ['s1', 's2', 's3'] as const;
export const families = [4, 6] as const;
export type Family = (typeof families)[number];

const networks = { clients: '192.0.2', servers: '10.0.0', behind: '198.51.100' } as const;
const networks6 = { clients: 'fd00:2::', servers: 'fd00:10::', behind: 'fd00:51::' } as const;
type Network = keyof typeof networks;

const numbers = {
  client: 10,
  neighbor: 9,
  lb: 1,
  lb2: 2,
  lb3: 3,
  s1: 11,
  s2: 12,
  s3: 13,
  router: 254,
};

export function addressOf(host: Linked, family: Family, network = linksOf(host)[0]!): string {
  return numbered(network, family, numbers[host]);
}

/** The address of a load balancer as servers see it. */
export function insideOf(balancer: Balancer, family: Family): string {
  return addressOf(balancer, family, 'servers');
}

/** The first of the many addresses behind the client. */
export function firstBehind(family: Family): string {
  return numbered('behind', family, 1);
}

function numbered(network: Network, family: Family, number: number): string {
  return family === 4 ? `${networks[network]}.${number}` : `${networks6[network]}${number}`;
}

function prefixOf(network: Network, family: Family): string {
  return family === 4 ? `${networks[network]}.0/24` : `${networks6[network]}/64`;
}

function linksOf(host: Linked): ('clients' | 'servers')[] {
  if (host === 'client') return ['clients'];
  return host === 'router' || isBalancer(host) ? ['clients', 'servers'] : ['servers'];
}

function isBalancer(host: Linked): host is Balancer {
  return (balancers as readonly Linked[]).includes(host);
}

const everything = { 4: '0.0.0.0/0', 6: '::/0' } as const;
const vipPrefix = { 4: '10.96.0.0/16', 6: 'fd00:96::/112' } as const;

/** The namespaces of one run; their names are unique, and nothing of them is left at the end. */
export class Topology {
  private readonly made = new Set<Host>();
  private readonly folders: string[] = [];

  constructor(private readonly id = process.pid.toString(36)) {}

  async create(): Promise<void> {
    const router = [
      ...(['clients', 'servers'] as const).flatMap((network) => [
        `link add ${network} type bridge`,
        ...addressing('router', network, network),
      ]),
    ];
    await this.shell([
      ...this.added('router'),
      ...this.inside('router', router),
      ...this.set('router', ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']),
      ...(['client', 'neighbor', ...servers, 'lb'] as const).flatMap((host) => this.plugged(host)),
      ...this.inside(
        'client',
        families.map((family) => `route add local ${prefixOf('behind', family)} dev lo`),
      ),
      ...this.set('client', [
        'net.ipv4.ip_local_port_range=1024 65535',
        'net.ipv6.ip_nonlocal_bind=1',
      ]),
      ...this.inside('router', routesBehind()),
      ...this.directed('lb'),
    ]);
  }

  /** A load balancer that nobody has touched yet takes the place of the one before. */
  async renew(balancer: Balancer): Promise<void> {
    await this.shell([
      ...(this.made.has(balancer)
        ? [
            ...this.inside('router', [`link delete ${balancer}c`, `link delete ${balancer}s`]),
            `ip netns delete ${this.namespace(balancer)}`,
          ]
        : []),
      ...this.plugged(balancer),
    ]);
  }

  /** Takes the carrier of both its links, as a power failure does, or gives it back. */
  async plug(balancer: Balancer, state: 'up' | 'down'): Promise<void> {
    const ports = ['c', 's'].map((link) => `link set ${balancer}${link} ${state}`);
    await this.shell(this.inside('router', ports));
  }

  /** Cuts one load balancer off from the others, with all links up; clients still reach it. */
  async partition(balancer: Balancer, state: 'cut' | 'healed'): Promise<void> {
    const bridge = state === 'cut' ? 'nomaster' : 'master servers';
    await this.shell(this.inside('router', [`link set ${balancer}s ${bridge}`]));
  }

  /** A task that nobody has touched yet. */
  async addTask(task: Task): Promise<void> {
    const files = `rm -rf ${this.filesOf(task)}`;
    const old = this.made.has(task) ? [`ip netns delete ${this.namespace(task)}`, files] : [];
    await this.shell([...old, ...this.added(task)]);
  }

  /** Takes a namespace away, without a word to the daemon whose network it is on. */
  async removeTask(task: Task): Promise<void> {
    await this.shell([`ip netns delete ${this.namespace(task)}`]);
    this.made.delete(task);
  }

  /** Where a namespace is found. */
  path(host: Host): string {
    return `/run/netns/${this.namespace(host)}`;
  }

  /** What `ip netns exec` shows in place of the files of /etc. */
  filesOf(host: Host): string {
    return `/etc/netns/${this.namespace(host)}`;
  }

  /** Sends what is for the VIPs, and the servers' answers, through this load balancer. */
  async direct(balancer: Balancer): Promise<void> {
    await this.shell(this.directed(balancer));
  }

  namespace(host: Host): string {
    return `mesh-${this.id}-${host}`;
  }

  /** Runs a command on a host, to its end. */
  exec(
    host: Host,
    argv: readonly string[],
    options?: { readonly input?: string; readonly mayFail?: boolean },
  ): Promise<Result> {
    return run(this.on(host, argv), options);
  }

  start(host: Host, argv: readonly string[]): Background {
    return new Background(this.on(host, argv));
  }

  /** Runs lines of `ip -batch` on a host. */
  async ip(host: Host, lines: readonly string[]): Promise<void> {
    const argv = ['ip', '-n', this.namespace(host), '-batch', '-'];
    await run(argv, { input: `${lines.join('\n')}\n` });
  }

  async sysctl(host: Host, settings: readonly string[]): Promise<void> {
    await this.exec(host, ['sysctl', '-qw', ...settings]);
  }

  /** A new folder that goes with the hosts. */
  async newFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'mesh-'));
    this.folders.push(folder);
    return folder;
  }

  async remove(): Promise<void> {
    for (const folder of this.folders.splice(0)) await rm(folder, { recursive: true, force: true });
    for (const host of [...this.made].reverse()) {
      await run(['ip', 'netns', 'delete', this.namespace(host)], { mayFail: true });
      await rm(this.filesOf(host), { recursive: true, force: true });
    }
    this.made.clear();
  }

  private on(host: Host, argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.namespace(host), ...argv];
  }

  /** One shell for many commands: starting each from here takes longer than the command. */
  private async shell(lines: readonly string[]): Promise<void> {
    await run(['bash', '-euo', 'pipefail'], { input: `${lines.join('\n')}\n` });
  }

  private inside(host: Host, lines: readonly string[]): string[] {
    return [`ip -n ${this.namespace(host)} -batch - <<'END'`, ...lines, 'END'];
  }

  private set(host: Host, settings: readonly string[]): string[] {
    const values = settings.map((setting) => `'${setting}'`).join(' ');
    return [`ip netns exec ${this.namespace(host)} sysctl -qw ${values}`];
  }

  private added(host: Host): string[] {
    this.made.add(host);
    return [
      `ip netns add ${this.namespace(host)}`,
      ...this.set(host, [
        'net.ipv6.conf.default.accept_dad=0',
        // A test calls from the same port again sooner than real clients would.
        'net.ipv4.tcp_max_tw_buckets=0',
      ]),
      ...this.withoutBridgeNetfilter(host),
    ];
  }

  /** Where br_netfilter is there, bridged packets would be filtered, and translated, twice. */
  private withoutBridgeNetfilter(host: Host): string[] {
    const path = '/proc/sys/net/bridge/bridge-nf-call-ip';
    const write = ['', '6'].map((six) => `echo 0 > ${path}${six}tables`).join('; ');
    const inside = `ip netns exec ${this.namespace(host)} bash -c '${write}'`;
    return [`if [ -e ${path}tables ]; then ${inside}; fi`];
  }

  private plugged(host: Exclude<Linked, 'router'>): string[] {
    const links = linksOf(host).map((network) => ({ network, port: `${host}${network[0]!}` }));
    const balances = isBalancer(host);
    return [
      ...this.added(host),
      ...this.inside(
        'router',
        links.flatMap(({ network, port }, i) => [
          `link add ${port} type veth peer name eth${i} netns ${this.namespace(host)}`,
          `link set ${port} master ${network} up`,
        ]),
      ),
      ...this.inside(host, [
        'link set lo up',
        ...links.flatMap(({ network }, i) => [
          // A load balancer that takes another's place is the same machine to its neighbors.
          `link set eth${i} address 02:00:00:00:0${i}:${numbers[host].toString(16).padStart(2, '0')}`,
          ...addressing(host, network, `eth${i}`),
        ]),
        ...(balances ? routesBehind() : []),
      ]),
    ];
  }

  private directed(balancer: Balancer): string[] {
    const toVips = (['client', 'neighbor'] as const).flatMap((host) => {
      const network = linksOf(host)[0]!;
      return this.inside(
        host,
        families.map((family) => {
          const gateway = addressOf(balancer, family, network);
          return `route replace ${vipPrefix[family]} via ${gateway}`;
        }),
      );
    });
    const back = families.map((family) => {
      return `route replace ${everything[family]} via ${insideOf(balancer, family)}`;
    });
    return [...toVips, ...servers.flatMap((server) => this.inside(server, back))];
  }
}

function addressing(host: Linked, network: 'clients' | 'servers', device: string): string[] {
  return [
    ...families.map((family) => {
      const length = prefixOf(network, family).split('/')[1]!;
      return `address add ${addressOf(host, family, network)}/${length} dev ${device} nodad`;
    }),
    `link set ${device} up`,
  ];
}

function routesBehind(): string[] {
  return families.map(
    (family) => `route add ${prefixOf('behind', family)} via ${addressOf('client', family)}`,
  );
}
