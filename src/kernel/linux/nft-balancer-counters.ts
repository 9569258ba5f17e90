/** Counts of services and destinations, from counters of the table and connections that are open. */
import type { VirtualServiceRule } from '../../model/index.js';
import type { Counters, DestinationCounters, ServiceCounters } from '../port.js';
import { countOf, type FoundTable } from './nft-balancer-read.js';
import { countedSets, partOf } from './nft-balancer-table.js';

/** By the label of a destination, in hexadecimal. */
export interface OpenConnections {
  readonly active: number;
  readonly inactive: number;
}

type Counts = Pick<Counters, 'connections' | 'inPackets' | 'outPackets' | 'inBytes' | 'outBytes'>;
type Rates = Omit<Counters, keyof Counts>;

/** As IPVS sums up. Unit: milliseconds. */
const ratePeriodMs = 2_000;

/** Rates are those between two looks at least as far apart. */
export class RateMeter {
  private before: { readonly atMs: number; readonly counts: Map<string, Counts> } | undefined;
  private rates = new Map<string, Rates>();

  /** Takes note of what was counted by `nowMs`, by label. */
  note(counts: ReadonlyMap<string, Counts>, nowMs: number): void {
    const { before } = this;
    const seconds = before === undefined ? 0 : (nowMs - before.atMs) / 1_000;
    if (before !== undefined && seconds * 1_000 < ratePeriodMs) return;
    this.rates = new Map();
    for (const [label, now] of counts) {
      const old = before?.counts.get(label);
      if (old !== undefined) this.rates.set(label, ratesOf(old, now, seconds));
    }
    this.before = { atMs: nowMs, counts: new Map(counts) };
  }

  of(label: string): Rates {
    return this.rates.get(label) ?? noRates;
  }
}

/** What was counted of each destination of the services, by label. */
export function countsIn(
  found: FoundTable,
  services: readonly VirtualServiceRule[],
): Map<string, Counts> {
  const [sent, answered] = countedSets.map(
    (set) =>
      new Map((found.elements.get(set) ?? []).map((each) => [each.key.toString('hex'), each])),
  );
  const counts = new Map<string, Counts>();
  for (const service of services) {
    for (const { chain, label } of partOf(service).destinations) {
      const rule = found.rules.get(chain.name)?.at(-1);
      const counter = rule?.expressions.find(({ name }) => name === 'counter');
      const key = label.toString('hex');
      counts.set(key, {
        connections: counter === undefined ? 0 : countOf(counter.attributes).packets,
        inPackets: sent!.get(key)?.packets ?? 0,
        outPackets: answered!.get(key)?.packets ?? 0,
        inBytes: sent!.get(key)?.bytes ?? 0,
        outBytes: answered!.get(key)?.bytes ?? 0,
      });
    }
  }
  return counts;
}

export function countersOf(
  service: VirtualServiceRule,
  known: {
    readonly counts: ReadonlyMap<string, Counts>;
    readonly rates: RateMeter;
    readonly open: ReadonlyMap<string, OpenConnections>;
    /** How many clients are remembered. */
    readonly clients: ReadonlyMap<string, number>;
  },
): ServiceCounters {
  const parts = partOf(service).destinations;
  const destinations = service.destinations.map(({ address, port, weight }, i) => {
    const label = parts[i]!.label.toString('hex');
    const { active, inactive } = known.open.get(label) ?? { active: 0, inactive: 0 };
    return {
      address,
      port,
      weight,
      ...(known.counts.get(label) ?? noCounts),
      ...known.rates.of(label),
      active,
      inactive,
      persistent: known.clients.get(label) ?? 0,
    };
  });
  return { match: service.match, ...sumOf(destinations), destinations };
}

const noCounts: Counts = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
const noRates: Rates = {
  connectionsPerS: 0,
  inPacketsPerS: 0,
  outPacketsPerS: 0,
  inBytesPerS: 0,
  outBytesPerS: 0,
};

function ratesOf(old: Counts, now: Counts, seconds: number): Rates {
  // A destination that was made anew in between counts from 0 again.
  const rate = (of: keyof Counts): number => Math.max(0, Math.round((now[of] - old[of]) / seconds));
  return {
    connectionsPerS: rate('connections'),
    inPacketsPerS: rate('inPackets'),
    outPacketsPerS: rate('outPackets'),
    inBytesPerS: rate('inBytes'),
    outBytesPerS: rate('outBytes'),
  };
}

function sumOf(destinations: readonly DestinationCounters[]): Counters {
  const sum = { ...noCounts, ...noRates };
  for (const each of destinations) {
    for (const name of Object.keys(sum) as (keyof Counters)[]) sum[name] += each[name];
  }
  return sum;
}
