import type { Clock } from '../base/index.js';
import {
  addressBits,
  destinationKey,
  familyOf,
  formatMatch,
  ruleKey,
  vipLink,
  type Destination,
  type Rule,
  type RuleSet,
  type VirtualServiceRule,
} from '../model/index.js';
import { snatTable } from '../rules/index.js';

/** A destination that the kernel holds and nobody asks for any more. */
export interface Retiree {
  /** ruleKey of its virtual service. */
  readonly key: string;
  readonly service: VirtualServiceRule;
  readonly destination: Destination;
  /** When it goes even with connections open. Unit: Clock.now(). */
  readonly deadlineAt: number;
  /** Connections seen at the last look; undefined before the first. */
  readonly connections?: number;
}

export type RetirementEnd = 'finished' | 'deadline';

interface Entry {
  readonly service: VirtualServiceRule;
  readonly destination: Destination;
  deadlineAt: number;
  connections?: number;
  end?: RetirementEnd;
}

/**
 * Lets removed destinations finish: they stay at weight 0 until their connections are gone or the
 * deadline has passed, and a removed virtual service stays with them. Level-triggered: what shall
 * retire is seen from the kernel's own state, so a crash in the middle only starts the wait anew.
 */
export class Retirement {
  private readonly entries = new Map<string, Map<string, Entry>>();
  /** By ruleKey of the virtual service, then destination, or '' for all of them. */
  private readonly deadlines = new Map<string, Map<string, number>>();

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly defaultDeadlineMs: number,
    private readonly ended: (retiree: Retiree, end: RetirementEnd) => void = () => undefined,
  ) {}

  /**
   * How long destinations of the virtual service `key` may finish that retire from now on, or one
   * of them, which gets the new deadline when it retires already. Unit: milliseconds from now.
   */
  setDeadline(key: string, deadlineMs: number, destination = ''): void {
    const entry = this.entries.get(key)?.get(destination);
    if (entry !== undefined) {
      entry.deadlineAt = this.clock.now() + deadlineMs;
      return;
    }
    const deadlines = this.deadlines.get(key) ?? new Map<string, number>();
    this.deadlines.set(key, deadlines.set(destination, deadlineMs));
  }

  /** Ends the wait of everything that retires in the virtual service `key`. */
  endAll(key: string): void {
    for (const entry of this.entries.get(key)?.values() ?? []) entry.deadlineAt = this.clock.now();
  }

  /** Virtual services with destinations that wait, or whose wait has ended just now. */
  get size(): number {
    return this.entries.size;
  }

  *retirees(): Generator<Retiree> {
    for (const [key, byDestination] of this.entries) {
      for (const entry of byDestination.values()) {
        if (entry.end === undefined) yield { key, ...entry };
      }
    }
  }

  /**
   * Rules to keep beyond the desired ones, for the identities `keys`: virtual services with their
   * retiring destinations at weight 0, and what such a service needs to be reached.
   */
  keep(desired: RuleSet, observed: RuleSet, keys: Iterable<string>): Map<string, Rule> {
    const kept = new Map<string, Rule>();
    // All that wait, asked for or not: they keep what others let go of, such as a shared VIP.
    for (const key of new Set([...keys, ...this.entries.keys()])) {
      const held = observed.get(key);
      const wanted = desired.get(key) as VirtualServiceRule | undefined;
      if (held?.kind !== 'virtual-service') {
        this.entries.delete(key);
        if (wanted === undefined) this.deadlines.delete(key);
        continue;
      }
      const retiring = this.update(key, wanted, held);
      if (retiring.length === 0) continue;
      const base = wanted ?? held;
      const destinations = [...(wanted?.destinations ?? []), ...retiring];
      kept.set(key, { ...base, destinations });
      if (wanted === undefined) keepCompanions(held, desired, observed, kept);
    }
    return kept;
  }

  /** What a pass over everything would keep; no wait begins or ends. */
  preview(desired: RuleSet, observed: RuleSet): Map<string, Rule> {
    const copy = new Retirement(this.clock, this.defaultDeadlineMs);
    for (const [key, deadlines] of this.deadlines) copy.deadlines.set(key, new Map(deadlines));
    for (const [key, byDestination] of this.entries) {
      copy.entries.set(key, new Map([...byDestination].map(([id, entry]) => [id, { ...entry }])));
    }
    return copy.keep(desired, observed, observed.keys());
  }

  /** What was seen of a retiree's connections; ends it when none are left. */
  saw(retiree: Retiree, connections: number): void {
    const entry = this.entries.get(retiree.key)?.get(destinationKey(retiree.destination));
    if (entry === undefined || entry.end !== undefined) return;
    entry.connections = connections;
    if (connections === 0) this.end(retiree.key, entry, 'finished');
  }

  /** Keys to look at again now: their wait has ended. Includes what they kept alive. */
  takeEnded(): string[] {
    const now = this.clock.now();
    const keys: string[] = [];
    for (const [key, byDestination] of this.entries) {
      let ended = false;
      for (const entry of byDestination.values()) {
        if (entry.end === undefined && now >= entry.deadlineAt) this.end(key, entry, 'deadline');
        ended ||= entry.end !== undefined;
      }
      if (ended) keys.push(key, ...companionKeys([...byDestination.values()][0]!.service));
    }
    return keys;
  }

  private end(key: string, entry: Entry, end: RetirementEnd): void {
    entry.end = end;
    this.ended({ key, ...entry }, end);
  }

  private update(
    key: string,
    wanted: VirtualServiceRule | undefined,
    held: VirtualServiceRule,
  ): Destination[] {
    const wantedKeys = new Set(wanted?.destinations.map(destinationKey));
    const before = this.entries.get(key);
    const now = new Map<string, Entry>();
    const retiring: Destination[] = [];
    for (const destination of held.destinations) {
      const id = destinationKey(destination);
      if (wantedKeys.has(id)) continue;
      const entry = before?.get(id) ?? this.enter(key, id, held, destination);
      if (entry.deadlineAt <= this.clock.now() && entry.end === undefined) {
        this.end(key, entry, 'deadline');
      }
      now.set(id, entry);
      if (entry.end === undefined) retiring.push({ ...destination, weight: 0 });
    }
    if (now.size === 0) this.entries.delete(key);
    else this.entries.set(key, now);
    return retiring;
  }

  private enter(
    key: string,
    id: string,
    service: VirtualServiceRule,
    destination: Destination,
  ): Entry {
    const deadlines = this.deadlines.get(key);
    // An endpoint drains while it is there: of one that has gone nothing is left to finish.
    const ownMs = 'fwmark' in service.match ? 0 : this.defaultDeadlineMs;
    const waitMs = deadlines?.get(id) ?? deadlines?.get('') ?? ownMs;
    deadlines?.delete(id);
    return { service, destination, deadlineAt: this.clock.now() + waitMs };
  }
}

/** The VIP's address, route and source NAT stay as long as a virtual service on it retires. */
function companionKeys(service: VirtualServiceRule): string[] {
  const { match } = service;
  if ('fwmark' in match) return [];
  const family = familyOf(match.address);
  const prefix = `${match.address}/${addressBits(family)}`;
  return [
    ruleKey({ kind: 'address', device: vipLink, prefix }),
    ruleKey({ kind: 'route', type: 'local', destination: prefix, table: 255 }),
    `nft element ${snatTable.name} auto${family} ${match.address}`,
    `nft element ${snatTable.name} always${family} ${match.address}`,
    `nft table inet ${snatTable.name}`,
  ];
}

function keepCompanions(
  service: VirtualServiceRule,
  desired: RuleSet,
  observed: RuleSet,
  kept: Map<string, Rule>,
): void {
  for (const key of companionKeys(service)) {
    const held = observed.get(key);
    if (held !== undefined && !desired.has(key)) kept.set(key, held);
  }
}

export function describeRetiree(retiree: Retiree): string {
  return `${destinationKey(retiree.destination)} of ${formatMatch(retiree.service.match)}`;
}
