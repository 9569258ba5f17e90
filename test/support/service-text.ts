import type {
  Forwarding,
  Protocol,
  Scheduler,
  SchedulerFlag,
  Service,
  ServiceDestination,
  ServicePort,
  SnatMode,
  TunnelType,
} from '../../src/model/index.js';

/**
 * A service in one line and one more per destination; what is not said has the plainest value:
 *
 *     service web vip=10.96.0.1 port=80:8080/tcp scheduler=wrr affinity=300/24/64
 *       10.0.0.11 weight=2
 *       10.0.0.12 draining
 */
export function parseService(line: string, destinations: readonly string[]): Service {
  const words = line.split(' ');
  const all = (name: string): string[] =>
    words.filter((w) => w.startsWith(`${name}=`)).map((w) => w.slice(name.length + 1));
  const one = (name: string): string | undefined => all(name)[0];
  const [timeoutS, prefix4, prefix6] = (one('affinity') ?? '0').split('/').map(Number);
  const [maxConnections, resumeConnections] = (one('limit') ?? '0').split('/').map(Number);
  const [tunnelType, tunnelPort, checksum] = one('tunnel')?.split(':') ?? [];
  return {
    name: words[1]!,
    aliases: all('alias'),
    endpointMode: 'vip',
    vips: one('vip')?.split(',') ?? [],
    ports: all('port').map(parsePort),
    publish: [],
    scheduler: (one('scheduler') ?? 'rr') as Scheduler,
    schedulerFlags: (one('flags')?.split(',') ?? []) as SchedulerFlag[],
    onePacket: words.includes('ops'),
    affinity: { timeoutS: timeoutS!, prefix4: prefix4 ?? 32, prefix6: prefix6 ?? 128 },
    forwarding: (one('forwarding') ?? 'masq') as Forwarding,
    ...(tunnelType === undefined
      ? {}
      : {
          tunnel: {
            type: tunnelType as TunnelType,
            port: Number(tunnelPort ?? 0),
            checksum: checksum !== undefined,
          },
        }),
    snat: (one('snat') ?? 'never') as SnatMode,
    limits: { maxConnections: maxConnections!, resumeConnections: resumeConnections ?? 0 },
    drainDeadlineMs: 60_000,
    destinations: destinations.map(parseServiceDestination),
  };
}

/** `80/tcp`, `80:8080/tcp`, `7000-7009:9000/udp`. */
function parsePort(text: string): ServicePort {
  const [, first, last, target, protocol] = /^(\d+)(?:-(\d+))?(?::(\d+))?\/(\w+)$/.exec(text)!;
  return {
    protocol: protocol as Protocol,
    port: Number(first),
    targetPort: Number(target ?? first),
    count: last === undefined ? 1 : Number(last) - Number(first) + 1,
  };
}

function parseServiceDestination(text: string): ServiceDestination {
  const words = text.trim().split(' ');
  const value = (name: string): string | undefined =>
    words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  return {
    name: value('name') ?? words[0]!,
    address: words[0]!,
    weight: Number(value('weight') ?? 1),
    draining: words.includes('draining'),
  };
}
