/** What Ops make of a set of virtual services: the same strictness as IPVS. Pure. */
import { assert } from '../../base/index.js';
import {
  addressBits,
  destinationKey,
  familyOf,
  formatDestination,
  formatMatch,
  matchFamily,
  sameDestination,
  sameVirtualService,
  type Destination,
  type IpvsTimeoutsRule,
  type Op,
  type VirtualService,
  type VirtualServiceRule,
} from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import { isTimeouts } from './nft-balancer-timeouts.js';
import { formatOpLine, type Fail, type OpRange } from './op-batch.js';

export interface Wanted {
  readonly services: ReadonlyMap<string, VirtualServiceRule>;
  readonly timeouts: IpvsTimeoutsRule | undefined;
  /** Positions of the Ops that had a part in a service. */
  readonly origins: ReadonlyMap<string, readonly number[]>;
}

/** The services after the Ops, in their order; Ops that cannot be are told to `fail`. */
export function wantedAfter(
  before: Pick<Wanted, 'services' | 'timeouts'>,
  { ops, start, end }: OpRange,
  fail: Fail,
): Wanted {
  const services = new Map(before.services);
  const origins = new Map<string, number[]>();
  let { timeouts } = before;
  for (let index = start; index < end; index++) {
    const op = ops[index]!;
    const refuse = (refusal: Refusal, action = formatOpLine(op)): void =>
      fail(index, new KernelError(action, refusal.errno, refusal.detail));
    if (op.target.kind === 'ipvs-timeouts') {
      const isValid = op.verb !== 'delete' && isTimeouts(op.target);
      if (isValid) timeouts = op.target;
      else refuse({ errno: op.verb === 'delete' ? errno.EOPNOTSUPP : errno.EINVAL });
      continue;
    }
    const key = formatMatch(serviceOf(op).match);
    const changed =
      op.target.kind === 'destination'
        ? withDestination(services.get(key), op.verb, op.target.destination)
        : withService(services.get(key), op.verb, serviceOf(op), refuse);
    if ('errno' in changed) {
      refuse(changed);
      continue;
    }
    origins.set(key, [...(origins.get(key) ?? []), index]);
    if (changed.service === undefined) services.delete(key);
    else services.set(key, changed.service);
  }
  return { services, timeouts, origins };
}

/** True when both are the same in all that is written. */
export function sameService(a: VirtualServiceRule, b: VirtualServiceRule): boolean {
  return (
    a === b ||
    (sameVirtualService(a, b) &&
      a.destinations.length === b.destinations.length &&
      a.destinations.every((each, i) => sameDestination(each, b.destinations[i]!)))
  );
}

interface Refusal {
  readonly errno: number;
  readonly detail?: string;
}

type Changed = { readonly service: VirtualServiceRule | undefined } | Refusal;

const noService: Refusal = { errno: errno.ESRCH, detail: 'no such virtual service' };
const noDestination: Refusal = { errno: errno.ENOENT, detail: 'no such destination' };

function serviceOf({ target }: Op): VirtualServiceRule {
  if (target.kind === 'destination') return target.service;
  assert(target.kind === 'virtual-service', `not an Op of the balancer: ${target.kind}`);
  return target;
}

function withService(
  held: VirtualServiceRule | undefined,
  verb: Op['verb'],
  rule: VirtualServiceRule,
  refuse: (refusal: Refusal, action: string) => void,
): Changed {
  if (verb !== 'add' && held === undefined) return noService;
  if (verb === 'delete') return { service: undefined };
  const refusal = refusalOfService(rule);
  if (refusal !== undefined) return refusal;
  if (verb === 'set') return { service: { ...rule, destinations: held!.destinations } };
  if (held !== undefined) return { errno: errno.EEXIST };
  let service: VirtualServiceRule = { ...rule, destinations: [] };
  for (const destination of rule.destinations) {
    const changed = withDestination(service, 'add', destination);
    if (!('errno' in changed)) service = changed.service!;
    else {
      const what = `add destination ${formatDestination(destination)}`;
      refuse(changed, `${what} of ${formatMatch(rule.match)}`);
    }
  }
  return { service };
}

function withDestination(
  held: VirtualServiceRule | undefined,
  verb: Op['verb'],
  destination: Destination,
): Changed {
  if (held === undefined) return noService;
  const key = destinationKey(destination);
  const at = held.destinations.findIndex((each) => destinationKey(each) === key);
  if (verb === 'delete') {
    if (at === -1) return noDestination;
    return { service: { ...held, destinations: held.destinations.toSpliced(at, 1) } };
  }
  const refusal = refusalOfDestination(held, destination);
  if (refusal !== undefined) return refusal;
  if (verb === 'add') {
    if (at !== -1) return { errno: errno.EEXIST };
    return { service: { ...held, destinations: [...held.destinations, destination] } };
  }
  if (at === -1) return noDestination;
  return { service: { ...held, destinations: held.destinations.with(at, destination) } };
}

function refusalOfService({
  onePacket,
  affinityPrefix,
  match,
}: VirtualService): Refusal | undefined {
  if (onePacket) {
    return { errno: errno.EOPNOTSUPP, detail: 'onePacket needs IPVS: nftables tracks flows' };
  }
  const fits = affinityPrefix >= 1 && affinityPrefix <= addressBits(matchFamily(match));
  return fits ? undefined : { errno: errno.EINVAL };
}

function refusalOfDestination(
  { match }: VirtualService,
  { address, forwarding, lowerThreshold, upperThreshold }: Destination,
): Refusal | undefined {
  if (forwarding !== 'masq') {
    const detail = `forwarding ${forwarding} needs IPVS: nftables can only translate (masq)`;
    return { errno: errno.EOPNOTSUPP, detail };
  }
  if (familyOf(address) !== matchFamily(match) || !isUnicast(address)) {
    return { errno: errno.EINVAL };
  }
  return lowerThreshold > upperThreshold ? { errno: errno.ERANGE } : undefined;
}

function isUnicast(address: string): boolean {
  if (familyOf(address) === 4) {
    const first = Number(address.slice(0, address.indexOf('.')));
    return first > 0 && first < 224;
  }
  return address !== '::' && !/^(ff|fe[89ab])/.test(address);
}
