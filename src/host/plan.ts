import type { Plan, PlannedOp } from '../api/index.js';
import type { Kernel } from '../kernel/index.js';
import {
  destinationKey,
  formatMatch,
  formatOp,
  formatRule,
  ruleKey,
  type Op,
  type Rule,
  type VirtualServiceMatch,
  type VirtualServiceRule,
} from '../model/index.js';

export interface PlanContext {
  readonly kernel: Kernel;
  /** What the kernel holds, by ruleKey. */
  held(key: string): Rule | undefined;
  /** The service that a rule belongs to. */
  serviceOf(key: string): string | undefined;
}

/** Ops as people read them, with the open connections that lose their destination by each. */
export async function describePlan(
  ops: readonly Op[],
  foreign: readonly Rule[],
  context: PlanContext,
): Promise<Plan> {
  const open = await openConnections(ops, context);
  const planned = ops.map((op): PlannedOp => {
    const key = ruleKey(op.target.kind === 'destination' ? op.target.service : op.target);
    const service = context.serviceOf(key);
    return {
      text: formatOp(op),
      cutsConnections: connectionsCut(op, context, open),
      ...(service === undefined || service === '' ? {} : { service }),
    };
  });
  return { ops: planned, foreign: foreign.map(formatRule) };
}

type OpenConnections = ReadonlyMap<string, number>;

function connectionsCut(op: Op, context: PlanContext, open: OpenConnections): number {
  const { target, verb } = op;
  if (verb !== 'delete') return 0;
  if (target.kind === 'destination')
    return open.get(openKey(target.service, target.destination)) ?? 0;
  if (target.kind !== 'virtual-service') return 0;
  const held = context.held(ruleKey(target)) as VirtualServiceRule | undefined;
  const destinations = (held ?? target).destinations;
  return destinations.reduce((sum, d) => sum + (open.get(openKey(target, d)) ?? 0), 0);
}

async function openConnections(
  ops: readonly Op[],
  { kernel }: PlanContext,
): Promise<OpenConnections> {
  const losing = new Map<string, VirtualServiceMatch>();
  for (const { verb, target } of ops) {
    if (verb !== 'delete') continue;
    const service = target.kind === 'destination' ? target.service : target;
    if (service.kind === 'virtual-service') losing.set(formatMatch(service.match), service.match);
  }
  const open = new Map<string, number>();
  if (losing.size === 0) return open;
  for (const { match, destinations } of await kernel.counters([...losing.values()])) {
    for (const destination of destinations) {
      open.set(openKey({ match }, destination), destination.active + destination.inactive);
    }
  }
  return open;
}

function openKey(
  service: Pick<VirtualServiceRule, 'match'>,
  destination: { readonly address: string; readonly port: number },
): string {
  return `${formatMatch(service.match)} ${destinationKey(destination)}`;
}
