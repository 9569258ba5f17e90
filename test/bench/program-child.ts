/**
 * `program-child TASK [ARGUMENT...]`: what program.ts measures, in a process and a network
 * namespace of its own. Prints its findings as one line of JSON. Times: milliseconds.
 */
import { allKeys, diff, type RuleTable } from '../../src/rules/index.js';
import type { Rule, RuleSet } from '../../src/model/index.js';
import { openLinuxKernel } from '../../src/kernel/linux/index.js';
import { change } from './program-change.js';
import { Stopwatch } from './stopwatch.js';
import { hostTableOf, servicesOf, tableOf } from './workload.js';

/** Into an empty namespace; `bare` leaves out the VIPs' addresses and routes, as ipvsadm does. */
async function cold(services: number, destinations: number, bare: boolean): Promise<object> {
  const wanted = servicesOf(services, destinations);
  const watch = new Stopwatch();
  const table = bare ? tableOf(wanted) : hostTableOf(wanted);
  watch.lap('compile');
  const desired = bare ? virtualServices(table) : table.desired;
  const kernel = await openLinuxKernel();
  const { own } = await kernel.observe({ sysctls: sysctlsOf(desired) });
  watch.lap('open');
  const ops = diff(desired, own, allKeys(desired, own));
  watch.lap('diff');
  const failures = await kernel.apply(ops);
  watch.lap('apply');
  await kernel.close();
  if (failures.length > 0) throw failures[0]!.error;
  return { ms: watch.total, phases: watch.phases, ops: ops.length };
}

/** Of what an earlier process left. */
async function adopt(services: number, destinations: number): Promise<object> {
  const wanted = servicesOf(services, destinations);
  const watch = new Stopwatch();
  const table = hostTableOf(wanted);
  watch.lap('compile');
  const kernel = await openLinuxKernel();
  const { own } = await kernel.observe({ sysctls: sysctlsOf(table.desired) });
  watch.lap('observe');
  const ops = diff(table.desired, own, allKeys(table.desired, own));
  watch.lap('diff');
  await kernel.close();
  return { ms: watch.total, phases: watch.phases, ops: ops.length };
}

function virtualServices(table: RuleTable): RuleSet {
  const rules = new Map<string, Rule>();
  for (const [key, rule] of table.desired) {
    if (rule.kind === 'virtual-service') rules.set(key, rule);
  }
  return rules;
}

function sysctlsOf(desired: RuleSet): string[] {
  return [...desired.values()].flatMap((rule) => (rule.kind === 'sysctl' ? [rule.name] : []));
}

const [task, ...rest] = process.argv.slice(2);
const [services = 0, destinations = 0, changes = 0] = rest.map(Number);
const tasks: Readonly<Record<string, () => Promise<object>>> = {
  bare: () => cold(services, destinations, true),
  cold: () => cold(services, destinations, false),
  adopt: () => adopt(services, destinations),
  change: () => change(services, destinations, changes),
};
const startMs = performance.now();
const found = await tasks[task!]!();
const { user, system } = process.cpuUsage();
const cpuMs = { user: user / 1000, kernel: system / 1000 };
process.stdout.write(`${JSON.stringify({ ...found, startMs, cpuMs })}\n`);
