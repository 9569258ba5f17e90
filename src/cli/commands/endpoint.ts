import { methods, type EndpointState } from '../../api/index.js';
import type { Cli } from '../cli.js';
import { healthWord, paintHealth, weightOf } from '../service-view.js';
import type { Column } from '../table.js';
import { formatBytes, formatCount } from '../units.js';

/** meshctl endpoint ls: the destinations of one service, or of all. */
export async function listEndpoints(cli: Cli, service?: string): Promise<void> {
  const filter = service === undefined ? {} : { service };
  const { endpoints } = await cli.call(methods.listEndpoints, filter);
  const columns: Column<EndpointState>[] = [
    { title: 'SERVICE', cell: (row) => row.service, shrinks: true },
    { title: 'DESTINATION', cell: ({ name }) => name, shrinks: true },
    { title: 'ADDRESS', cell: ({ address }) => address },
    { title: 'WEIGHT', cell: weightOf },
    { title: 'HEALTH', cell: healthWord, paint: paintHealth(cli.paint) },
    { title: 'ACTIVE', cell: ({ active }) => formatCount(active), align: 'right' },
    { title: 'INACT', cell: ({ inactive }) => formatCount(inactive), align: 'right' },
    { title: 'CONNS', cell: ({ connections }) => formatCount(connections), align: 'right' },
    { title: 'IN', cell: ({ inBytes }) => formatBytes(inBytes), align: 'right' },
    { title: 'OUT', cell: ({ outBytes }) => formatBytes(outBytes), align: 'right' },
  ];
  cli.answer(endpoints, () => cli.table(columns, endpoints));
}
