import { methods, type RowDifference } from '../../api/index.js';
import type { Cli } from '../cli.js';
import type { Column } from '../table.js';

/** meshctl catalog diff: the rows that another node does not have as this one has them. */
export async function diffCatalog(cli: Cli, node: string): Promise<void> {
  const { differences } = await cli.call(methods.compareCatalog, { node });
  const columns: Column<RowDifference>[] = [
    { title: 'OWNER', cell: ({ owner }) => owner, shrinks: true },
    { title: 'ROW', cell: ({ key }) => key, shrinks: true },
    { title: 'NETWORK', cell: ({ network }) => network, shrinks: true },
    { title: 'HERE', cell: ({ here }) => here ?? '' },
    { title: 'THERE', cell: ({ there }) => there ?? '' },
  ];
  cli.answer(differences, () =>
    differences.length === 0 ? `node ${node} has the same rows\n` : cli.table(columns, differences),
  );
}
