/**
 * The loop around rules/: reads the kernel, diffs, applies, and does so again when something
 * changed, when a pass failed, and every so often anyway.
 *
 *     RuleTable --changed--> Runner --pass--> observe? -> retirement.keep -> diff -> Kernel.apply
 *                              ^                                                        |
 *                              +------------- back-off, repair interval, retirees ------+
 */
export { findDrift } from './drift.js';
export type { DriftedRule } from './drift.js';
export { planOps, Reconciler } from './reconciler.js';
export type { PassReport, ReconcilerOptions, Withheld } from './reconciler.js';
export { describeRetiree, Retirement } from './retirement.js';
export type { Retiree, RetirementEnd } from './retirement.js';
export { Runner } from './runner.js';
export type { RunnerOptions, Scope } from './runner.js';
