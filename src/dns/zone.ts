/**
 * The names of networks: what a name stands for, as somebody on these networks sees it. Pure.
 *
 *     web                      service: its VIPs, or all its endpoints where it has none
 *     www                      its alias: as its name, here and below
 *     tasks.web                its endpoints, whatever it has
 *     web-1                    a task
 *     _8080._tcp.web           SRV: port and names of its endpoints
 *     web.front                any of these, of one network
 *     web.front.mesh.internal  the same in full
 *
 * Services that stand alone, without a network, have `web` and `web.mesh.internal`.
 */
import {
  familyOf,
  parseAddress,
  type Endpoint,
  type Family,
  type Service,
} from '../model/index.js';
import { emptyAnswer, type Answer, type FoundBy } from './message.js';
import {
  addressRecord,
  authorityRecord,
  pointerRecord,
  recordType,
  responseCode,
  serviceRecord,
  textRecord,
  type DnsRecord,
} from './record.js';

/** Who is on a network, by name; or the services that are on none. */
export interface NetworkNames {
  /** In lower case; absent = none. */
  readonly network?: string;
  service(name: string): Service | undefined;
  /** The service that has this alias: of several the first in the order of their names. */
  aliased(alias: string): Service | undefined;
  /** All that name the service, whatever their weight. */
  endpointsOf(service: string): readonly Endpoint[];
  /** Tasks of this name; several nodes may have one each. */
  tasks(name: string): readonly Endpoint[];
  /** Whose address it is, as a name on this network. */
  nameAt(address: string): string | undefined;
}

/** What an asker sees. */
export interface View {
  /** Same for the same networks. */
  readonly id: number;
  /** In the order in which a bare name is looked for. */
  readonly networks: readonly NetworkNames[];
  /** Of the whole mesh, such as `mesh.internal`. */
  readonly domain: string;
  /** Of names that say nothing else. */
  readonly ttlS: number;
  /** Of what answers follow from. */
  readonly serial: number;
  readonly random: () => number;
}

/**
 * A name that somebody has. What is not asked for is not looked at: the addresses of a VIP follow
 * from its service alone, whoever is on the network.
 */
interface Found {
  readonly by: FoundBy;
  readonly ttlS: number;
  addresses(): readonly string[];
  services(): readonly DnsRecord[];
  texts(): readonly string[];
}

/** A service, and the network by which it was found. */
export interface ServiceAt {
  readonly network: NetworkNames;
  readonly service: Service;
}

/** Also whether it was by its name. */
interface FoundService extends ServiceAt {
  readonly as: 'service' | 'alias';
}

export interface Question {
  readonly name: string;
  readonly type: number;
}

/** Undefined when the name is not that of a service with a VIP on a network of the view. */
export function answerVip(view: View, question: Question): Answer | undefined {
  const at = findService(view, belowDomain(view, question.name));
  if (at?.service.endpointMode !== 'vip') return undefined;
  return answerOf(view, question, ofService(view, at));
}

/** Undefined when no network of the view has the name, which may be somebody else's. */
export function answerName(view: View, question: Question): Answer | undefined {
  const found = find(view, question.name);
  return found === undefined ? undefined : answerOf(view, question, found);
}

/** "No such name", for names that nobody else has: those in the domain of the mesh. */
export function answerNoSuchName(view: View, name: string): Answer | undefined {
  const { domain } = view;
  if (name === domain) return ours(view, name, []);
  // A port that a service of ours has not.
  const owner = serviceName.exec(name)?.[3];
  const found = owner === undefined ? undefined : find(view, owner);
  if (found === undefined && within(name, domain) === undefined) return undefined;
  return { ...ours(view, name, [], found?.ttlS), code: responseCode.noSuchName };
}

/** PTR of an address on a network of the view. */
export function answerReverse(view: View, { name, type }: Question): Answer | undefined {
  const address = reversedAddress(name);
  if (address === undefined) return undefined;
  for (const network of view.networks) {
    const owner = network.nameAt(address);
    if (owner === undefined) continue;
    const isAsked = type === recordType.PTR || type === recordType.ANY;
    const full = fullName(view, network, owner);
    const answer = ours(view, name, isAsked ? [pointerRecord(full, view.ttlS)] : []);
    return { ...answer, found: foundOn(network, 'address', owner) };
  }
  return undefined;
}

function answerOf(view: View, { name, type }: Question, found: Found): Answer {
  const { ttlS, by } = found;
  const say = (answers: readonly DnsRecord[]): Answer => {
    return { ...ours(view, name, answers, ttlS), found: by };
  };
  const of = (family: Family): DnsRecord[] =>
    shuffled(found.addresses(), view.random)
      .filter((address) => familyOf(address) === family)
      .map((address) => addressRecord(address, ttlS));
  switch (type) {
    case recordType.A:
      return say(of(4));
    case recordType.AAAA:
      return say(of(6));
    case recordType.ANY:
      return say([...of(4), ...of(6)]);
    case recordType.SRV:
      return say(found.services());
    case recordType.TXT: {
      const texts = found.texts();
      return say(texts.length === 0 ? [] : [textRecord(texts, ttlS)]);
    }
    default:
      return say([]);
  }
}

/** With nothing to say of a name that is there, how long that holds (RFC 2308, section 2.2). */
function ours(view: View, name: string, answers: readonly DnsRecord[], ttlS = view.ttlS): Answer {
  const { domain, serial } = view;
  const isInDomain = name === domain || within(name, domain) !== undefined;
  const of = { domain, serial, ...(isInDomain ? { zone: domain } : {}) };
  const authority = answers.length === 0 ? [authorityRecord(of, ttlS)] : [];
  return { ...emptyAnswer, isAuthoritative: true, answers, authority };
}

/**
 * Services on any network of the view first: nobody who comes to a network takes the name of a
 * service, or changes what it stands for.
 */
function find(view: View, asked: string): Found | undefined {
  const name = belowDomain(view, asked);
  const at = findService(view, name);
  if (at !== undefined) return ofService(view, at);
  const whose = /^tasks\.(.+)$/.exec(name)?.[1];
  const tasksOf = whose === undefined ? undefined : findService(view, whose);
  if (tasksOf !== undefined) {
    const by = foundOn(tasksOf.network, 'tasks', tasksOf.service.name);
    return task(by, ttlOf(view, tasksOf.service), () => addressesOf(serving(tasksOf)));
  }
  const [, port, protocol, owner] = serviceName.exec(name) ?? [];
  const owned = owner === undefined ? undefined : findService(view, owner);
  if (owned !== undefined) {
    const asked = `${port}/${protocol}`;
    if (portsOf(owned).includes(asked)) {
      const by = foundOn(owned.network, 'port', owned.service.name);
      const none = task(by, ttlOf(view, owned.service), () => []);
      return { ...none, services: () => ports(view, owned, [asked]) };
    }
  }
  const tasks = findOn(view, name, (network, bare) => {
    const named = network.tasks(bare);
    return named.length === 0 ? undefined : { network, named };
  });
  if (tasks === undefined) return undefined;
  const { network, named } = tasks;
  const by = foundOn(network, 'task', named[0]!.name);
  return task(by, view.ttlS, () => addressesOf(named));
}

/** Names before aliases: what somebody adds to his service takes no name from another's. */
function findService(view: View, name: string): FoundService | undefined {
  const look = (as: FoundService['as']) => (network: NetworkNames, bare: string) => {
    const service = as === 'service' ? network.service(bare) : network.aliased(bare);
    return service === undefined ? undefined : { network, service, as };
  };
  return findOn(view, name, look('service')) ?? findOn(view, name, look('alias'));
}

/** Network by network: who has the name as it is, or what of it is before `.network`. */
function findOn<T>(
  { networks }: View,
  name: string,
  look: (network: NetworkNames, bare: string) => T | undefined,
): T | undefined {
  for (const network of networks) {
    const bare = network.network === undefined ? undefined : within(name, network.network);
    const found = look(network, name) ?? (bare === undefined ? undefined : look(network, bare));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `_8080._tcp.web`: RFC 2782, with the number of the port as its name. */
const serviceName = /^_([^.]+)\._(tcp|udp|sctp)\.(.+)$/;

function ofService(view: View, at: FoundService): Found {
  const { network, service, as } = at;
  const isVip = service.endpointMode === 'vip';
  const endpoints = (): Serving[] => serving(at);
  return {
    by: foundOn(network, as, service.name),
    ttlS: ttlOf(view, service),
    addresses: () => (isVip ? service.vips : addressesOf(endpoints())),
    services: () => ports(view, at, portsOf(at)),
    texts: () => [
      `service=${service.name}`,
      ...(network.network === undefined ? [] : [`network=${network.network}`]),
      `mode=${service.endpointMode}`,
      `endpoints=${endpoints().length}`,
    ],
  };
}

function task(by: FoundBy, ttlS: number, addresses: () => readonly string[]): Found {
  return { by, ttlS, addresses, services: () => [], texts: () => [] };
}

function foundOn({ network }: NetworkNames, kind: FoundBy['kind'], name: string): FoundBy {
  return network === undefined ? { kind, name } : { kind, name, network };
}

function ttlOf(view: View, { dnsTtlS }: Service): number {
  return dnsTtlS ?? view.ttlS;
}

function addressesOf(endpoints: readonly Pick<Endpoint, 'addresses'>[]): string[] {
  return endpoints.flatMap(({ addresses }) => addresses);
}

/** Somebody behind a service. */
interface Serving {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly weight: number;
}

/** Those that take new connections. */
function serving({ network, service }: ServiceAt): Serving[] {
  if (network.network === undefined) {
    const taking = service.destinations.filter((one) => one.weight > 0 && !one.draining);
    return taking.map(({ name, address, weight }) => ({ name, addresses: [address], weight }));
  }
  return network.endpointsOf(service.name).flatMap((one) => {
    const weight = one.services[service.name]!;
    const isTaking = !one.isAway && !one.isEntry && weight > 0;
    return isTaking ? [{ name: one.name, addresses: one.addresses, weight }] : [];
  });
}

/**
 * `8080/tcp`: where somebody listens, as far as that is known: the endpoints of what is published,
 * and the VIPs of what stands alone.
 */
export function portsOf({ network, service: { publish, ports } }: ServiceAt): string[] {
  const known =
    network.network === undefined
      ? ports.map(({ port, count, protocol }) => ({ port, count, protocol }))
      : publish.map(({ targetPort, count, protocol }) => ({ port: targetPort, count, protocol }));
  const single = known.filter(({ count }) => count === 1);
  return [...new Set(single.map(({ port, protocol }) => `${port}/${protocol}`))];
}

function ports(view: View, at: ServiceAt, listed: readonly string[]): DnsRecord[] {
  const { network, service } = at;
  const ttlS = ttlOf(view, service);
  const listening =
    network.network === undefined ? [{ name: service.name, weight: 1 }] : serving(at);
  return listening.flatMap(({ name, weight }) => {
    const target = fullName(view, network, name);
    return listed.map((one) => {
      return serviceRecord({ weight, port: Number.parseInt(one, 10), target }, ttlS);
    });
  });
}

export function fullName({ domain }: View, { network }: NetworkNames, owner: string): string {
  return network === undefined ? `${owner}.${domain}` : `${owner}.${network}.${domain}`;
}

/** A name that is written in full without the domain; others as they are. */
function belowDomain({ domain }: View, name: string): string {
  return within(name, domain) ?? name;
}

/** The part before `.zone`. */
function within(name: string, zone: string): string | undefined {
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : undefined;
}

function shuffled(list: readonly string[], random: () => number): string[] {
  const mixed = [...list];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}

/** `1.0.64.10.in-addr.arpa` (RFC 1035, section 3.5) and nibbles of ip6.arpa (RFC 3596). */
export function reversedAddress(name: string): string | undefined {
  const four = within(name, 'in-addr.arpa')?.split('.').reverse();
  if (four?.length === 4 && four.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) {
    return parseAddress(four.join('.'));
  }
  const nibbles = within(name, 'ip6.arpa')?.split('.').reverse().join('') ?? '';
  if (!/^[0-9a-f]{32}$/.test(nibbles)) return undefined;
  return parseAddress(nibbles.match(/.{4}/g)!.join(':'));
}
