import { writeFileSync } from 'node:fs';
import { run, startUntil } from './command.js';
import { peer } from './lab.js';
import { untilIdle, within } from './netns.js';

/**
 * One host per network namespace, on two Ethernets:
 *
 *     10.1.0.0/24    client .10 --- lb .1
 *     10.2.0.0/24    client .100 -- lb .1 -- servers .11 .12 .13 (default route: the lb)
 *
 * The client reaches a VIP from its first address, whose replies come back through the lb, or,
 * for direct routing and for source NAT, from the address that it has beside the servers.
 */
export const serverAddresses = ['10.2.0.11', '10.2.0.12', '10.2.0.13'] as const;

/** VIPs by the way in which the client reaches them. */
export const vips = {
  routed: '10.96.0.1',
  onLink: '10.96.0.2',
  directRouting: '10.96.0.3',
} as const;

export const client = 'bench-client';
export const balancer = 'bench-lb';
/** The namespace that has the bridges. */
export const ethernet = 'bench-net';
const servers = ['bench-b1', 'bench-b2', 'bench-b3'];

export interface PortRange {
  readonly first: number;
  readonly count: number;
}

/** Makes everything but the load balancer; the servers listen on `ports`. Returns how to stop it. */
export async function makeNetwork(ports: PortRange): Promise<() => Promise<void>> {
  const all = [ethernet, client, ...servers];
  for (const name of all) {
    await run(['ip', 'netns', 'add', name]);
    await ip(name, ['link set lo up']);
  }
  await ip(ethernet, ['link add br1 type bridge', 'link set br1 up']);
  await ip(ethernet, ['link add br2 type bridge', 'link set br2 up']);
  await plug(client, 'eth0', 'br1', ['10.1.0.10/24']);
  await plug(client, 'eth1', 'br2', ['10.2.0.100/24']);
  await ip(client, [
    `route add ${vips.routed} via 10.1.0.1`,
    `route add ${vips.onLink} via 10.2.0.1`,
    `route add ${vips.directRouting} via 10.2.0.1`,
  ]);
  await set(client, { ip_local_port_range: '20000 60999', tcp_max_tw_buckets: '0' });
  const stops: (() => void)[] = [];
  for (const [i, name] of servers.entries()) {
    await plug(name, 'eth0', 'br2', [`${serverAddresses[i]!}/24`]);
    await ip(name, [`addr add ${vips.directRouting}/32 dev lo`, 'route add default via 10.2.0.1']);
    await set(name, {
      tcp_max_tw_buckets: '0',
      // The VIP on lo is for packets that the balancer hands over, not for answering ARP.
      'conf/all/arp_ignore': '1',
      'conf/all/arp_announce': '2',
    });
    const argv = [peer('http_server'), '0.0.0.0', String(ports.first), String(ports.count)];
    stops.push(await startUntil(within(name, argv), 'ready'));
  }
  return async () => {
    for (const stop of stops) stop();
    for (const name of all) await run(['ip', 'netns', 'del', name]);
  };
}

/** Calls `work` while there is a load balancer that nobody used before. */
export async function withBalancer<T>(work: () => Promise<T>): Promise<T> {
  await run(['ip', 'netns', 'add', balancer]);
  try {
    await ip(balancer, ['link set lo up']);
    await plug(balancer, 'eth0', 'br1', ['10.1.0.1/24'], '02:00:00:00:01:01');
    await plug(balancer, 'eth1', 'br2', ['10.2.0.1/24'], '02:00:00:00:02:01');
    await set(balancer, {
      ip_forward: '1',
      'conf/all/send_redirects': '0',
      'conf/default/send_redirects': '0',
      ip_local_port_range: '20000 60999',
      tcp_max_tw_buckets: '0',
    });
    return await work();
  } finally {
    await run(['ip', 'netns', 'del', balancer]);
    await untilIdle();
  }
}

/** Runs `ip` commands in the namespace. */
export async function ip(name: string, lines: readonly string[]): Promise<void> {
  await run(['ip', '-n', name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** Writes files below /proc/sys/net/ipv4 of the namespace. */
export async function set(name: string, values: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(values).map(
    ([file, value]) => `echo ${value} >/proc/sys/net/ipv4/${file}`,
  );
  await run(within(name, ['sh', '-e', '-c', lines.join('\n')]));
}

/** A fixed MAC spares the neighbors of a host that is made anew a stale entry. */
export async function plug(
  name: string,
  device: string,
  bridge: string,
  addresses: readonly string[],
  mac?: string,
): Promise<void> {
  const port = `${name.slice('bench-'.length)}-${device}`;
  await ip(ethernet, [
    `link add ${port} type veth peer name ${device} netns ${name}`,
    `link set ${port} master ${bridge} up`,
  ]);
  await ip(name, [
    ...(mac === undefined ? [] : [`link set ${device} address ${mac}`]),
    ...addresses.map((address) => `addr add ${address} dev ${device}`),
    `link set ${device} up`,
  ]);
}

/** A file for a program that reads its configuration from one. */
export function configFile(name: string, text: string): string {
  const path = `/tmp/bench-${name}`;
  writeFileSync(path, text);
  return path;
}
