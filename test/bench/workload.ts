import type { Service } from '../../src/model/index.js';
import { compileBase, compileService, OnLink, RuleTable } from '../../src/rules/index.js';

/**
 * The VIP of service `i`: 10.96.0.0 upwards. peer/ipvs_batch.c counts the same way, so that all
 * sides of a comparison program the same rules.
 */
export function vipAt(i: number): string {
  return dotted(0x0a600000 + i);
}

/** The address of destination `j` of service `i`: 10.1.0.0 upwards, none twice. */
export function destinationAt(i: number, j: number, destinations: number): string {
  return dotted(0x0a010000 + i * destinations + j);
}

/** Service `i` as a user's specification would come in: rr, masq, port 80 to 80/tcp. */
export function serviceAt(i: number, destinations: number): Service {
  return {
    name: `s${i}`,
    aliases: [],
    endpointMode: 'vip',
    vips: [vipAt(i)],
    ports: [{ protocol: 'tcp', port: 80, targetPort: 80, count: 1 }],
    publish: [],
    scheduler: 'rr',
    schedulerFlags: [],
    onePacket: false,
    affinity: { timeoutS: 0, prefix4: 32, prefix6: 128 },
    forwarding: 'masq',
    snat: 'auto',
    limits: { maxConnections: 0, resumeConnections: 0 },
    drainDeadlineMs: 0,
    destinations: Array.from({ length: destinations }, (_, j) => ({
      name: '',
      address: destinationAt(i, j, destinations),
      weight: 1,
      draining: false,
    })),
  };
}

export function servicesOf(count: number, destinations: number): Service[] {
  return Array.from({ length: count }, (_, i) => serviceAt(i, destinations));
}

export const hostNetwork = { device: 'eth0', address: '192.0.2.1', prefixLength: 24 } as const;

/** A host whose only link leads elsewhere: every destination is behind a router. */
export const routedHost = {
  onLink: new OnLink([hostNetwork]),
  isHealthy: () => true,
};

export function tableOf(services: readonly Service[]): RuleTable {
  const table = new RuleTable();
  for (const service of services) table.put(service.name, compileService(service, routedHost));
  return table;
}

/** As the daemon has it: with the rules that a host needs before its first service. */
export function hostTableOf(services: readonly Service[]): RuleTable {
  const table = tableOf(services);
  table.put('', compileBase(undefined));
  return table;
}

/** The same rules as `ipvsadm -R` reads them. */
export function ipvsadmText(count: number, destinations: number): string {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    lines.push(`-A -t ${vipAt(i)}:80 -s rr`);
    for (let j = 0; j < destinations; j++) {
      const address = destinationAt(i, j, destinations);
      lines.push(`-a -t ${vipAt(i)}:80 -r ${address}:80 -m -w 1`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function dotted(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}
