import type { Explanation, ExplainQuery } from '../api/index.js';
import type { Connection, Kernel, ServiceCounters } from '../kernel/index.js';
import {
  formatMatch,
  prefixBase,
  prefixOf,
  ruleKey,
  type Destination,
  type VirtualServiceMatch,
  type VirtualServiceRule,
} from '../model/index.js';
import { explain, type ExplainStep } from '../rules/index.js';
import type { ServiceTable } from '../store/index.js';
import type { HostController } from './controller.js';
import type { HealthView } from './health-view.js';
import { destinationName } from './traffic.js';

export interface ExplainSources {
  readonly controller: HostController;
  readonly table: ServiceTable;
  readonly kernel: Kernel;
  readonly health: HealthView;
}

/** explain (rules/) with the names, the counters and the connections of this host. */
export async function explainOnHost(
  query: ExplainQuery,
  sources: ExplainSources,
): Promise<Explanation> {
  const { controller, kernel } = sources;
  const name = (rule: VirtualServiceRule): string =>
    controller.rules.ownerOf(ruleKey(rule)) ?? formatMatch(rule.match);
  const met = controller.reconciler.held.get(`ipvs ${formatMatch(matchOf(query))}`);
  const bound = met?.kind === 'virtual-service' ? await boundOf(query, met, kernel) : undefined;
  const { steps, outcome } = explain(query, {
    rules: controller.reconciler.held,
    onLink: controller.onLink,
    isLocal: (address) => controller.isLocalAddress(address),
    serviceName: name,
    describeDestination: (rule, destination) => describe(name(rule), destination, sources),
    ...(bound === undefined ? {} : { bound }),
  });
  const counters = await countersOf(steps, controller, kernel);
  return {
    outcome,
    steps: steps.map(({ countersOf: key, ...step }) =>
      key === undefined || counters === undefined ? step : { ...step, counters },
    ),
  };
}

function describe(service: string, destination: Destination, sources: ExplainSources): string {
  const entry = sources.table.get(service);
  const { local, remote } = sources.controller.networks.ingressOf(service);
  const task = [...local, ...remote].find((one) => one.addresses.includes(destination.address));
  if (task !== undefined) return `${destination.address} on node ${task.node}`;
  const name = destinationName(entry, destination.address);
  const drained = sources.table.drainedOf(service).has(destination.address);
  const { health, cause } = sources.health.report(service, destination.address);
  const notes = [
    ...(drained ? ['draining'] : []),
    ...(health === 'unhealthy' ? [`unhealthy: ${cause ?? 'no answer'}`] : []),
  ];
  return notes.length === 0 ? name : `${name} (${notes.join(', ')})`;
}

/** Where the affinity of this client leads, when it has one. */
async function boundOf(
  query: ExplainQuery,
  { affinityTimeoutS, affinityPrefix }: VirtualServiceRule,
  kernel: Kernel,
): Promise<{ address: string; port: number; by: string } | undefined> {
  if (affinityTimeoutS === 0) return undefined;
  // The template has the address of the client's network (ip_vs_core.c, ip_vs_sched_persist).
  const client = prefixBase(prefixOf(query.source, affinityPrefix));
  const isTemplate = (connection: Connection): boolean =>
    connection.state === 'NONE' &&
    connection.clientPort === 0 &&
    connection.client === client &&
    connection.virtual === query.destination &&
    (connection.protocol === query.protocol || connection.protocol === 'ip') &&
    (connection.virtualPort === query.port || connection.virtualPort === 0);
  const [found] = await kernel.connections({ limit: 1, filter: isTemplate });
  if (found === undefined) return undefined;
  const by = `affinity for another ${found.expiresS} s`;
  return { address: found.destination, port: found.destinationPort, by };
}

function matchOf({ protocol, destination, port }: ExplainQuery): VirtualServiceMatch {
  return { protocol, address: destination, port };
}

/** Of the virtual service that the packet meets. */
async function countersOf(
  steps: readonly ExplainStep[],
  controller: HostController,
  kernel: Kernel,
): Promise<ServiceCounters | undefined> {
  const key = steps.find((step) => step.countersOf !== undefined)?.countersOf;
  const rule = key === undefined ? undefined : controller.reconciler.held.get(key);
  if (rule?.kind !== 'virtual-service') return undefined;
  return (await kernel.counters([rule.match]))[0];
}
