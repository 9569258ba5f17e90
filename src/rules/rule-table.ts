import { ruleKey, type Rule, type RuleSet } from '../model/index.js';

/**
 * The desired rules of a sandbox, made of what each owner (a service, or the base) contributes.
 * Two owners may want the same object; it stays until the last of them lets go. Keeps the set of
 * keys that changed, so that one change costs one change however large the table is.
 */
export class RuleTable {
  private readonly rules = new Map<string, Rule>();
  private readonly keysByOwner = new Map<string, ReadonlySet<string>>();
  /** Only for keys that more than one owner wants. */
  private readonly shared = new Map<string, Map<string, Rule>>();
  private readonly soleOwner = new Map<string, string>();
  private changed = new Set<string>();

  /** The rules as they should be now. A live view: do not keep it across changes. */
  get desired(): RuleSet {
    return this.rules;
  }

  /** Replaces everything that `owner` contributes; no rules at all = the owner is gone. */
  put(owner: string, rules: readonly Rule[]): void {
    const before = this.keysByOwner.get(owner);
    const keys = new Set<string>();
    for (const rule of rules) {
      const key = ruleKey(rule);
      keys.add(key);
      this.claim(key, owner, rule);
    }
    if (keys.size === 0) this.keysByOwner.delete(owner);
    else this.keysByOwner.set(owner, keys);
    for (const key of before ?? []) if (!keys.has(key)) this.release(key, owner);
  }

  /** The owner that contributes the rule in force, for telling people by name. */
  ownerOf(key: string): string | undefined {
    return this.soleOwner.get(key) ?? this.shared.get(key)?.keys().next().value;
  }

  /** Everybody who wants the rule. */
  ownersOf(key: string): string[] {
    const sole = this.soleOwner.get(key);
    return sole === undefined ? [...(this.shared.get(key)?.keys() ?? [])] : [sole];
  }

  /** The rules that `owner` contributes, in force or not. */
  rulesOf(owner: string): Rule[] {
    return [...(this.keysByOwner.get(owner) ?? [])].map(
      (key) => this.shared.get(key)?.get(owner) ?? this.rules.get(key)!,
    );
  }

  /** Hands over the keys changed since the last call, exactly once. */
  takeChanged(): Set<string> {
    const changed = this.changed;
    this.changed = new Set();
    return changed;
  }

  private claim(key: string, owner: string, rule: Rule): void {
    const sole = this.soleOwner.get(key);
    if (sole !== undefined && sole !== owner) {
      this.shared.set(key, new Map([[sole, this.rules.get(key)!]]));
      this.soleOwner.delete(key);
    }
    const owners = this.shared.get(key);
    if (owners === undefined) {
      this.soleOwner.set(key, owner);
      this.rules.set(key, rule);
    } else {
      owners.set(owner, rule);
      this.rules.set(key, owners.values().next().value!);
    }
    this.changed.add(key);
  }

  private release(key: string, owner: string): void {
    this.changed.add(key);
    const owners = this.shared.get(key);
    if (owners === undefined) {
      this.rules.delete(key);
      this.soleOwner.delete(key);
      return;
    }
    owners.delete(owner);
    const [first] = owners;
    const [firstOwner, rule] = first!;
    this.rules.set(key, rule);
    if (owners.size === 1) {
      this.shared.delete(key);
      this.soleOwner.set(key, firstOwner);
    }
  }
}
