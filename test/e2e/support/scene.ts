import { readFileSync } from 'node:fs';
import { endAll } from './command.js';
import { dataPath } from './meshd.js';
import { Peers } from './peers.js';
import type { Report } from './report.js';
import { addressOf, families, servers, Topology, type Family } from './topology.js';

/** What every case plays on. */
export interface Scene {
  readonly topology: Topology;
  readonly peers: Peers;
  readonly report: Report;
  /** Between two cases: ends what runs and starts the servers anew. */
  clear(): Promise<void>;
}

export interface Case {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  /** Why it cannot hold where nftables balances; absent = it does. */
  readonly needsIpvs?: string;
  run(scene: Scene): Promise<void>;
}

/** A kernel without IPVS may lack SCTP too; the guest has both. */
export const hasSctp =
  dataPath === 'ipvs' || /^SCTP /m.test(readFileSync('/proc/net/protocols', 'utf8'));

export const tcpPort = 8080;
export const udpPort = 5300;

export async function setScene(report: Report): Promise<Scene> {
  const topology = new Topology();
  const peers = new Peers(topology, [tcpPort, udpPort]);
  try {
    await topology.create();
    await peers.serveAll();
  } catch (error) {
    await endAll();
    await topology.remove();
    throw error;
  }
  const clear = async (): Promise<void> => {
    await endAll();
    await topology.direct('lb');
    await peers.serveAll();
  };
  return { topology, peers, report, clear };
}

/** The n-th VIP. */
export function vip(n: number, family: Family): string {
  return family === 4 ? `10.96.0.${n}` : `fd00:96::${n}`;
}

export interface ServiceText {
  readonly name: string;
  /** Number of its VIPs, one per family. */
  readonly vip: number;
  /** Default: port 80 of TCP. */
  readonly ports?: string;
  /** Further fields, one per line. */
  readonly fields?: readonly string[];
  /** Default: each with weight 1. */
  readonly weights?: Readonly<Record<string, number>>;
}

export const evenWeights: Readonly<Record<string, number>> = { s1: 1, s2: 1, s3: 1 };

/** The `services` of a configuration file: each on an IPv4 and an IPv6 VIP. */
export function servicesYaml(services: readonly ServiceText[]): string {
  if (services.length === 0) return 'services: []';
  return ['services:', ...services.map(serviceYaml)].join('\n');
}

function serviceYaml(service: ServiceText): string {
  const weights = service.weights ?? evenWeights;
  const destinations = families.flatMap((family) =>
    servers
      .filter((server) => server in weights)
      .map((server) => {
        const address = `address: '${addressOf(server, family)}'`;
        return `      - { ${address}, weight: ${weights[server]!}, name: ${server}-v${family} }`;
      }),
  );
  return [
    `  - name: ${service.name}`,
    `    vip: [${vip(service.vip, 4)}, '${vip(service.vip, 6)}']`,
    `    ports: [${service.ports ?? `80:${tcpPort}`}]`,
    ...(service.fields ?? []).map((field) => `    ${field}`),
    '    destinations:',
    ...destinations,
  ].join('\n');
}
