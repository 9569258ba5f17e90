/**
 * Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (linux/rtnetlink.h).
 *
 *     [family u8 | destination length u8 | source length u8 | tos u8 |
 *      table u8 | protocol u8 | scope u8 | type u8 | flags u32 | attributes]
 *
 * Ours carry `routeProtocol`; requests to delete name it, so that they cannot hit another's.
 *
 * **Local routes.** For each address the kernel keeps `local VIP dev mesh0 proto kernel` in table
 * local, and a process of this host that calls the VIP would use the VIP as its source. Our own
 * local route names an address of the host instead, and has to win. What 6.1 and 6.18 do:
 *
 * - IPv4: routes of one prefix and metric are a list, the first wins. NLM_F_EXCL would fail
 *   because of the kernel's; without it, and without NLM_F_APPEND, a new route goes in front
 *   (`ip route prepend`), whichever came first: the kernel appends its own (fib_magic). So that
 *   there are never two of ours, `add` and `set` delete the one that is there and put the new one
 *   in front; NLM_F_REPLACE would replace the first of the list, perhaps the kernel's.
 *   Losing the last IPv4 address of the device takes our route along, as downing it does.
 * - IPv6: the lower metric wins; the kernel's has 0, no request can ask for less than 1, and it
 *   appears some time after the address did, even without duplicate detection (addrconf_dad_start
 *   leaves it to a work queue). So an IPv6 VIP gets no address at all but a local route alone,
 *   which is all that receiving takes: `encodeVipRoute`, metric 2048. A RouteRule without a metric
 *   has 1024 and wins over it. Nothing is lost: an address on mesh0 answers no neighbor solicitation on other
 *   devices, and is one more that source selection could pick.
 *
 * **Metrics.** Routes of one prefix and different metrics are different routes, whoever made them:
 * `add` of ours fails only for one of the same metric. A vain `delete` of an IPv4 route without a
 * metric may hit one of ours with a metric, as 0 means any.
 *
 * Should somebody add the address by hand, or the kernel's route get in front, `RouteTable`
 * reports for ours the source that counts: a difference, hence repaired, for IPv6 by deleting the
 * kernel's from our device.
 */
import {
  addressBits,
  familyOf,
  formatAddress,
  prefixLength,
  prefixOf,
  routeProtocol,
  ruleKey,
  type AddressRule,
  type Op,
  type RouteRule,
} from '../../model/index.js';
import { errno } from '../errors.js';
import type { RouteAnswer } from '../port.js';
import { addressOf, u32Of, type Attributes } from './attributes.js';
import { attributesOf, flag, type MessageWriter } from './message.js';
import {
  af,
  afOf,
  bytesOf,
  isOurDevice,
  newFlags,
  rtm,
  unheededSequence,
  type Devices,
} from './rtnetlink.js';

const headerBytes = 12;
const rta = { destination: 1, device: 4, gateway: 5, metric: 6, source: 7, table: 15, via: 18 };
const protocolKernel = 2;
const scope = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
const typeNumber = { unicast: 1, local: 2, blackhole: 6 } as const;
const typeBroadcast = 3;
const typeMulticast = 5;
const typeUnreachable = 7;
const typeProhibit = 8;
const cloned = 0x200; // RTM_F_CLONED: an entry of a cache, not a route
const tableLocal = 255;
/** IPv6 routes without a metric get 1024 (IP6_RT_PRIO_USER). */
const metric6 = 1024;
const vipMetric6 = 2048;

/**
 * Writes the requests of one Op. Returns 0, or ENODEV when the device is not among the devices
 * (nothing was written then). The kernel answers ESRCH to a `delete` of what is not there, and
 * EEXIST to an `add` of what is, save for a local IPv4 route to a device of ours: it is replaced.
 */
export function encodeRouteOp(
  writer: MessageWriter,
  verb: Op['verb'],
  rule: RouteRule,
  sequence: number,
  devices: Devices,
): number {
  const index = rule.device === undefined ? 0 : devices.indexOf(rule.device);
  if (index === undefined) return errno.ENODEV;
  if (verb === 'delete') {
    encodeDelete(writer, rule, sequence);
    return 0;
  }
  const family = familyOf(rule.destination);
  const isLocal = rule.type === 'local' && rule.table === tableLocal;
  if (isLocal && family === 4) {
    if (verb === 'set') encodeDelete(writer, rule, sequence);
    else if (isOurDevice(rule.device ?? '')) encodeDelete(writer, rule, unheededSequence);
    writer.begin(rtm.newRoute, flag.request | flag.create, sequence);
  } else {
    if (isLocal && isOurDevice(rule.device ?? '')) {
      encodeKernelLocalDelete(writer, rule.destination, index);
    }
    writer.begin(rtm.newRoute, newFlags[verb], sequence);
  }
  encodeHeader(writer, rule, scopeOf(rule));
  if (index !== 0) writer.attributeU32(rta.device, index);
  if (rule.gateway !== undefined) writer.attributeBytes(rta.gateway, bytesOf(rule.gateway));
  if (rule.source !== undefined) writer.attributeBytes(rta.source, bytesOf(rule.source));
  encodeMetric(writer, rule);
  writer.end();
  return 0;
}

/** An IPv6 VIP: see above. Strict as any route; the kernel answers ESRCH to a vain `delete`. */
export function encodeVipRoute(
  writer: MessageWriter,
  verb: 'add' | 'delete',
  prefix: string,
  sequence: number,
  index: number,
): void {
  if (verb === 'add') writer.begin(rtm.newRoute, newFlags.add, sequence);
  else writer.begin(rtm.deleteRoute, flag.request, sequence);
  encodeHeader(writer, localRouteOf(prefix), scope.host);
  writer.attributeU32(rta.device, index);
  writer.attributeU32(rta.metric, vipMetric6);
  writer.end();
}

export function encodeRouteDump(writer: MessageWriter, sequence: number): void {
  writer.begin(rtm.getRoute, flag.request | flag.dump, sequence);
  for (let i = 0; i < headerBytes; i += 4) writer.u32(0);
  writer.end();
}

/**
 * The routes of ours, and the IPv6 VIPs, among all routes of a dump, given to `add` in the order of
 * the dump.
 */
export class RouteTable {
  private readonly ours = new Map<string, RouteRule | AddressRule>();
  /** By table and destination, the source of the route that counts, where it is not ours. */
  private readonly hiding = new Map<string, string | undefined>();

  constructor(private readonly devices: Devices) {}

  add(body: Buffer): void {
    const route = decode(body, this.devices);
    if (route === undefined) return;
    const { rule } = route;
    const key = ruleKey(rule);
    if (this.ours.has(key)) return;
    if (rule.kind === 'address') {
      this.ours.set(key, rule);
      return;
    }
    const place = `${rule.table} ${rule.destination}`;
    if (!route.ours) {
      // The first of a place counts: earlier in the list, or of a lower metric.
      if (rule.type === 'local' && !this.hiding.has(place)) this.hiding.set(place, rule.source);
    } else if (this.hiding.has(place)) {
      this.ours.set(key, withSource(rule, this.hiding.get(place)));
    } else {
      this.ours.set(key, rule);
    }
  }

  rules(): Iterable<RouteRule | AddressRule> {
    return this.ours.values();
  }
}

/** The route, or IPv6 VIP, of a message body when it is ours, else undefined. */
export function decodeRoute(body: Buffer, devices: Devices): RouteRule | AddressRule | undefined {
  const route = decode(body, devices);
  return route?.ours === true ? route.rule : undefined;
}

/** Asks how packets to `address` would leave. The answer is one message, or ENETUNREACH. */
export function encodeRouteTo(writer: MessageWriter, address: string, sequence: number): void {
  const bytes = bytesOf(address);
  writer.begin(rtm.getRoute, flag.request, sequence);
  writer.u8(afOf(address));
  writer.u8(bytes.length * 8);
  writer.u16(0);
  writer.u32(0);
  writer.u32(0);
  writer.attributeBytes(rta.destination, bytes);
  writer.end();
}

/** The answer to `encodeRouteTo`; undefined when it is garbage or the device is unknown. */
export function decodeRouteTo(body: Buffer, devices: Devices): RouteAnswer | undefined {
  if (body.length < headerBytes) return undefined;
  const type = answerType(body[7]!);
  const attributes = attributesOf(body, headerBytes);
  const device = devices.nameOf(u32Of(attributes, rta.device));
  if (type === undefined || device === undefined) return undefined;
  const source = addressOf(attributes, rta.source);
  const gateway = gatewayOf(attributes);
  return {
    type,
    device,
    ...(source === undefined ? {} : { source }),
    ...(gateway === undefined ? {} : { gateway }),
  };
}

function encodeHeader(writer: MessageWriter, rule: RouteRule, scopeByte: number): void {
  encodePrefix(writer, rule, routeProtocol, scopeByte);
}

function encodePrefix(
  writer: MessageWriter,
  rule: RouteRule,
  protocol: number,
  scopeByte: number,
): void {
  writer.u8(afOf(rule.destination));
  writer.u8(prefixLength(rule.destination));
  writer.u16(0); // source length, tos
  writer.u8(rule.table < 256 ? rule.table : 0);
  writer.u8(protocol);
  writer.u8(scopeByte);
  writer.u8(typeNumber[rule.type]);
  writer.u32(0);
  writer.attributeBytes(rta.destination, bytesOf(rule.destination));
  writer.attributeU32(rta.table, rule.table);
}

function encodeDelete(writer: MessageWriter, rule: RouteRule, sequence: number): void {
  writer.begin(rtm.deleteRoute, flag.request, sequence);
  encodeHeader(writer, rule, scope.nowhere); // any
  encodeMetric(writer, rule);
  writer.end();
}

function encodeMetric(writer: MessageWriter, { destination, metric }: RouteRule): void {
  const wanted = metric ?? (familyOf(destination) === 6 ? metric6 : 0);
  if (wanted !== 0) writer.attributeU32(rta.metric, wanted);
}

function encodeKernelLocalDelete(writer: MessageWriter, destination: string, index: number): void {
  writer.begin(rtm.deleteRoute, flag.request, unheededSequence);
  encodePrefix(writer, localRouteOf(destination), protocolKernel, scope.nowhere);
  writer.attributeU32(rta.device, index);
  writer.end();
}

function localRouteOf(destination: string): RouteRule {
  return { kind: 'route', type: 'local', destination, table: tableLocal };
}

/** How far away the destination is; the kernel checks it for IPv4 and ignores it for IPv6. */
function scopeOf(rule: RouteRule): number {
  if (rule.type === 'local') return scope.host;
  return rule.type === 'unicast' && rule.gateway === undefined ? scope.link : scope.universe;
}

function decode(
  body: Buffer,
  devices: Devices,
): { rule: RouteRule | AddressRule; ours: boolean } | undefined {
  if (body.length < headerBytes) return undefined;
  const family = body[0];
  const type = ruleType(body[7]!);
  if (family !== af.inet && family !== af.inet6) return undefined;
  if (type === undefined || (body.readUInt32LE(8) & cloned) !== 0) return undefined;
  const attributes = attributesOf(body, headerBytes);
  const destination = destinationOf(attributes, family, body[1]!);
  if (destination === undefined) return undefined;
  // A blackhole of IPv6 claims to lead to lo.
  const device = type === 'blackhole' ? undefined : devices.nameOf(u32Of(attributes, rta.device));
  const source = addressOf(attributes, rta.source);
  const gateway = gatewayOf(attributes);
  const table = u32Of(attributes, rta.table) ?? body[4]!;
  const metric = u32Of(attributes, rta.metric) ?? 0;
  const isUsual = metric === (family === af.inet6 ? metric6 : 0);
  const rule: RouteRule = {
    kind: 'route',
    type,
    destination,
    table,
    ...(device === undefined ? {} : { device }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
    ...(isUsual ? {} : { metric }),
  };
  const ours = body[5] === routeProtocol;
  const isLocal6 = family === af.inet6 && type === 'local' && table === tableLocal;
  if (!ours || !isLocal6 || metric !== vipMetric6) return { rule, ours };
  return device === undefined
    ? undefined
    : { rule: { kind: 'address', device, prefix: destination }, ours };
}

/** Canonical prefix; a default route has no destination attribute. */
function destinationOf(attributes: Attributes, family: number, length: number): string | undefined {
  const any = family === af.inet ? '0.0.0.0' : '::';
  const base = addressOf(attributes, rta.destination) ?? (length === 0 ? any : undefined);
  if (base === undefined || afOf(base) !== family) return undefined;
  return length > addressBits(familyOf(base)) ? undefined : prefixOf(base, length);
}

function withSource(rule: RouteRule, source: string | undefined): RouteRule {
  const { source: _own, ...rest } = rule;
  return source === undefined ? rest : { ...rest, source };
}

function ruleType(value: number): RouteRule['type'] | undefined {
  if (value === typeNumber.unicast) return 'unicast';
  if (value === typeNumber.local) return 'local';
  return value === typeNumber.blackhole ? 'blackhole' : undefined;
}

function answerType(value: number): RouteAnswer['type'] | undefined {
  switch (value) {
    case typeNumber.unicast:
      return 'unicast';
    case typeNumber.local:
      return 'local';
    case typeBroadcast:
      return 'broadcast';
    case typeMulticast:
      return 'multicast';
    case typeNumber.blackhole:
    case typeUnreachable:
    case typeProhibit:
      return 'unreachable';
    default:
      return undefined;
  }
}

/** RTA_VIA holds a gateway of the other family: [family u16 | address]. */
function gatewayOf(attributes: Attributes): string | undefined {
  const via = attributes.get(rta.via);
  if (via === undefined) return addressOf(attributes, rta.gateway);
  const bytes = via.subarray(2);
  return bytes.length === 4 || bytes.length === 16 ? formatAddress(bytes) : undefined;
}
