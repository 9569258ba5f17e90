import { ruleKey, type Rule, type RuleSet } from '../model/index.js';

/**
 * The desired rules of a sandbox, made of what each owner (a service, or the base) contributes.
 * Two owners may want the same object; it stays until the last of them lets go. Keeps the set of
 * keys that changed, so that one change costs one change however large the table is.
 */
export class RuleTable {
  private readonly rules = new Map<string, Rule>();
  private readonly keysByOwner = new Map<string, readonly string[]>();
  /** The owner of each key; where several want it, all of them with the rule that each wants. */
  private readonly owners = new Map<string, string | Map<string, Rule>>();
  private changed = new Set<string>();
  private puts = 0;

  /** The rules as they should be now. A live view: do not keep it across changes. */
  get desired(): RuleSet {
    return this.rules;
  }

  /** Grows with every change. */
  get version(): number {
    return this.puts;
  }

  /** Replaces everything that `owner` contributes; no rules at all = the owner is gone. */
  put(owner: string, rules: readonly Rule[]): void {
    this.puts++;
    const before = this.keysByOwner.get(owner) ?? [];
    const keys = rules.map((rule) => this.claim(owner, rule));
    if (keys.length === 0) this.keysByOwner.delete(owner);
    else this.keysByOwner.set(owner, keys);
    if (before.length === 0) return;
    const kept = new Set(keys);
    for (const key of before) if (!kept.has(key)) this.release(key, owner);
  }

  /** The owner that contributes the rule in force, for telling people by name. */
  ownerOf(key: string): string | undefined {
    return this.ownersOf(key)[0];
  }

  /** Everybody who wants the rule; the rule of the first is in force. */
  ownersOf(key: string): string[] {
    const owners = this.owners.get(key);
    return typeof owners === 'string' ? [owners] : [...(owners?.keys() ?? [])];
  }

  /** The rules that `owner` contributes, in force or not. */
  rulesOf(owner: string): Rule[] {
    return (this.keysByOwner.get(owner) ?? []).map((key) => {
      const owners = this.owners.get(key)!;
      return typeof owners === 'string' ? this.rules.get(key)! : owners.get(owner)!;
    });
  }

  /** Hands over the keys changed since the last call, exactly once. */
  takeChanged(): Set<string> {
    const changed = this.changed;
    this.changed = new Set();
    return changed;
  }

  /** Returns the identity of the rule. */
  private claim(owner: string, rule: Rule): string {
    const key = ruleKey(rule);
    const owners = this.owners.get(key);
    this.changed.add(key);
    if (owners === undefined || owners === owner) {
      if (owners === undefined) this.owners.set(key, owner);
      this.rules.set(key, rule);
    } else if (typeof owners === 'string') {
      const first: [string, Rule] = [owners, this.rules.get(key)!];
      this.owners.set(key, new Map([first, [owner, rule]]));
    } else {
      owners.set(owner, rule);
      this.rules.set(key, owners.values().next().value!);
    }
    return key;
  }

  private release(key: string, owner: string): void {
    const owners = this.owners.get(key);
    if (owners === owner) {
      this.rules.delete(key);
      this.owners.delete(key);
      this.changed.add(key);
    } else if (owners instanceof Map && owners.delete(owner)) {
      const [first] = owners;
      const [firstOwner, rule] = first!;
      this.rules.set(key, rule);
      if (owners.size === 1) this.owners.set(key, firstOwner);
      this.changed.add(key);
    }
  }
}
