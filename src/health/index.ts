/**
 * Health checks: a pure verdict per destination, a schedule over the Clock and Probe ports, and
 * the view of a service's destinations that the rules are compiled with.
 */
export { HealthChecks } from './checks.js';
export type { DestinationReport } from './checks.js';
export { HealthMonitor } from './monitor.js';
export type { HealthListener, HealthMonitorOptions, TargetHealth } from './monitor.js';
export type { HealthTarget, Probe, ProbeResult } from './probe.js';
export { isUsable, step, unknownVerdict } from './verdict.js';
export type { Verdict, VerdictRule } from './verdict.js';
