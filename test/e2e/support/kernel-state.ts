import { dataPath } from './meshd.js';
import type { Balancer, Topology } from './topology.js';

/** The virtual services in the kernel as `ipvsadm -Sn` prints them, sorted. */
export async function virtualServices(topology: Topology, host: Balancer): Promise<string[]> {
  if (dataPath === 'nftables') return notedServices(topology, host);
  const { stdout } = await topology.exec(host, ['ipvsadm', '-Sn']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** The same by the comments of the table that balances. */
async function notedServices(topology: Topology, host: Balancer): Promise<string[]> {
  const list = ['nft', 'list', 'table', 'inet', 'meshd-lb'];
  const { stdout } = await topology.exec(host, list, { mayFail: true });
  let service = '';
  return stdout
    .split('\n')
    .flatMap((line) => {
      const note = /comment "(.*)"$/.exec(line)?.[1] ?? '';
      const [what, , ...flags] = note.split(' ');
      const head = /^(.+)\/(tcp|udp|sctp) ([a-z]+)/.exec(note);
      if (head !== null) {
        service = `-${head[2] === 'udp' ? 'u' : 't'} ${head[1]!}`;
        return [`-A ${service} -s ${note.slice(note.indexOf(' ') + 1)}`];
      }
      const weight = /^\S+:\d+ masq weight=(\d+)/.exec(note)?.[1];
      return weight === undefined
        ? []
        : [`-a ${service} -r ${what!} -m -w ${weight} ${flags.slice(1).join(' ')}`.trimEnd()];
    })
    .sort();
}

/** Connections through virtual services, a line each; it ends with the destination. */
export async function connectionLines(topology: Topology, host: Balancer): Promise<string[]> {
  if (dataPath === 'ipvs') {
    return (await topology.exec(host, ['ipvsadm', '-Lnc'])).stdout.split('\n');
  }
  const { stdout } = await topology.exec(host, ['cat', '/proc/net/nf_conntrack']);
  return stdout.split('\n').map((line) => {
    const [, source, port] = / src=.* src=(\S+) dst=\S+ sport=(\d+)/.exec(line) ?? [];
    return `${line} ${source}:${port}`;
  });
}

/** Takes a destination of a TCP service away behind meshd's back, at least that one. */
export async function takeDestination(
  topology: Topology,
  host: Balancer,
  service: string,
  destination: string,
): Promise<void> {
  // The chain of the whole service: comments in it are what `virtualServices` sees.
  const name = service.replace(/\[(.*)\]/, '$1').replace(/:(\d+)$/, '-$1');
  const chain = `tcp-${name}`.replaceAll(':', '_');
  await topology.exec(
    host,
    dataPath === 'ipvs'
      ? ['ipvsadm', '-d', '-t', service, '-r', destination]
      : ['nft', 'flush', 'chain', 'inet', 'meshd-lb', chain],
  );
}

/** Everything that meshd is to keep, as text, for comparisons. */
export async function kernelState(topology: Topology, host: Balancer): Promise<string> {
  const script = `
    ip -o address show dev mesh0 scope global | sed 's/^[0-9]*: //' | sort
    ip -o route show table local dev mesh0 | sort
    ip -o -6 route show table local dev mesh0 | grep -v fe80 | sort
    nft list table inet meshd-snat
    nft -s list table inet meshd-lb | grep -o 'dnat ip.*' | sort
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
