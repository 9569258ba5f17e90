import { formatRuleSet, type Rule, type Service } from '../../../src/model/index.js';
import { compileBase, compileService, OnLink } from '../../../src/rules/index.js';
import { parseService } from '../../support/service-text.js';

/** What the lines of a script describe: a host, its services, and what else is to be done. */
export interface Scene {
  readonly onLink: OnLink;
  readonly hostAddresses: ReadonlySet<string>;
  readonly services: readonly Service[];
  readonly commands: readonly string[];
  isHealthy(service: string, address: string): boolean;
}

export function readScene(input: readonly string[]): Scene {
  const addresses: { device: string; address: string; prefixLength: number }[] = [];
  const services: Service[] = [];
  const commands: string[] = [];
  const unhealthy = new Set<string>();
  for (let i = 0; i < input.length; i++) {
    const line = input[i]!;
    const [word, device, prefix] = line.split(' ');
    if (word === 'host') {
      const [address, length] = prefix!.split('/');
      addresses.push({ device: device!, address: address!, prefixLength: Number(length) });
    } else if (word === 'service') {
      const destinations: string[] = [];
      while (input[i + 1]?.startsWith('  ') === true) destinations.push(input[++i]!);
      const service = parseService(line, destinations);
      services.push(service);
      for (const text of destinations.filter((d) => d.includes('unhealthy'))) {
        unhealthy.add(`${service.name} ${text.trim().split(' ')[0]!}`);
      }
    } else commands.push(line);
  }
  return {
    onLink: new OnLink(addresses),
    hostAddresses: new Set(addresses.map(({ address }) => address)),
    services,
    commands,
    isHealthy: (service, address) => !unhealthy.has(`${service} ${address}`),
  };
}

export function compileScene(scene: Scene): Rule[] {
  return scene.services.flatMap((service) => compileService(service, scene));
}

/** Services, or `base`, to the rules they compile to. The fixed nft table is shown on request. */
export function compileScript(input: readonly string[]): string {
  const scene = readScene(input);
  if (scene.commands.includes('base')) return formatRuleSet(compileBase(undefined));
  if (scene.commands.includes('base with timeouts')) {
    return formatRuleSet(compileBase({ tcpS: 900, tcpFinS: 120, udpS: 300 }));
  }
  const text = formatRuleSet(compileScene(scene));
  if (scene.commands.includes('with the table')) return text;
  return text.replace(/^(nft table .*)\n(?: .*\n?)*/gm, '$1 ...\n').trimEnd();
}
