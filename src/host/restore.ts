import { messageOf, type Log } from '../base/index.js';
import type { ServiceSpec } from '../model/index.js';
import type { Remembered, ServiceTable } from '../store/index.js';

/**
 * Fills an empty table: what the file says, and what the state file remembers of API services,
 * VIPs, ports and drains. A remembered service that the file now stands in the way of is left out and
 * logged; the file has the last word. Errors: those of ServiceTable.prepare, for the file's.
 */
export function restoreTable(
  table: ServiceTable,
  fileSpecs: readonly ServiceSpec[],
  remembered: Remembered,
  log: Log,
): void {
  for (const [name, vips] of remembered.vips) table.rememberVips(name, vips);
  for (const [name, ports] of remembered.ports) table.rememberPorts(name, ports);
  table.commit(table.prepare({ source: 'file', set: fileSpecs, remove: [] }));
  restoreApiServices(table, [...remembered.services.values()], log);
  for (const [name, addresses] of remembered.drained) {
    const present = table
      .get(name)
      ?.spec.destinations.filter(({ address }) => addresses.includes(address))
      .map(({ address }) => address);
    if (present === undefined || present.length === 0) continue;
    table.commit(table.prepareDrain(name, new Set(present)));
  }
}

function restoreApiServices(table: ServiceTable, specs: readonly ServiceSpec[], log: Log): void {
  try {
    table.commit(table.prepare({ source: 'api', set: specs, remove: [] }));
    return;
  } catch (error) {
    log.warn({ err: error }, 'remembered services conflict with the file; trying one by one');
  }
  for (const spec of specs) {
    try {
      table.commit(table.prepare({ source: 'api', set: [spec], remove: [] }));
    } catch (error) {
      log.error({ service: spec.name }, `remembered service left out: ${messageOf(error)}`);
    }
  }
}
