import type { PassReport, Withheld } from '../reconcile/index.js';
import type { RuleTable } from '../rules/index.js';

/** Which services the kernel was seen to hold, as of the last pass. */
export class Standing {
  private revision = 0;
  /** Changed, and no pass has told of it yet: by name, the revision. */
  private readonly awaited = new Map<string, number>();
  private failed: ReadonlySet<string> = new Set();
  private blocked = new Map<string, string>();

  constructor(private readonly rules: RuleTable) {}

  /** The next pass that works from `revision` tells of the service. */
  expect(name: string, revision: number): void {
    this.awaited.set(name, revision);
  }

  forget(name: string): void {
    this.awaited.delete(name);
    this.blocked.delete(name);
  }

  isProgrammed(name: string, revision: number): boolean {
    return revision <= this.revision && !this.failed.has(name) && !this.blocked.has(name);
  }

  /** Why a service is not in the kernel that we wanted to be there; by name. */
  get blockedReasons(): ReadonlyMap<string, string> {
    return this.blocked;
  }

  /** Takes note of a pass; returns the services whose standing is another one now. */
  passed(report: PassReport, withheld: readonly Withheld[]): Set<string> {
    // A pass that broke off says nothing about what earlier ones had seen.
    if (report.failed === 'everything') return new Set();
    this.revision = report.revision;
    const failed = this.ownersOf(report.failed ?? []);
    const blocked = new Map<string, string>();
    for (const { key, reason } of withheld) {
      const text = `${key.slice('ipvs '.length)}: ${reason}`;
      for (const name of this.ownersOf([key])) if (!blocked.has(name)) blocked.set(name, text);
    }
    const changed = this.takeAwaited(report.revision);
    for (const name of difference(failed, this.failed)) changed.add(name);
    for (const name of difference(blocked, this.blocked)) changed.add(name);
    this.failed = failed;
    this.blocked = blocked;
    return changed;
  }

  private takeAwaited(revision: number): Set<string> {
    const taken = new Set<string>();
    for (const [name, since] of this.awaited) if (since <= revision) taken.add(name);
    for (const name of taken) this.awaited.delete(name);
    return taken;
  }

  private ownersOf(keys: Iterable<string>): Set<string> {
    const names = new Set<string>();
    for (const key of keys) for (const name of this.rules.ownersOf(key)) names.add(name);
    return names;
  }
}

interface Names {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** What is in one of the two alone. */
function* difference(some: Names, others: Names): Generator<string> {
  for (const name of some.keys()) if (!others.has(name)) yield name;
  for (const name of others.keys()) if (!some.has(name)) yield name;
}
