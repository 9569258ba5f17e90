import type { Balancer, Topology } from './topology.js';

/** The virtual services in the kernel as `ipvsadm -Sn` prints them, sorted. */
export async function virtualServices(topology: Topology, host: Balancer): Promise<string[]> {
  const { stdout } = await topology.exec(host, ['ipvsadm', '-Sn']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** Everything that meshd is to keep, as text, for comparisons. */
export async function kernelState(topology: Topology, host: Balancer): Promise<string> {
  const script = `
    ip -o address show dev mesh0 scope global | sed 's/^[0-9]*: //' | sort
    ip -o route show table local dev mesh0 | sort
    ip -o -6 route show table local dev mesh0 | grep -v fe80 | sort
    nft list table inet meshd-snat
    sysctl net.ipv4.vs.conntrack net.ipv4.vs.expire_nodest_conn net.ipv4.ip_forward`;
  const { stdout } = await topology.exec(host, ['bash', '-c', `{ ${script}; } 2>&1`], {
    mayFail: true,
  });
  return [...(await virtualServices(topology, host)), stdout].join('\n');
}

/** The lines that only one of two states has. */
export function difference(wanted: string, found: string): string {
  const [before, after] = [wanted.split('\n'), found.split('\n')];
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
}

/** The weight of a destination of a virtual service; undefined when it is not there. */
export async function weightOf(
  topology: Topology,
  host: Balancer,
  service: string,
  destination: string,
): Promise<number | undefined> {
  for (const line of await virtualServices(topology, host)) {
    const words = line.split(' ');
    if (words[0] !== '-a' || words[2] !== service || words[4] !== destination) continue;
    return Number(words[words.indexOf('-w') + 1]);
  }
  return undefined;
}
