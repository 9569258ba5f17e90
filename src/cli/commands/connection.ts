import { methods, type NamedConnection } from '../../api/index.js';
import { formatEndpoint } from '../../model/index.js';
import type { Cli } from '../cli.js';
import type { Column } from '../table.js';
import { formatAge } from '../units.js';

export interface ConnectionOptions {
  readonly service?: string;
  readonly destination?: string;
  readonly client?: string;
  readonly limit: number;
}

/** meshctl conn ls. */
export async function listConnections(cli: Cli, options: ConnectionOptions): Promise<void> {
  const answer = await cli.call(methods.listConnections, options);
  const columns: Column<NamedConnection>[] = [
    { title: 'PROTO', cell: ({ protocol }) => protocol },
    { title: 'CLIENT', cell: (row) => formatEndpoint(row.client, row.clientPort) },
    { title: 'SERVICE', cell: ({ service }) => service ?? '', shrinks: true },
    { title: 'VIRTUAL', cell: (row) => formatEndpoint(row.virtual, row.virtualPort) },
    { title: 'DESTINATION', cell: destinationOf, shrinks: true },
    { title: 'STATE', cell: ({ state }) => state },
    { title: 'EXPIRES', cell: ({ expiresS }) => formatAge(expiresS * 1_000), align: 'right' },
  ];
  cli.answer(answer, ({ connections }) => cli.table(columns, connections));
  if (answer.truncated && !cli.json) {
    cli.note(`there are more than ${options.limit} connections: --limit shows more\n`);
  }
}

function destinationOf({ destinationName, destination, destinationPort }: NamedConnection): string {
  const endpoint = formatEndpoint(destination, destinationPort);
  if (destinationName === undefined || destinationName === destination) return endpoint;
  return `${destinationName} (${endpoint})`;
}
