import { MeshError } from '../base/index.js';
import type { ServiceSpec } from '../model/index.js';
import { chosenPorts, type ChosenPort } from './published-ports.js';
import type { ServiceTable } from './service-table.js';
import type { Prepared } from './table-change.js';

/**
 * What of the table must survive a restart, one record per line of the state file: services of
 * the API whole, of the file only what the file does not say (VIPs from pools, ports that were left
 * to us, drains).
 */
export type TableRecord =
  | { readonly type: 'service'; readonly spec: ServiceSpec }
  | { readonly type: 'removed'; readonly name: string }
  | { readonly type: 'vips'; readonly name: string; readonly vips: readonly string[] }
  | { readonly type: 'ports'; readonly name: string; readonly ports: readonly ChosenPort[] }
  | { readonly type: 'drained'; readonly name: string; readonly addresses: readonly string[] };

/** What to write down before `prepared` is committed; nothing when no record would differ. */
export function recordsOf(prepared: Prepared): TableRecord[] {
  const records: TableRecord[] = [];
  for (const { name, change, before, after } of prepared.changes) {
    // What other nodes ask for, they remember.
    if (change === 'unchanged' || (after ?? before)?.source === 'mesh') continue;
    if (after === undefined) {
      const gaveWay = prepared.yielded.get(name) !== undefined;
      if (before!.source === 'api' && !gaveWay) records.push({ type: 'removed', name });
      else if (drainedOf(before!).length > 0)
        records.push({ type: 'drained', name, addresses: [] });
      continue;
    }
    if (after.source === 'api' && after.spec !== before?.spec) {
      records.push({ type: 'service', spec: after.spec });
    }
    const { vips } = after.service;
    const known = before?.spec.vips.length === 0 ? before.service.vips : [];
    if (after.spec.vips.length === 0 && vips.join() !== known.join()) {
      records.push({ type: 'vips', name, vips });
    }
    const ports = chosenPorts(after.spec, after.service);
    const had = before === undefined ? [] : chosenPorts(before.spec, before.service);
    if (ports.length > 0 && JSON.stringify(ports) !== JSON.stringify(had)) {
      records.push({ type: 'ports', name, ports });
    }
    const drained = drainedOf(after);
    if (drained.join() !== (before === undefined ? '' : drainedOf(before).join())) {
      records.push({ type: 'drained', name, addresses: drained });
    }
  }
  const inForce = new Set(prepared.changes.map(({ name }) => name));
  for (const [name, service] of prepared.yielded) {
    if (service?.source === 'api') records.push({ type: 'service', spec: service.spec });
    else if (service === undefined && !inForce.has(name)) records.push({ type: 'removed', name });
  }
  return records;
}

/** Everything that a new state file has to hold; what has gone leaves no trace. */
export function snapshotOf(table: ServiceTable): TableRecord[] {
  const records: TableRecord[] = [];
  for (const entry of table.all()) {
    const { name } = entry.spec;
    if (entry.source === 'mesh') continue;
    if (entry.source === 'api') records.push({ type: 'service', spec: entry.spec });
    if (entry.spec.vips.length === 0)
      records.push({ type: 'vips', name, vips: entry.service.vips });
    const ports = chosenPorts(entry.spec, entry.service);
    if (ports.length > 0) records.push({ type: 'ports', name, ports });
    const addresses = drainedOf(entry);
    if (addresses.length > 0) records.push({ type: 'drained', name, addresses });
  }
  for (const { spec, source } of table.yielded.values()) {
    if (source === 'api') records.push({ type: 'service', spec });
  }
  return records;
}

/** What the records of an earlier run add up to. */
export interface Remembered {
  readonly services: ReadonlyMap<string, ServiceSpec>;
  readonly vips: ReadonlyMap<string, readonly string[]>;
  readonly ports: ReadonlyMap<string, readonly ChosenPort[]>;
  readonly drained: ReadonlyMap<string, readonly string[]>;
}

/** Errors: data_loss for a record of an unknown type. */
export function replay(records: Iterable<unknown>): Remembered {
  const services = new Map<string, ServiceSpec>();
  const vips = new Map<string, readonly string[]>();
  const ports = new Map<string, readonly ChosenPort[]>();
  const drained = new Map<string, readonly string[]>();
  for (const value of records) {
    const record = value as TableRecord;
    switch (record.type) {
      case 'service':
        services.set(record.spec.name, withAliases(record.spec));
        break;
      case 'removed':
        services.delete(record.name);
        drained.delete(record.name);
        break;
      case 'vips':
        vips.delete(record.name); // The last to be given a VIP comes last.
        vips.set(record.name, record.vips);
        break;
      case 'ports':
        ports.set(record.name, record.ports);
        break;
      case 'drained':
        if (record.addresses.length === 0) drained.delete(record.name);
        else drained.set(record.name, record.addresses);
        break;
      default:
        throw new MeshError('data_loss', `state file: unknown record ${JSON.stringify(value)}`);
    }
  }
  return { services, vips, ports, drained };
}

/** Records of a version that knew no aliases have none. */
function withAliases(spec: WrittenSpec): ServiceSpec {
  return { ...spec, aliases: spec.aliases ?? [] };
}

type WrittenSpec = Omit<ServiceSpec, 'aliases'> & Partial<Pick<ServiceSpec, 'aliases'>>;

function drainedOf({ service }: { service: Pick<ServiceSpec, 'destinations'> }): string[] {
  return service.destinations.filter(({ draining }) => draining).map(({ address }) => address);
}
