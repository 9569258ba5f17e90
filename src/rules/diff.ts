import {
  destinationKey,
  formatRule,
  kindOrder,
  sameDestination,
  sameVirtualService,
  sameWireguardPeer,
  type Destination,
  type LinkRule,
  type Op,
  type Rule,
  type RuleKind,
  type RuleSet,
  type VirtualServiceRule,
} from '../model/index.js';

/** The part of a rule set that diffing needs. */
export interface RuleView extends Iterable<readonly [string, Rule]> {
  get(key: string): Rule | undefined;
}

/**
 * The Ops that turn `observed` into `desired`, in an order in which every prefix of them is safe:
 * what is needed first is made first, what goes away goes last, and a virtual service gets new
 * destinations before it loses old ones. Pure; a second diff after applying yields none.
 *
 * Only the identities `keys` are looked at; `allKeys` gives those of both sets.
 */
export function diff(desired: RuleView, observed: RuleSet, keys: Iterable<string>): Op[] {
  const plan = new Plan(desired, observed);
  plan.compareAll(keys);
  return plan.ops();
}

/** Every identity in either set, once. */
export function allKeys(desired: RuleSet, observed: RuleSet): Set<string> {
  const keys = new Set(desired.keys());
  for (const key of observed.keys()) keys.add(key);
  return keys;
}

/** True when two rules of one identity ask for the same kernel object. */
export function sameRule(a: Rule, b: Rule): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  // The kinds of which there are thousands are compared without printing them.
  switch (a.kind) {
    case 'virtual-service': {
      const other = b as VirtualServiceRule;
      return sameVirtualService(a, other) && sameDestinations(a.destinations, other.destinations);
    }
    case 'loopback':
    case 'address':
      return true; // Its identity says everything.
    case 'nft-element':
      return a.value === (b as typeof a).value;
    case 'route': {
      const other = b as typeof a;
      const sameTarget = a.type === other.type && a.device === other.device;
      return sameTarget && a.gateway === other.gateway && a.source === other.source;
    }
    case 'link':
      return formatRule(a) === formatRule(asAskedFor(a, b as LinkRule));
    case 'wireguard-peer':
      return sameWireguardPeer(a, b as typeof a);
    case 'wireguard':
    case 'nft-table':
    case 'sysctl':
    case 'ipvs-timeouts':
    case 'policy':
    case 'neighbor':
    case 'fdb':
      return formatRule(a) === formatRule(b);
  }
}

/** Where no size or MAC was asked for, the kernel's choice is as good as any. */
function asAskedFor(wanted: LinkRule, { mtu, mac, ...rest }: LinkRule): LinkRule {
  return {
    ...rest,
    ...(wanted.mtu === undefined || mtu === undefined ? {} : { mtu }),
    ...(wanted.mac === undefined || mac === undefined ? {} : { mac }),
  };
}

class Plan {
  private readonly making = new Map<RuleKind, Op[]>();
  private readonly removing = new Map<RuleKind, Op[]>();
  /** Devices made anew: the kernel drops what was on them. */
  private readonly newDevices = new Set<string>();
  /** Devices that change their MAC: the kernel drops their neighbors. */
  private readonly newMacs = new Set<string>();
  /** Tables made anew: the kernel drops their elements. */
  private readonly newTables = new Set<string>();

  constructor(
    private readonly desired: RuleView,
    private readonly observed: RuleSet,
  ) {}

  compareAll(keys: Iterable<string>): void {
    const links: string[] = [];
    const others: string[] = [];
    for (const key of keys) {
      const kind = (this.desired.get(key) ?? this.observed.get(key))?.kind;
      if (kind === 'link' || kind === 'nft-table') this.noteRemade(key);
      (kind === 'link' ? links : others).push(key);
    }
    const lost = this.lostKeys(links, others);
    // A device comes before those that are ports of it.
    const ports = links.filter((key) => this.isPort(key));
    for (const key of links) if (!this.isPort(key)) this.compare(key);
    for (const list of [ports, others, lost]) for (const key of list) this.compare(key);
  }

  private isPort(key: string): boolean {
    const wanted = this.desired.get(key);
    return wanted?.kind === 'link' && wanted.master !== undefined;
  }

  private noteRemade(key: string): void {
    const wanted = this.desired.get(key);
    const held = this.observed.get(key);
    if (wanted?.kind === 'link' && (held === undefined || mustReplace(wanted, held))) {
      this.newDevices.add(wanted.name);
    } else if (wanted?.kind === 'link' && isMacNew(wanted, held as LinkRule)) {
      this.newMacs.add(wanted.name);
    }
    if (wanted?.kind === 'nft-table' && (held === undefined || !sameRule(wanted, held))) {
      this.newTables.add(wanted.name);
    }
  }

  /** Identities beside those of what goes with a device or a table that is made anew. */
  private lostKeys(links: readonly string[], others: readonly string[]): string[] {
    if (this.newDevices.size + this.newMacs.size + this.newTables.size === 0) return [];
    const keys = new Set([...links, ...others]);
    const lost: string[] = [];
    for (const [key] of this.desired) {
      if (!keys.has(key) && this.held(key) !== this.observed.get(key)) lost.push(key);
    }
    return lost;
  }

  /** What will be there of an identity once devices and tables are made. */
  private held(key: string): Rule | undefined {
    const rule = this.observed.get(key);
    if (rule === undefined) return undefined;
    if (rule.kind === 'nft-element') return this.newTables.has(rule.table) ? undefined : rule;
    if (rule.kind === 'link') {
      const { master, ...free } = rule;
      return master !== undefined && this.newDevices.has(master) ? free : rule;
    }
    if (rule.kind === 'neighbor' && this.newMacs.has(rule.device)) return undefined;
    // Which device a sysctl belongs to is said by who wants it.
    const bearer = rule.kind === 'sysctl' ? (this.desired.get(key) ?? rule) : rule;
    const device = 'device' in bearer ? bearer.device : undefined;
    return device !== undefined && this.newDevices.has(device) ? undefined : rule;
  }

  private compare(key: string): void {
    const wanted = this.desired.get(key);
    const held = this.held(key);
    if (wanted === undefined) {
      if (held !== undefined) this.remove(held);
    } else if (held === undefined) {
      this.make(wanted);
    } else if (!sameRule(wanted, held)) {
      this.change(wanted, held);
    }
  }

  ops(): Op[] {
    const ops: Op[] = [];
    for (const kind of kindOrder) for (const op of this.making.get(kind) ?? []) ops.push(op);
    for (const kind of kindOrder.toReversed()) {
      for (const op of this.removing.get(kind) ?? []) ops.push(op);
    }
    return ops;
  }

  private make(wanted: Rule): void {
    this.push(this.making, { verb: isSetting(wanted) ? 'set' : 'add', target: wanted });
  }

  private remove(held: Rule): void {
    // What its value was before we do not know, and by now it may serve others: it stays.
    if (isSetting(held)) return;
    this.push(this.removing, { verb: 'delete', target: held });
  }

  private change(wanted: Rule, held: Rule): void {
    if (wanted.kind === 'virtual-service' && held.kind === 'virtual-service') {
      this.changeVirtualService(wanted, held);
    } else if (mustReplace(wanted, held)) {
      this.push(this.making, { verb: 'delete', target: held });
      this.make(wanted);
    } else {
      this.push(this.making, { verb: 'set', target: wanted });
    }
  }

  private changeVirtualService(wanted: VirtualServiceRule, held: VirtualServiceRule): void {
    if (!sameVirtualService(wanted, held)) {
      this.push(this.making, { verb: 'set', target: wanted });
    }
    const before = new Map(held.destinations.map((d) => [destinationKey(d), d]));
    const add = (verb: Op['verb'], destination: Destination): void =>
      this.push(this.making, {
        verb,
        target: { kind: 'destination', service: wanted, destination },
      });
    const changed: Destination[] = [];
    for (const destination of wanted.destinations) {
      const key = destinationKey(destination);
      const old = before.get(key);
      before.delete(key);
      if (old === undefined) add('add', destination);
      else if (!sameDestination(old, destination)) changed.push(destination);
    }
    for (const destination of changed) add('set', destination);
    for (const destination of before.values()) add('delete', destination);
  }

  private push(into: Map<RuleKind, Op[]>, op: Op): void {
    const kind = turnOf(op.target);
    const ops = into.get(kind);
    if (ops === undefined) into.set(kind, [op]);
    else ops.push(op);
  }
}

/** With which kind an Op has its turn. */
function turnOf(target: Op['target']): RuleKind {
  if (target.kind === 'destination') return 'virtual-service';
  // The files of a device are there once it is: they come behind it, with what is on it.
  return target.kind === 'sysctl' && target.device !== undefined ? 'address' : target.kind;
}

/** What the kernel cannot change in place. */
function mustReplace(wanted: Rule, held: Rule): boolean {
  if (wanted.kind === 'link' && held.kind === 'link') {
    return formatRule(withoutSettings(wanted)) !== formatRule(withoutSettings(held));
  }
  return wanted.kind === 'nft-element' || wanted.kind === 'policy' || wanted.kind === 'route';
}

function withoutSettings(rule: LinkRule): LinkRule {
  const { mtu: _mtu, mac: _mac, master: _master, group: _group, ...rest } = rule;
  return { ...rest, up: true };
}

function isMacNew(wanted: LinkRule, held: LinkRule): boolean {
  return wanted.mac !== undefined && wanted.mac !== held.mac;
}

/** What is always there with some value: never added, never deleted. */
export function isSetting({ kind }: Rule): boolean {
  return kind === 'sysctl' || kind === 'ipvs-timeouts' || kind === 'loopback';
}

function sameDestinations(a: readonly Destination[], b: readonly Destination[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  // The common case first: same order. Otherwise compare by identity, order has no meaning.
  if (a.every((destination, i) => sameDestination(destination, b[i]!))) return true;
  const byKey = new Map(b.map((destination) => [destinationKey(destination), destination]));
  return a.every((destination) => {
    const other = byKey.get(destinationKey(destination));
    return other !== undefined && sameDestination(destination, other);
  });
}
