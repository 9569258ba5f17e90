/**
 * The names of networks: what a name stands for, as somebody on these networks sees it. Pure.
 *
 *     web                      service: its VIPs, or all its endpoints where it has none
 *     tasks.web                its endpoints, whatever it has
 *     web-1                    a task
 *     _8080._tcp.web           SRV: port and names of its endpoints
 *     web.front                any of these, of one network
 *     web.front.mesh.internal  the same in full
 */
import {
  familyOf,
  parseAddress,
  type Endpoint,
  type Family,
  type Service,
} from '../model/index.js';
import { emptyAnswer, type Answer } from './message.js';
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

/** Who is on a network, by name. */
export interface NetworkNames {
  readonly network: string;
  service(name: string): Service | undefined;
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
  readonly ttlS: number;
  /** Of what answers follow from. */
  readonly serial: number;
  readonly random: () => number;
}

/** A name that somebody has. */
interface Found {
  readonly kind: 'vip' | 'task';
  readonly addresses: readonly string[];
  readonly services: readonly DnsRecord[];
  readonly texts: readonly string[];
}

export interface Question {
  readonly name: string;
  readonly type: number;
}

/** Undefined when no network of the view has the name, which may be somebody else's. */
export function answerName(
  view: View,
  question: Question,
  kind: Found['kind'],
): Answer | undefined {
  const found = find(view, question.name);
  return found?.kind === kind ? answerOf(view, question, found) : undefined;
}

/** "No such name", for names that nobody else has: those in the domain of the mesh. */
export function answerNoSuchName(view: View, name: string): Answer | undefined {
  const { domain } = view;
  if (name === domain) return ours(view, name, []);
  const isOurs = within(name, domain) !== undefined || isOfService(view, name);
  if (!isOurs) return undefined;
  return { ...ours(view, name, []), code: responseCode.noSuchName };
}

/** PTR of an address on a network of the view. */
export function answerReverse(view: View, { name, type }: Question): Answer | undefined {
  const address = reversedAddress(name);
  if (address === undefined) return undefined;
  for (const network of view.networks) {
    const owner = network.nameAt(address);
    if (owner === undefined) continue;
    const full = `${owner}.${network.network}.${view.domain}`;
    const isAsked = type === recordType.PTR || type === recordType.ANY;
    return ours(view, name, isAsked ? [pointerRecord(full, view.ttlS)] : []);
  }
  return undefined;
}

function answerOf(view: View, { name, type }: Question, found: Found): Answer {
  const { ttlS } = view;
  const say = (answers: readonly DnsRecord[]): Answer => ours(view, name, answers);
  const of = (family: Family): DnsRecord[] =>
    shuffled(found.addresses, view.random)
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
      return say(found.services);
    case recordType.TXT:
      return say(found.texts.length === 0 ? [] : [textRecord(found.texts, ttlS)]);
    default:
      return say([]);
  }
}

/** With nothing to say of a name that is there, how long that holds (RFC 2308, section 2.2). */
function ours(view: View, name: string, answers: readonly DnsRecord[]): Answer {
  const { domain, serial, ttlS } = view;
  const isInDomain = name === domain || within(name, domain) !== undefined;
  const of = { domain, serial, ...(isInDomain ? { zone: domain } : {}) };
  const authority = answers.length === 0 ? [authorityRecord(of, ttlS)] : [];
  return { ...emptyAnswer, isAuthoritative: true, answers, authority };
}

function find(view: View, asked: string): Found | undefined {
  const name = within(asked, view.domain) ?? asked;
  for (const network of view.networks) {
    const found = findOn(view, network, name);
    if (found !== undefined) return found;
    const bare = within(name, network.network);
    const qualified = bare === undefined ? undefined : findOn(view, network, bare);
    if (qualified !== undefined) return qualified;
  }
  return undefined;
}

/** `_8080._tcp.web`: RFC 2782, with the number of the port as its name. */
const serviceName = /^_([^.]+)\._(tcp|udp|sctp)\.(.+)$/;

function findOn(view: View, network: NetworkNames, name: string): Found | undefined {
  const service = network.service(name);
  if (service !== undefined) return ofService(view, network, service);
  const whose = /^tasks\.(.+)$/.exec(name)?.[1];
  const tasksOf = whose === undefined ? undefined : network.service(whose);
  if (tasksOf !== undefined) {
    return task(serving(network, tasksOf.name).flatMap(({ addresses }) => addresses));
  }
  const [, port, protocol, owner] = serviceName.exec(name) ?? [];
  const owned = owner === undefined ? undefined : network.service(owner);
  if (owned !== undefined) {
    const targets = targetPorts(owned).filter((one) => one === `${port}/${protocol}`);
    if (targets.length > 0) return { ...task([]), services: ports(view, network, owned, targets) };
  }
  const tasks = network.tasks(name);
  return tasks.length === 0 ? undefined : task(tasks.flatMap(({ addresses }) => addresses));
}

function ofService(view: View, network: NetworkNames, service: Service): Found {
  const endpoints = serving(network, service.name);
  const isVip = service.endpointMode === 'vip';
  return {
    kind: isVip ? 'vip' : 'task',
    addresses: isVip ? service.vips : endpoints.flatMap(({ addresses }) => addresses),
    services: ports(view, network, service, targetPorts(service)),
    texts: [
      `service=${service.name}`,
      `network=${network.network}`,
      `mode=${service.endpointMode}`,
      `endpoints=${endpoints.length}`,
    ],
  };
}

function task(addresses: readonly string[]): Found {
  return { kind: 'task', addresses, services: [], texts: [] };
}

/** Those that take new connections. */
function serving(network: NetworkNames, service: string): Endpoint[] {
  const endpoints = network.endpointsOf(service);
  return endpoints.filter((one) => !one.isAway && !one.isEntry && one.services[service]! > 0);
}

/** `8080/tcp`: where its endpoints listen, as far as that is known: for what is published. */
function targetPorts({ publish }: Service): string[] {
  const listed = publish.flatMap(({ targetPort, count, protocol }) =>
    count > 1 ? [] : [`${targetPort}/${protocol}`],
  );
  return [...new Set(listed)];
}

function ports(
  view: View,
  network: NetworkNames,
  { name }: Service,
  targets: readonly string[],
): DnsRecord[] {
  return serving(network, name).flatMap((endpoint) =>
    targets.map((target) => {
      const to = `${endpoint.name}.${network.network}.${view.domain}`;
      const [port, weight] = [Number.parseInt(target, 10), endpoint.services[name]!];
      return serviceRecord({ weight, port, target: to }, view.ttlS);
    }),
  );
}

/** The part before `.zone`. */
function within(name: string, zone: string): string | undefined {
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : undefined;
}

/** A port that a service of ours has not. */
function isOfService(view: View, name: string): boolean {
  const owner = serviceName.exec(name)?.[3];
  return owner !== undefined && find(view, owner) !== undefined;
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
