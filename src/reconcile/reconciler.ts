import { messageOf, type Clock, type Log } from '../base/index.js';
import {
  KernelError,
  isNotFound,
  type HostAddress,
  type Kernel,
  type Observation,
  type OpFailure,
} from '../kernel/index.js';
import { formatOp, formatRule, ruleKey, type Op, type Rule, type RuleSet } from '../model/index.js';
import { allKeys, diff, managedSysctls, type RuleTable, type RuleView } from '../rules/index.js';
import { findDrift, type DriftedRule } from './drift.js';
import { RetireeWatch } from './retiree-watch.js';
import type { Retirement } from './retirement.js';
import { Runner, type RunnerOptions, type Scope } from './runner.js';

/** What one pass did. Times: milliseconds, by Clock.now() and Clock.wallMs(). */
export interface PassReport {
  readonly scope: Scope;
  readonly atMs: number;
  readonly durationMs: number;
  readonly ops: number;
  /** The first of the failures, as text. */
  readonly error?: string;
  /** Of every refusal of the kernel, one each. */
  readonly errnos: readonly number[];
  readonly drift: readonly DriftedRule[];
  /** The revision that the pass worked from, and the version of the rules. */
  readonly revision: number;
  readonly version: number;
  /**
   * Identities that are not known to be as they should, or `everything` when the pass broke off;
   * absent when all are.
   */
  readonly failed?: ReadonlySet<string> | 'everything';
}

export interface ReconcilerOptions extends RunnerOptions {
  /** Between two looks at the connections of retiring destinations. Unit: milliseconds. */
  readonly retireePollMs: number;
  readonly kernel: Kernel;
  readonly table: RuleTable;
  readonly retirement: Retirement;
  readonly clock: Clock;
  readonly log: Log;
  /** The revision that the table stands at. */
  revision(): number;
  /** The host's own addresses; called before the first diff and when they changed. May change the table. */
  hostAddresses(addresses: readonly HostAddress[]): void;
  passed(report: PassReport): void;
}

/** A rule that is kept out of the kernel. */
export interface Withheld {
  readonly key: string;
  readonly reason: string;
}

/**
 * Keeps the kernel of one sandbox as the rule table wants it: level-triggered, from whatever state
 * it finds. It remembers what the kernel holds, so that a change costs only its own Ops; a pass
 * over everything reads the kernel again, counts what drifted, and repairs it. At start this is
 * the adoption of what an earlier run left.
 */
export class Reconciler {
  private readonly runner: Runner;
  /** What the kernel holds, as far as we know; undefined before the first look. */
  private observed: Map<string, Rule> | undefined;
  /** Identities whose last Op failed: what the kernel holds of them is seen at the next look. */
  private unsure: ReadonlySet<string> = new Set();
  private foreign: readonly Rule[] = [];
  private foreignKeys = new Set<string>();
  private readonly reportedForeign = new Set<string>();
  private hostAddressText = '';
  private stopWatching: (() => Promise<void>) | undefined;
  private readonly retireeWatch: RetireeWatch;

  constructor(private readonly options: ReconcilerOptions) {
    this.runner = new Runner(options.clock, (scope) => this.pass(scope), options);
    this.retireeWatch = new RetireeWatch({ ...options, ended: () => this.poke() });
  }

  async start(): Promise<void> {
    this.stopWatching = await this.options.kernel.watch(() => this.runner.poke('network'));
    this.runner.start();
  }

  async stop(): Promise<void> {
    await this.stopWatching?.();
    await this.runner.stop();
    await this.retireeWatch.stop();
  }

  /** To be called after the rule table changed, or a retirement may have ended. */
  poke(): void {
    this.runner.poke('changes');
  }

  /** Reads the whole kernel again soon. */
  repair(): void {
    this.runner.poke('everything');
  }

  /** What the kernel holds, by ruleKey; empty before the first pass. */
  get held(): RuleSet {
    return this.observed ?? new Map();
  }

  /** IPVS virtual services that are not ours. */
  get foreignRules(): readonly Rule[] {
    return this.foreign;
  }

  /** Desired virtual services that somebody else's stand in the way of. */
  withheld(): Withheld[] {
    return [...this.foreignKeys]
      .filter((key) => this.options.table.desired.has(key))
      .map((key) => ({ key, reason: 'a virtual service that is not of meshd has this address' }));
  }

  /** What a pass over everything would do to the kernel as it is now; changes nothing. */
  async plan(): Promise<{ ops: Op[]; foreign: readonly Rule[] }> {
    const { table, retirement } = this.options;
    const observation = await this.observe();
    const kept = retirement.preview(table.desired, observation.own);
    return {
      ops: planOps(table.desired, observation, kept),
      foreign: observation.foreign,
    };
  }

  private async pass(scope: Scope): Promise<boolean> {
    const { clock, log } = this.options;
    const startedAt = clock.now();
    const revision = this.options.revision();
    const { version } = this.options.table;
    const report = (
      rest: Pick<PassReport, 'ops' | 'error' | 'errnos' | 'drift' | 'failed'>,
    ): void => {
      const [durationMs, atMs] = [clock.now() - startedAt, clock.wallMs()];
      this.options.passed({ scope, revision, version, atMs, durationMs, ...rest });
    };
    try {
      const changed = this.takeChanged();
      const whole =
        scope === 'everything' || this.observed === undefined || overlap(changed, this.unsure);
      const looked = whole || scope === 'network';
      const drift = looked ? await this.look(whole) : [];
      const { ops, failures } = await this.converge(looked ? this.everything() : changed);
      const failed = failures.map(({ index }) => keyOf(ops[index]!));
      this.unsure = new Set(whole ? failed : [...this.unsure, ...failed]);
      this.retireeWatch.wake();
      for (const { index, error } of failures.slice(0, 10)) {
        log.error({ op: formatOp(ops[index]!), errno: error.errno }, error.message);
      }
      report({
        ops: ops.length,
        errnos: failures.map(({ error }) => error.errno),
        drift,
        ...(failures.length === 0 ? {} : { error: failures[0]!.error.message }),
        ...(this.unsure.size === 0 ? {} : { failed: this.unsure }),
      });
      return failures.length === 0;
    } catch (error) {
      log.error({ sandbox: this.options.kernel.sandbox, err: error }, 'reconcile pass failed');
      this.observed = undefined; // Not known any more; the next pass looks.
      const errnos = error instanceof KernelError ? [error.errno] : [];
      report({ ops: 0, errnos, drift: [], error: messageOf(error), failed: 'everything' });
      return false;
    }
  }

  /**
   * Reads the kernel, or all but IPVS, which announces no changes and is long to read. Returns how
   * it differs from what the last pass left.
   */
  private async look(whole: boolean): Promise<DriftedRule[]> {
    const left = this.observed;
    const observation = whole ? await this.observe() : await this.observeNetwork(left!);
    const drift = left === undefined ? [] : findDrift(left, observation.own, this.unsure);
    this.observed = new Map(observation.own);
    this.noteForeign(observation.foreign);
    const text = JSON.stringify(observation.hostAddresses);
    if (text !== this.hostAddressText) {
      this.hostAddressText = text;
      this.options.hostAddresses(observation.hostAddresses);
    }
    return drift;
  }

  /** As `observe`, with what is not announced taken to be what the last look saw and we made. */
  private async observeNetwork(left: RuleSet): Promise<Observation> {
    const observation = await this.observe({ withoutVirtualServices: true });
    if (observation.leftOut === 'none') return observation;
    const all = new Map(observation.own);
    for (const [key, rule] of left) {
      const isLeftOut = rule.kind === 'virtual-service' && rule.by === undefined;
      if (isLeftOut || rule.kind === 'ipvs-timeouts') all.set(key, rule);
    }
    return { ...observation, own: all, foreign: this.foreign };
  }

  private observe(options: { withoutVirtualServices?: boolean } = {}): Promise<Observation> {
    // Also those that no rule asks for yet: what they are decides whether the first one has to act.
    const sysctls = new Set<string>(managedSysctls);
    for (const rules of [this.options.table.desired, this.held]) {
      for (const rule of rules.values()) if (rule.kind === 'sysctl') sysctls.add(rule.name);
    }
    return this.options.kernel.observe({ sysctls: [...sysctls], loopback: true, ...options });
  }

  private takeChanged(): Set<string> {
    const { table, retirement } = this.options;
    const changed = table.takeChanged();
    for (const key of retirement.takeEnded()) changed.add(key);
    return changed;
  }

  private everything(): Set<string> {
    this.takeChanged(); // What changed during the look is part of it.
    return allKeys(this.options.table.desired, this.observed!);
  }

  private async converge(
    keys: Set<string>,
  ): Promise<{ ops: Op[]; failures: readonly OpFailure[] }> {
    const { table, retirement, kernel } = this.options;
    const observed = this.observed!;
    const kept = retirement.keep(table.desired, observed, keys);
    for (const key of kept.keys()) keys.add(key);
    for (const key of this.foreignKeys) keys.delete(key);
    const desired = overlay(table.desired, kept);
    const ops = diff(desired, observed, keys);
    // While the kernel works the table may change; what is applied is what it says now.
    const applied = [...keys].map((key) => [key, desired.get(key)] as const);
    const refused = ops.length === 0 ? [] : await kernel.apply(ops);
    // What is to go may have gone already, with its device for instance.
    const failures = refused.filter(({ index, error }) => {
      return ops[index]!.verb !== 'delete' || !isNotFound(error);
    });
    const failed = new Set(failures.map(({ index }) => keyOf(ops[index]!)));
    for (const [key, rule] of applied) {
      if (failed.has(key)) continue;
      if (rule === undefined) observed.delete(key);
      else observed.set(key, rule);
    }
    return { ops, failures };
  }

  private noteForeign(foreign: readonly Rule[]): void {
    this.foreign = foreign;
    this.foreignKeys = new Set(foreign.map(ruleKey));
    for (const rule of foreign) {
      const key = ruleKey(rule);
      if (this.reportedForeign.has(key)) continue;
      this.reportedForeign.add(key);
      this.options.log.warn({ rule: formatRule(rule) }, 'foreign virtual service left alone');
    }
  }
}

/**
 * What would turn the observed kernel into the desired one, foreign objects left alone and the
 * rules `kept` in place of the desired ones.
 */
export function planOps(
  desired: RuleSet,
  observation: Pick<Observation, 'own' | 'foreign'>,
  kept: RuleSet = new Map(),
): Op[] {
  const keys = allKeys(desired, observation.own);
  for (const rule of observation.foreign) keys.delete(ruleKey(rule));
  return diff(overlay(desired, kept), observation.own, keys);
}

function keyOf({ target }: Op): string {
  return ruleKey(target.kind === 'destination' ? target.service : target);
}

function overlap(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const key of others) if (some.has(key)) return true;
  return false;
}

/** `under` with the rules of `over` in place of its own; neither is copied. */
function overlay(under: RuleSet, over: RuleSet): RuleView {
  if (over.size === 0) return under;
  return {
    get: (key) => over.get(key) ?? under.get(key),
    *[Symbol.iterator]() {
      for (const entry of under) if (!over.has(entry[0])) yield entry;
      yield* over;
    },
  };
}
