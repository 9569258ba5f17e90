import {
  familyOf,
  kindOrder,
  linkPrefix,
  prefixBase,
  ruleKey,
  type AddressRule,
  type LinkRule,
  type NftElementRule,
  type Op,
  type RouteRule,
  type Rule,
  type SysctlRule,
} from '../../model/index.js';
import { errno } from '../errors.js';
import { IpvsTables } from './ipvs-tables.js';

const ok = 0;

/** Rules of which the kernel has none or one per key, and no more to say. */
type PlainRule = Exclude<Rule, { kind: 'virtual-service' | 'ipvs-timeouts' | 'sysctl' }>;

/**
 * Everything a kernel holds that this project can write, with its refusals: the strict model of
 * one namespace. Every method returns the errno the kernel would give, 0 when it did as asked.
 */
export class Tables {
  readonly ipvs = new IpvsTables();
  readonly sysctls: Map<string, string>;
  private readonly plain = new Map<string, PlainRule>();

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

  /** What carries our mark, in the order of `kindOrder`. */
  own(sysctls: readonly string[]): Map<string, Rule> {
    const rules: Rule[] = [...this.plain.values()].map(asTheKernelSays);
    for (const name of sysctls) {
      const value = this.sysctls.get(name);
      if (value !== undefined) rules.push({ kind: 'sysctl', name, value });
    }
    if (this.ipvs.present) rules.push(this.ipvs.timeouts, ...this.ipvs.rules(true));
    rules.sort((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind));
    return new Map(rules.map((rule) => [ruleKey(rule), rule]));
  }

  private setSysctl(verb: Op['verb'], rule: SysctlRule): number {
    if (verb === 'delete') return errno.EOPNOTSUPP;
    if (!this.sysctls.has(rule.name)) return errno.ENOENT;
    this.sysctls.set(rule.name, rule.value);
    return ok;
  }

  private plainRule(verb: Op['verb'], rule: PlainRule): number {
    const key = ruleKey(rule);
    const refusal = this.unmetNeed(verb, rule);
    if (refusal !== ok) return refusal;
    const held = this.plain.get(key);
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
        return verb === 'delete' || this.hasDevice(rule.master) ? ok : errno.ENODEV;
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

  private unmetSet(rule: NftElementRule): number {
    for (const table of this.plain.values()) {
      const set = table.kind === 'nft-table' && table.sets.find(({ name }) => name === rule.set);
      if (set === undefined || set === false) continue;
      const fits =
        set.key.length === rule.key.length &&
        (set.value === undefined) === (rule.value === undefined);
      return fits ? ok : errno.EINVAL;
    }
    return errno.ENOENT;
  }

  private hasDevice(name: string | undefined): boolean {
    return name === undefined || this.hostDevices.has(name) || this.plain.has(`link ${name}`);
  }

  private put(key: string, rule: PlainRule): void {
    if (rule.kind === 'nft-table') this.removeWhere((other) => other.kind === 'nft-element');
    if (rule.kind === 'link' && !rule.up) this.removeWhere((other) => isRouteOn(rule, other));
    this.plain.set(key, rule);
  }

  /** Takes along what cannot be without it. */
  private remove(rule: PlainRule): void {
    this.plain.delete(ruleKey(rule));
    if (rule.kind === 'nft-table') this.removeWhere((other) => other.kind === 'nft-element');
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

/** Packets make neighbors too, addresses make routes: there `add` cannot be strict. */
function isReplacedByAdd(rule: PlainRule): boolean {
  if (rule.kind === 'neighbor') return true;
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

/** The size that the kernel chose is reported like one that was asked for. */
function asTheKernelSays(rule: PlainRule): Rule {
  return rule.kind === 'link' && rule.mtu === undefined ? { ...rule, mtu: 1500 } : rule;
}

function deviceOf(rule: PlainRule): string | undefined {
  return 'device' in rule ? rule.device : undefined;
}

function isRouteOn(link: LinkRule, rule: PlainRule): rule is RouteRule {
  return rule.kind === 'route' && rule.device === link.name;
}
