import {
  addressBits,
  destinationKey,
  familyOf,
  formatMatch,
  matchFamily,
  schedulers,
  type Destination,
  type IpvsTimeoutsRule,
  type Op,
  type VirtualService,
  type VirtualServiceMatch,
  type VirtualServiceRule,
} from '../../model/index.js';
import { errno } from '../errors.js';

const ok = 0;
/** INT_MAX / HZ, as timeouts are kept in ticks (ip_vs_set_timeout); here of a kernel with 250 Hz. */
const timeoutMax = 8_589_934;

interface HeldService {
  service: Omit<VirtualServiceRule, 'destinations'>;
  own: boolean;
  /** In the order in which they were added. */
  readonly destinations: Map<string, Destination>;
}

/** The IPVS of one namespace as net/netfilter/ipvs/ip_vs_ctl.c keeps and guards it. */
export class IpvsTables {
  /** False = a kernel without ip_vs: every request is refused. */
  present = true;
  timeouts: IpvsTimeoutsRule = { kind: 'ipvs-timeouts', tcpS: 900, tcpFinS: 120, udpS: 300 };
  private readonly services = new Map<string, HeldService>();

  /** The services that carry our mark, or those that do not. */
  rules(own: boolean): VirtualServiceRule[] {
    return [...this.services.values()]
      .filter((held) => held.own === own)
      .map((held) => ({ ...held.service, destinations: [...held.destinations.values()] }));
  }

  /** A service with everything in it, and with or without our mark. */
  plant(rule: VirtualServiceRule, own: boolean): void {
    const { destinations, ...service } = rule;
    const byKey = new Map(destinations.map((item) => [destinationKey(item), item]));
    this.services.set(formatMatch(rule.match), { service, own, destinations: byKey });
  }

  unplant(match: VirtualServiceMatch): void {
    this.services.delete(formatMatch(match));
  }

  service(verb: Op['verb'], rule: VirtualServiceRule): number[] {
    if (!this.present) return [errno.EOPNOTSUPP];
    const key = formatMatch(rule.match);
    const held = this.services.get(key);
    if (verb === 'delete') {
      if (held === undefined) return [errno.ESRCH];
      this.services.delete(key);
      return [];
    }
    if (verb === 'add' && held !== undefined) return [errno.EEXIST];
    if (verb === 'set' && held === undefined) return [errno.ESRCH];
    const refusal = refusalOfService(rule);
    if (refusal !== ok) return [refusal];
    const { destinations, ...service } = rule;
    if (held !== undefined) {
      held.service = service;
      held.own = true; // The flags are replaced as a whole, our mark among them.
      return [];
    }
    this.services.set(key, { service, own: true, destinations: new Map() });
    return destinations
      .map((destination) => this.destination('add', rule.match, destination))
      .filter((value) => value !== ok);
  }

  destination(verb: Op['verb'], match: VirtualServiceMatch, destination: Destination): number {
    if (!this.present) return errno.EOPNOTSUPP;
    const held = this.services.get(formatMatch(match));
    if (held === undefined) return errno.ESRCH;
    const key = destinationKey(destination);
    const exists = held.destinations.has(key);
    if (verb === 'delete') {
      if (!exists) return errno.ENOENT;
      held.destinations.delete(key);
      return ok;
    }
    const refusal = refusalOfDestination(held.service, destination);
    if (refusal !== ok) return refusal;
    if (verb === 'add' && exists) return errno.EEXIST;
    if (verb === 'set' && !exists) return errno.ENOENT;
    held.destinations.set(key, destination);
    return ok;
  }

  setTimeouts(verb: Op['verb'], rule: IpvsTimeoutsRule): number {
    if (!this.present || verb === 'delete') return errno.EOPNOTSUPP;
    const values = [rule.tcpS, rule.tcpFinS, rule.udpS];
    if (values.some((value) => value < 0 || value > timeoutMax)) return errno.EINVAL;
    const { tcpS, tcpFinS, udpS } = this.timeouts;
    // 0 leaves a timeout as it is.
    this.timeouts = {
      kind: 'ipvs-timeouts',
      tcpS: rule.tcpS || tcpS,
      tcpFinS: rule.tcpFinS || tcpFinS,
      udpS: rule.udpS || udpS,
    };
    return ok;
  }
}

function refusalOfService(service: VirtualService): number {
  const family = matchFamily(service.match);
  if (!schedulers.includes(service.scheduler)) return errno.ENOENT;
  const { affinityPrefix } = service;
  const fits = affinityPrefix >= 1 && affinityPrefix <= addressBits(family);
  return family === 6 && !fits ? errno.EINVAL : ok;
}

function refusalOfDestination(
  service: Omit<VirtualService, 'destinations'>,
  destination: Destination,
): number {
  const { address, lowerThreshold, upperThreshold, tunnel, forwarding } = destination;
  if (familyOf(address) !== matchFamily(service.match) && forwarding !== 'tunnel') {
    return errno.EINVAL;
  }
  if (!isUnicast(address)) return errno.EINVAL;
  if (lowerThreshold > upperThreshold) return errno.ERANGE;
  if (tunnel?.type === 'gue' && tunnel.port === 0) return errno.EINVAL;
  return ok;
}

function isUnicast(address: string): boolean {
  if (familyOf(address) === 4) {
    const first = Number(address.slice(0, address.indexOf('.')));
    return first > 0 && first < 224;
  }
  return address !== '::' && !/^(ff|fe[89ab])/.test(address);
}
