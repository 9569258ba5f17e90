import { run } from './command.js';
import { within } from './netns.js';
import { client, ethernet, ip, plug, set } from './topology.js';

/*
 * Hosts of a mesh on one Ethernet, one network namespace each:
 *
 *     10.1.0.0/24    client .100, nodes .1 .2 ...
 *
 * Tasks are namespaces with nothing but a loopback device.
 */

/** Where a node is reached. */
export function nodeAddress(number: number): string {
  return `10.1.0.${number}`;
}

const made: string[] = [];

/** The Ethernet, and the client on it. */
export async function makeEthernet(): Promise<void> {
  await run(['modprobe', '-a', 'veth', 'bridge', 'vxlan', 'br_netfilter', 'nf_conntrack']);
  await makeNamespace(ethernet);
  await ip(ethernet, ['link add br1 type bridge', 'link set br1 up']);
  await makeNamespace(client);
  await plug(client, 'eth0', 'br1', [`${nodeAddress(100)}/24`]);
  await set(client, { ip_local_port_range: '1024 65535' });
}

/** A node's namespace: `bench-NAME`. */
export async function makeNode(name: string, number: number): Promise<string> {
  const netns = await makeNamespace(`bench-${name}`);
  await plug(netns, 'eth0', 'br1', [`${nodeAddress(number)}/24`]);
  await set(netns, { ip_forward: '1' });
  return netns;
}

/** A task's namespace: `bench-NAME`. */
export function makeTask(name: string): Promise<string> {
  return makeNamespace(`bench-${name}`);
}

export function namespacePath(netns: string): string {
  return `/run/netns/${netns}`;
}

/** To be called by `removeAll`. */
export function atEnd(stop: () => unknown): void {
  stops.push(stop);
}

const stops: (() => unknown)[] = [];

/** Ends what was started on the hosts, the latest first, and takes them away. */
export async function removeAll(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop();
  for (const netns of made.splice(0).reverse()) await run(['ip', 'netns', 'del', netns]);
}

async function makeNamespace(netns: string): Promise<string> {
  await run(['ip', 'netns', 'add', netns]);
  made.push(netns);
  await ip(netns, ['link set lo up']);
  // Bridges pass their packets through netfilter only where Docker wants it: in its own namespaces.
  const files = ['iptables', 'ip6tables'].map(
    (name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`,
  );
  await run(within(netns, ['sh', '-ec', files.map((file) => `echo 0 >${file}`).join('\n')]));
  return netns;
}
