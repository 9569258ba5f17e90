import {
  familyOf,
  kindOrder,
  linkPrefix,
  prefixBase,
  ruleKey,
  type AddressRule,
  type LinkRule,
  type NftElementRule,
  type NftTableRule,
  type Op,
  type RouteRule,
  type Rule,
  type SysctlRule,
} from '../../model/index.js';
import { errno } from '../errors.js';
import { IpvsTables } from './ipvs-tables.js';
import { WireguardTables } from './wireguard-tables.js';

const ok = 0;

/** Rules of which the kernel has none or one per key, and no more to say. */
type PlainRule = Exclude<
  Rule,
  {
    kind:
      'virtual-service' | 'ipvs-timeouts' | 'sysctl' | 'loopback' | 'wireguard' | 'wireguard-peer';
  }
>;

/**
 * Everything a kernel holds that this project can write, with its refusals: the strict model of
 * one namespace. Every method returns the errno the kernel would give, 0 when it did as asked.
 */
export class Tables {
  readonly ipvs = new IpvsTables();
  readonly wireguard = new WireguardTables();
  readonly sysctls: Map<string, string>;
  /** As in a fresh namespace. */
  isLoopbackUp = false;
  private readonly plain = new Map<string, PlainRule>();
  /** Far ends of pairs that other sandboxes made, whether there are rules of them or not. */
  private readonly farEnds = new Set<string>();

  constructor(
    sysctls: Readonly<Record<string, string>>,
    /** Devices that are not ours: addresses and routes may name them. */
    private readonly hostDevices: ReadonlySet<string>,
  ) {
    this.sysctls = new Map(Object.entries(sysctls));
  }

  /** One errno per refusal; several when the destinations of a service were refused. */
  apply({ verb, target }: Op): number[] {
    switch (target.kind) {
      case 'destination':
        return refusals(this.ipvs.destination(verb, target.service.match, target.destination));
      case 'virtual-service':
        return this.ipvs.service(verb, target);
      case 'ipvs-timeouts':
        return refusals(this.ipvs.setTimeouts(verb, target));
      case 'sysctl':
        return refusals(this.setSysctl(verb, target));
      case 'loopback':
        return refusals(this.setLoopback(verb));
      case 'wireguard':
      case 'wireguard-peer':
        return refusals(this.wireguard.apply(verb, target, this.typeOf(target.device)));
      case 'link':
      case 'address':
      case 'route':
      case 'policy':
      case 'neighbor':
      case 'fdb':
      case 'nft-table':
      case 'nft-element':
        return refusals(this.plainRule(verb, target));
    }
  }

  /** Puts a rule there, or takes it away, without any check: somebody else's doing. */
  plant(rule: PlainRule): void {
    this.plain.set(ruleKey(rule), rule);
  }

  unplant(key: string): void {
    const rule = this.plain.get(key);
    if (rule !== undefined) this.remove(rule);
  }

  /** The other side makes its veth device, and with it the end that lies here. */
  plantFarEnd(name: string): void {
    this.farEnds.add(name);
  }

  /** The other side deletes it. */
  unplantFarEnd(name: string): void {
    this.farEnds.delete(name);
    this.unplant(`link ${name}`);
  }

  /** What carries our mark, in the order of `kindOrder`. */
  own(sysctls: readonly string[], loopback: boolean): Map<string, Rule> {
    const rules: Rule[] = [...this.plain.values()].map((rule) =>
      rule.kind === 'link' ? asTheKernelSays(rule) : rule,
    );
    for (const name of sysctls) {
      const value = this.sysctls.get(name);
      if (value !== undefined) rules.push({ kind: 'sysctl', name, value });
    }
    if (loopback && this.isLoopbackUp) rules.push({ kind: 'loopback' });
    if (this.ipvs.present) rules.push(this.ipvs.timeouts, ...this.ipvs.rules(true));
    rules.push(...this.wireguard.rules());
    rules.sort((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind));
    return new Map(rules.map((rule) => [ruleKey(rule), rule]));
  }

  private setSysctl(verb: Op['verb'], rule: SysctlRule): number {
    if (verb === 'delete') return errno.EOPNOTSUPP;
    if (!this.sysctls.has(rule.name)) return errno.ENOENT;
    this.sysctls.set(rule.name, rule.value);
    return ok;
  }

  private setLoopback(verb: Op['verb']): number {
    if (verb === 'delete') return errno.EOPNOTSUPP;
    this.isLoopbackUp = true;
    return ok;
  }

  private plainRule(verb: Op['verb'], rule: PlainRule): number {
    const key = ruleKey(rule);
    const refusal = this.unmetNeed(verb, rule);
    if (refusal !== ok) return refusal;
    const held = this.plain.get(key) ?? this.farEnd(rule);
    if (verb === 'add') {
      if (held !== undefined && !isReplacedByAdd(rule)) return errno.EEXIST;
    } else {
      if (verb === 'set' && !settable.has(rule.kind)) return errno.EOPNOTSUPP;
      if (held === undefined) return absence[rule.kind];
    }
    if (verb === 'delete') this.remove(held!);
    else this.put(key, rule);
    return ok;
  }

  /** What the rule stands on must be there, before anything is said about the rule itself. */
  private unmetNeed(verb: Op['verb'], rule: PlainRule): number {
    switch (rule.kind) {
      case 'link':
        return verb === 'delete' ? ok : this.unmetNeedOfLink(verb, rule);
      case 'address':
      case 'route':
      case 'neighbor':
      case 'fdb':
        return this.hasDevice(rule.device) ? ok : errno.ENODEV;
      case 'nft-element':
        return this.unmetSet(rule);
      case 'policy':
      case 'nft-table':
        return ok;
    }
  }

  private unmetNeedOfLink(verb: Op['verb'], rule: LinkRule): number {
    if (!this.hasDevice(rule.master)) return errno.ENODEV;
    if (rule.type === 'wireguard' && !this.wireguard.present) return errno.EOPNOTSUPP;
    const { mac = plainMac, peer } = rule;
    const needsDevice = verb === 'set' || rule.type === 'veth-end';
    if (needsDevice && (this.plain.get(ruleKey(rule)) ?? this.farEnd(rule)) === undefined) {
      return errno.ENODEV;
    }
    return [mac, peer?.mac ?? plainMac].every(isUnicast) ? ok : errno.EADDRNOTAVAIL;
  }

  private unmetSet(rule: NftElementRule): number {
    const table = this.plain.get(`nft table inet ${rule.table}`);
    const sets = table?.kind === 'nft-table' ? table.sets : [];
    const set = sets.find(({ name }) => name === rule.set);
    if (set === undefined) return errno.ENOENT;
    const fits =
      set.key.length === rule.key.length &&
      (set.value === undefined) === (rule.value === undefined);
    return fits ? ok : errno.EINVAL;
  }

  /** The rule itself, when it is about an end that the other side has made. */
  private farEnd(rule: PlainRule): PlainRule | undefined {
    return rule.kind === 'link' && this.farEnds.has(rule.name) ? rule : undefined;
  }

  private hasDevice(name: string | undefined): boolean {
    if (name === undefined || this.hostDevices.has(name)) return true;
    return this.plain.has(`link ${name}`) || this.farEnds.has(name);
  }

  private typeOf(device: string): LinkRule['type'] | undefined {
    const rule = this.plain.get(`link ${device}`);
    return rule?.kind === 'link' ? rule.type : undefined;
  }

  private put(key: string, rule: PlainRule): void {
    if (rule.kind === 'nft-table') this.removeWhere((other) => isElementOf(rule, other));
    if (rule.kind === 'link') this.changeLink(key, rule);
    else this.plain.set(key, rule);
  }

  /** What was not asked for stays as it is. */
  private changeLink(key: string, rule: LinkRule): void {
    if (!rule.up) this.removeWhere((other) => isRouteOn(rule, other));
    const held = this.plain.get(key);
    const before = held?.kind === 'link' ? asTheKernelSays(held) : undefined;
    if (before !== undefined && rule.mac !== undefined && rule.mac !== before.mac) {
      this.removeWhere((other) => other.kind === 'neighbor' && other.device === rule.name);
    }
    this.plain.set(key, asTheKernelSays({ ...kept(before), ...rule }));
  }

  /** Takes along what cannot be without it. */
  private remove(rule: PlainRule): void {
    this.plain.delete(ruleKey(rule));
    if (rule.kind === 'nft-table') this.removeWhere((other) => isElementOf(rule, other));
    if (rule.kind === 'link') this.farEnds.delete(rule.name);
    if (rule.kind === 'link') this.wireguard.removeDevice(rule.name);
    if (rule.kind === 'link') this.removeWhere((other) => deviceOf(other) === rule.name);
    if (rule.kind === 'address') this.removeRoutesOf(rule);
  }

  /** Routes that prefer the address, and those of a device whose last IPv4 address it was. */
  private removeRoutesOf({ device, prefix }: AddressRule): void {
    const address = prefixBase(prefix);
    const remains = [...this.plain.values()].some(
      (other) =>
        other.kind === 'address' && other.device === device && familyOf(other.prefix) === 4,
    );
    this.removeWhere((other) => {
      if (other.kind !== 'route') return false;
      if (other.source === address) return true;
      const isFamily4 = familyOf(other.destination) === 4 && familyOf(prefix) === 4;
      return isFamily4 && !remains && other.device === device;
    });
  }

  private removeWhere(goes: (rule: PlainRule) => boolean): void {
    for (const [key, rule] of this.plain) if (goes(rule)) this.plain.delete(key);
  }
}

/** Kinds that have something to change in place. */
const settable: ReadonlySet<PlainRule['kind']> = new Set([
  'link',
  'route',
  'policy',
  'neighbor',
  'fdb',
  'nft-table',
]);

/**
 * Packets make neighbors too, addresses make routes, other sandboxes the ends of pairs: there `add`
 * cannot be strict.
 */
function isReplacedByAdd(rule: PlainRule): boolean {
  if (rule.kind === 'neighbor') return true;
  if (rule.kind === 'link') return rule.type === 'veth-end';
  if (rule.kind !== 'route' || rule.type !== 'local' || rule.device === undefined) return false;
  return familyOf(rule.destination) === 4 && rule.device.startsWith(linkPrefix);
}

/** What each kind answers when it is not there. */
const absence: Readonly<Record<PlainRule['kind'], number>> = {
  link: errno.ENODEV,
  address: errno.EADDRNOTAVAIL,
  route: errno.ESRCH,
  policy: errno.ENOENT,
  neighbor: errno.ENOENT,
  fdb: errno.ENOENT,
  'nft-table': errno.ENOENT,
  'nft-element': errno.ENOENT,
};

function refusals(value: number): number[] {
  return value === ok ? [] : [value];
}

/** The size and the MAC that the kernel chose are reported like those that were asked for. */
function asTheKernelSays(rule: LinkRule): LinkRule {
  if (rule.type === 'wireguard') return { mtu: 1420, ...rule }; // It has no MAC.
  return { mtu: 1500, mac: macOf(rule.name), ...rule };
}

function kept(before: LinkRule | undefined): Pick<LinkRule, 'mtu' | 'mac'> {
  const { mtu, mac } = before ?? {};
  return { ...(mtu === undefined ? {} : { mtu }), ...(mac === undefined ? {} : { mac }) };
}

const plainMac = '02:00:00:00:00:00';

/** The choice of this kernel: by name, so that it is the same in every run. */
function macOf(name: string): string {
  const digits = Buffer.from(name.slice(-5).padStart(5, '\0')).toString('hex');
  return `02:${digits.match(/../g)!.join(':')}`;
}

/** is_valid_ether_addr (linux/etherdevice.h). */
function isUnicast(mac: string): boolean {
  return mac !== '00:00:00:00:00:00' && (parseInt(mac.slice(0, 2), 16) & 1) === 0;
}

function deviceOf(rule: PlainRule): string | undefined {
  return 'device' in rule ? rule.device : undefined;
}

function isElementOf(table: NftTableRule, rule: PlainRule): rule is NftElementRule {
  return rule.kind === 'nft-element' && rule.table === table.name;
}

function isRouteOn(link: LinkRule, rule: PlainRule): rule is RouteRule {
  return rule.kind === 'route' && rule.device === link.name;
}
