import { MeshError } from '../../../src/base/index.js';
import { formatPort, type ServiceSpec } from '../../../src/model/index.js';
import {
  ServiceTable,
  VipPool,
  type Prepared,
  type TableRequest,
} from '../../../src/store/index.js';
import { parseService } from '../../support/service-text.js';

/** `web vip=10.96.0.1 port=80/tcp`, then destinations; see parseService. */
export function spec(line: string, ...destinations: readonly string[]): ServiceSpec {
  return parseService(`service ${line}`, destinations);
}

/** A table with a line for every service, as tests compare it. */
export class TableBench {
  readonly table: ServiceTable;

  constructor(...pools: readonly string[]) {
    this.table = new ServiceTable(new VipPool(pools));
  }

  /** Sets services by one source and commits. */
  set(source: 'api' | 'file', ...set: readonly ServiceSpec[]): Prepared {
    return this.commit({ source, set, remove: [] });
  }

  commit(request: TableRequest): Prepared {
    const prepared = this.table.prepare(request);
    this.table.commit(prepared);
    return prepared;
  }

  drain(name: string, ...addresses: readonly string[]): Prepared {
    const prepared = this.table.prepareDrain(name, new Set(addresses));
    this.table.commit(prepared);
    return prepared;
  }

  /** `code: message` of what `prepare` throws; undefined when it does not. */
  refusal(request: TableRequest): string | undefined {
    try {
      this.table.prepare(request);
      return undefined;
    } catch (error) {
      if (error instanceof MeshError) return `${error.code}: ${error.message}`;
      throw error;
    }
  }

  vipsOf(name: string): string {
    return this.table.get(name)!.service.vips.join(' ');
  }

  text(): string[] {
    return textOf(this.table);
  }
}

/** All that lasts of a table; revisions do not. */
export function textOf(table: ServiceTable): string[] {
  const lines = [...table.all()].map(({ spec: asked, source, service }) => {
    const given = asked.vips.length === 0 ? 'pool' : 'given';
    const drained = service.destinations.filter(({ draining }) => draining);
    const parts = [
      `${source} ${asked.name} ${given} ${service.vips.join(' ')}`,
      service.ports.map(formatPort).join(' '),
      service.destinations.map(({ address, weight }) => `${address}=${weight}`).join(' '),
      drained.map(({ address }) => `-${address}`).join(' '),
    ];
    return parts.filter((part) => part !== '').join(' | ');
  });
  return lines.sort();
}
