import {
  destinationKey,
  formatOp,
  formatRule,
  ruleKey,
  type Destination,
  type LinkRule,
  type NftElementRule,
  type Op,
  type Rule,
  type RuleSet,
  type VirtualServiceRule,
} from '../../src/model/index.js';
import { isSetting } from '../../src/rules/index.js';

/**
 * What a kernel makes of Ops, as far as diffing has to know: objects exist or not, go away with
 * what they are on, and an Op that does not fit is an error. Enough to judge an order of Ops.
 */
export class StrictModel {
  readonly rules: Map<string, Rule>;

  constructor(rules: RuleSet) {
    this.rules = new Map(rules);
  }

  /** Errors: Error for an Op that is not legal here. */
  apply(op: Op): void {
    const { target } = op;
    if (target.kind === 'destination') this.applyDestination(op, target.destination);
    else if (isSetting(target)) this.setOnly(op, target);
    else if (op.verb === 'add') this.add(op, target);
    else if (op.verb === 'set') this.set(op, target);
    else this.delete(op, target);
  }

  /** Everything as text; see textOf. */
  text(): string {
    return textOf(this.rules);
  }

  private add(op: Op, rule: Rule): void {
    const key = ruleKey(rule);
    this.require(!this.rules.has(key), op, 'exists already');
    if ('device' in rule) this.require(this.rules.has(`link ${rule.device}`), op, 'no such device');
    if (rule.kind === 'link') this.requireMaster(op, rule);
    if (rule.kind === 'nft-element') this.requireSet(op, rule);
    this.rules.set(key, rule);
  }

  private set(op: Op, rule: Rule): void {
    const key = ruleKey(rule);
    const held = this.rules.get(key);
    this.require(held !== undefined, op, 'not found');
    if (rule.kind === 'link') {
      this.require(sameButSettings(rule, held as LinkRule), op, 'cannot be changed in place');
      this.requireMaster(op, rule);
    }
    this.require(rule.kind !== 'nft-element', op, 'an element cannot be changed');
    if (rule.kind === 'nft-table') this.dropElements(rule.name);
    if (rule.kind === 'virtual-service') {
      this.rules.set(key, {
        ...rule,
        destinations: (held as VirtualServiceRule).destinations,
      });
    } else this.rules.set(key, rule);
    if (rule.kind === 'link') this.changeMac(rule, held as LinkRule);
  }

  /** What was not asked for stays; neighbors do not outlive the MAC of their device. */
  private changeMac(rule: LinkRule, { mac }: LinkRule): void {
    if (rule.mac === undefined && mac !== undefined)
      this.rules.set(ruleKey(rule), { ...rule, mac });
    if (rule.mac === undefined || rule.mac === mac) return;
    for (const [key, held] of this.rules) {
      if (held.kind === 'neighbor' && held.device === rule.name) this.rules.delete(key);
    }
  }

  private delete(op: Op, rule: Rule): void {
    const key = ruleKey(rule);
    this.require(this.rules.delete(key), op, 'not found');
    if (rule.kind === 'nft-table') this.dropElements(rule.name);
    if (rule.kind !== 'link') return;
    for (const [other, held] of this.rules) {
      if ('device' in held && held.device === rule.name) this.rules.delete(other);
      if (held.kind === 'link' && held.master === rule.name) {
        const { master: _gone, ...free } = held;
        this.rules.set(other, free);
      }
    }
  }

  private setOnly(op: Op, rule: Rule): void {
    this.require(op.verb === 'set', op, 'can only be set');
    this.rules.set(ruleKey(rule), rule);
  }

  private applyDestination(op: Op, destination: Destination): void {
    if (op.target.kind !== 'destination') return;
    const key = ruleKey(op.target.service);
    const service = this.rules.get(key) as VirtualServiceRule | undefined;
    this.require(service !== undefined, op, 'no such service');
    const destinations = [...service!.destinations];
    const i = destinations.findIndex((d) => destinationKey(d) === destinationKey(destination));
    this.require((i === -1) === (op.verb === 'add'), op, i === -1 ? 'not found' : 'exists already');
    if (op.verb === 'add') destinations.push(destination);
    else if (op.verb === 'set') destinations[i] = destination;
    else destinations.splice(i, 1);
    this.rules.set(key, { ...service!, destinations });
  }

  private dropElements(table: string): void {
    for (const [key, rule] of this.rules) {
      if (rule.kind === 'nft-element' && rule.table === table) this.rules.delete(key);
    }
  }

  private requireMaster(op: Op, { master }: LinkRule): void {
    this.require(master === undefined || this.rules.has(`link ${master}`), op, 'no such master');
  }

  private requireSet(op: Op, { table: name, set }: NftElementRule): void {
    const table = this.rules.get(`nft table inet ${name}`);
    this.require(table?.kind === 'nft-table', op, 'no such table');
    const found = (table as Extract<Rule, { kind: 'nft-table' }>).sets.some((s) => s.name === set);
    this.require(found, op, 'no such set');
  }

  private require(condition: boolean, op: Op, problem: string): void {
    if (!condition) throw new Error(`${formatOp(op)}: ${problem}`);
  }
}

/** A rule set as sorted text; what has no order in the kernel is sorted too. */
export function textOf(rules: RuleSet): string {
  const lines = [...rules.values()].map((rule) => {
    if (rule.kind !== 'virtual-service') return formatRule(rule);
    const inOrder = (a: Destination, b: Destination): number =>
      destinationKey(a) < destinationKey(b) ? -1 : 1;
    const schedulerFlags = rule.schedulerFlags.toSorted();
    const destinations = rule.destinations.toSorted(inOrder);
    return formatRule({ ...rule, schedulerFlags, destinations });
  });
  return lines.sort().join('\n');
}

/**
 * What the kernel has to hold in the end, as text: everything desired, the settings that nobody
 * asks for as they are, and nothing else. A size or MAC that nobody asks for is the kernel's.
 */
export function settledText(desired: RuleSet, held: RuleSet): string {
  const all = new Map<string, Rule>();
  for (const [key, rule] of held) if (isSetting(rule)) all.set(key, rule);
  for (const [key, rule] of desired) {
    const other = held.get(key);
    const isLink = rule.kind === 'link' && other?.kind === 'link';
    all.set(key, isLink ? { ...chosen(other), ...rule } : rule);
  }
  return textOf(all);
}

function chosen({ mtu, mac }: LinkRule): Pick<LinkRule, 'mtu' | 'mac'> {
  return { ...(mtu === undefined ? {} : { mtu }), ...(mac === undefined ? {} : { mac }) };
}

function sameButSettings(a: LinkRule, b: LinkRule): boolean {
  const fixed = ({ mtu: _1, mac: _2, master: _3, group: _4, ...rest }: LinkRule): string =>
    formatRule({ ...rest, up: true });
  return fixed(a) === fixed(b);
}
