import { familyOf, formatMatch, type Service } from '../model/index.js';
import { publishedMatches } from '../rules/index.js';

/** ruleKeys of the virtual services that a service has when nothing stands against it. */
export function virtualServiceKeys(service: Service): string[] {
  if (service.network === undefined) return [...listenersOf(service)].map(({ key }) => key);
  return [...publishedMatches(service)].map((match) => `ipvs ${formatMatch(match)}`);
}

/** Where a service listens: the ruleKey of each virtual service, and the port behind it. */
export function* listenersOf(
  service: Service,
): Generator<{ readonly key: string; readonly targetPort: number; readonly family: 4 | 6 }> {
  for (const address of service.vips) {
    const family = familyOf(address);
    for (const { protocol, port, targetPort, count } of service.ports) {
      for (let i = 0; i < count; i++) {
        const key = `ipvs ${formatMatch({ protocol, address, port: port + i })}`;
        yield { key, targetPort: targetPort + i, family };
      }
    }
  }
}
