import { allKeys, compileService, diff } from '../../src/rules/index.js';
import type { Rule } from '../../src/model/index.js';
import type { Bench } from './bench.js';
import { emit } from './figure.js';
import { median } from './stats.js';
import { routedHost, serviceAt, servicesOf, tableOf } from './workload.js';

const services = 50_000;
const destinations = 5;
const rounds = 5;
const changes = 200;

/** Deciding alone: compile and diff on one core, without a kernel. */
export const plan: Bench = {
  name: 'plan',
  summary: `compile and diff ${services} services x ${destinations} destinations, no kernel`,
  cases: {
    cold: 'everything, against an empty kernel, in a fresh process',
    change: 'one service changed',
  },
  run(cases) {
    const wanted = servicesOf(services, destinations);
    if (cases.includes('cold')) cold(wanted);
    if (cases.includes('change')) change(wanted);
    return Promise.resolve();
  },
};

function cold(wanted: ReturnType<typeof servicesOf>): void {
  const compileMs: number[] = [];
  const diffMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = cpuMs();
    const table = tableOf(wanted);
    const compiledAt = cpuMs();
    diff(table.desired, new Map(), allKeys(table.desired, new Map()));
    compileMs.push(compiledAt - startedAt);
    diffMs.push(cpuMs() - compiledAt);
  }
  const totals = compileMs.map((ms, round) => ms + diffMs[round]!);
  emit({
    bench: 'plan',
    case: 'cold',
    value: totals[0]!,
    unit: 'ms',
    goal: { value: 1000 },
    phases: { compile: compileMs[0]!, diff: diffMs[0]! },
    warmMedian: Math.round(median(totals.slice(1))),
    rounds,
  });
}

function change(wanted: ReturnType<typeof servicesOf>): void {
  const table = tableOf(wanted);
  const observed = new Map<string, Rule>(table.desired);
  table.takeChanged();
  const times: number[] = [];
  let ops = 0;
  for (let n = 0; n < changes; n++) {
    const service = serviceAt((n * 251) % services, destinations);
    const fewer = { ...service, destinations: service.destinations.slice(1) };
    const startedAt = cpuMs();
    table.put(service.name, compileService(fewer, routedHost));
    const plan = diff(table.desired, observed, table.takeChanged());
    times.push(cpuMs() - startedAt);
    ops += plan.length;
  }
  emit({
    bench: 'plan',
    case: 'change',
    value: Math.max(...times),
    unit: 'ms',
    goal: { value: 5 },
    median: Number(median(times).toPrecision(3)),
    opsPerChange: ops / changes,
    changes,
  });
}

/** Time of all threads on a processor: what one core would take, however busy the machine is. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
