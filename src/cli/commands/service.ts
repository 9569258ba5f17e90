import { methods, type DestinationState, type ServiceState } from '../../api/index.js';
import type { Cli } from '../cli.js';
import type { Column } from '../table.js';
import {
  factsOf,
  formatFacts,
  healthWord,
  paintHealth,
  paintState,
  portsOf,
  readyOf,
  sourceOf,
  stateWord,
  weightOf,
} from '../service-view.js';

/** meshctl service ls. */
export async function listServices(cli: Cli): Promise<void> {
  const { services } = await cli.call(methods.listServices, {});
  const columns: Column<ServiceState>[] = [
    { title: 'NAME', cell: ({ spec }) => spec.name, shrinks: true },
    { title: 'VIPS', cell: ({ vips }) => vips.join(','), shrinks: true },
    { title: 'PORTS', cell: ({ spec }) => portsOf(spec), shrinks: true },
    { title: 'READY', cell: readyOf },
    { title: 'SOURCE', cell: sourceOf, shrinks: true },
    { title: 'REVISION', cell: ({ revision }) => String(revision), align: 'right' },
    { title: 'STATE', cell: stateWord, paint: paintState(cli.paint) },
  ];
  cli.answer(services, () => cli.table(columns, services));
}

/** meshctl service inspect. */
export async function showService(cli: Cli, name: string): Promise<void> {
  const state = await cli.call(methods.getService, { name });
  const columns: Column<DestinationState>[] = [
    { title: 'DESTINATION', cell: ({ name }) => name, shrinks: true },
    { title: 'ADDRESS', cell: ({ address }) => address },
    { title: 'WEIGHT', cell: weightOf },
    { title: 'HEALTH', cell: healthWord, paint: paintHealth(cli.paint) },
    { title: 'CAUSE', cell: ({ healthCause }) => healthCause ?? '', shrinks: true },
  ];
  cli.answer(state, () => {
    const facts = formatFacts(factsOf(state));
    return `${facts}\n${cli.table(columns, state.destinations)}`;
  });
}

export interface RemoveOptions {
  readonly now?: boolean;
}

/** meshctl service rm: one after the other; the first failure ends it. */
export async function removeServices(
  cli: Cli,
  names: readonly string[],
  { now = false }: RemoveOptions,
): Promise<void> {
  for (const name of names) {
    const { revision } = await cli.call(methods.removeService, { name, now });
    if (cli.json) cli.jsonLine({ name, change: 'removed', revision });
    else cli.print(`${name} removed\n`);
  }
}
