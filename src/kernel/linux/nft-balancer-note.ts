/**
 * Comments of rules that say which virtual service and destinations a chain stands for. They are
 * the texts of the model, so that `nft list` reads like `meshctl`, and hold what nftables has no
 * place for: the scheduler's name, weights, limits, destinations that get nothing now.
 */
import {
  addressBits,
  formatVirtualService,
  matchFamily,
  parseAddress,
  schedulers,
  type Destination,
  type Protocol,
  type Scheduler,
  type SchedulerFlag,
  type VirtualService,
  type VirtualServiceMatch,
} from '../../model/index.js';

const servicePattern =
  /^(?:fwmark (\d+)(\/v6)?|(\S+):(\d+)\/(tcp|udp|sctp)) ([a-z]+)((?: fallback| port)*)(?: affinity=(\d+)s(?:\/(\d+))?)?(?: prefix=(\d+))?$/;
const destinationPattern = /^(\S+):(\d+) masq weight=(\d+)(?: upper=(\d+))?(?: lower=(\d+))?$/;

/** The service without its destinations, on one line. */
export function formatServiceNote(service: VirtualService): string {
  const { affinityTimeoutS, affinityPrefix, match } = service;
  const isSaid = affinityTimeoutS > 0 || affinityPrefix === addressBits(matchFamily(match));
  return `${formatVirtualService(service)}${isSaid ? '' : ` prefix=${affinityPrefix}`}`;
}

/** What `formatServiceNote` wrote; undefined when it did not. */
export function parseServiceNote(text: string): Omit<VirtualService, 'destinations'> | undefined {
  const found = servicePattern.exec(text);
  if (found === null) return undefined;
  const [, mark, isV6, address, port, protocol, scheduler, flags, timeout, prefix, idle] = found;
  const match: VirtualServiceMatch | undefined =
    mark === undefined
      ? matchOf(address!, Number(port), protocol as Protocol)
      : { fwmark: Number(mark), family: isV6 === undefined ? 4 : 6 };
  if (match === undefined || !(schedulers as readonly string[]).includes(scheduler!)) {
    return undefined;
  }
  const bits = addressBits(matchFamily(match));
  return {
    match,
    scheduler: scheduler as Scheduler,
    schedulerFlags: flags!.split(' ').filter((flag) => flag !== '') as SchedulerFlag[],
    affinityTimeoutS: Number(timeout ?? 0),
    affinityPrefix: Number(prefix ?? idle ?? bits),
    onePacket: false,
  };
}

/** What `formatDestination` wrote; undefined when it did not. */
export function parseDestinationNote(text: string): Destination | undefined {
  const found = destinationPattern.exec(text);
  if (found === null) return undefined;
  const [, host, port, weight, upper, lower] = found;
  const address = addressOf(host!);
  if (address === undefined) return undefined;
  return {
    address,
    port: Number(port),
    weight: Number(weight),
    forwarding: 'masq',
    upperThreshold: Number(upper ?? 0),
    lowerThreshold: Number(lower ?? 0),
  };
}

function matchOf(host: string, port: number, protocol: Protocol): VirtualServiceMatch | undefined {
  const address = addressOf(host);
  return address === undefined ? undefined : { protocol, address, port };
}

function addressOf(host: string): string | undefined {
  return parseAddress(host.startsWith('[') ? host.slice(1, -1) : host);
}
