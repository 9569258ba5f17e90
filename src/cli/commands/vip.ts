import { fromWireParts, methods, type ServiceState, type WatchPosition } from '../../api/index.js';
import { MeshError } from '../../base/index.js';
import { familyOf, parseAddress } from '../../model/index.js';
import type { Cli } from '../cli.js';
import { interruptSignal } from '../interrupt.js';
import { paintState, portsOf, readyOf, stateWord } from '../service-view.js';
import { printable } from '../table.js';
import { showService } from './service.js';

interface VipRow {
  readonly vip: string;
  readonly state: ServiceState;
}

/** meshctl vip ls: one line per VIP. */
export async function listVips(cli: Cli): Promise<void> {
  const { services } = await cli.call(methods.listServices, {});
  const rows = services
    .flatMap((state): VipRow[] => state.vips.map((vip) => ({ vip, state })))
    .sort((a, b) => compareAddresses(a.vip, b.vip));
  const json = rows.map(({ vip, state }) => ({
    vip,
    service: state.spec.name,
    ports: state.spec.ports,
    state: stateWord(state),
    destinations: state.destinations,
  }));
  const columns = [
    { title: 'VIP', cell: (row: VipRow) => row.vip },
    { title: 'SERVICE', cell: (row: VipRow) => row.state.spec.name, shrinks: true },
    { title: 'PORTS', cell: (row: VipRow) => portsOf(row.state.spec), shrinks: true },
    { title: 'SCHEDULER', cell: (row: VipRow) => row.state.spec.scheduler },
    { title: 'READY', cell: (row: VipRow) => readyOf(row.state) },
    {
      title: 'STATE',
      cell: (row: VipRow) => stateWord(row.state),
      paint: (text: string, row: VipRow) => paintState(cli.paint)(text, row.state),
    },
  ];
  cli.answer(json, () => cli.table(columns, rows));
}

function compareAddresses(a: string, b: string): number {
  return familyOf(a) - familyOf(b) || a.localeCompare(b, 'en', { numeric: true });
}

/** meshctl vip inspect: by VIP or by name of the service. */
export async function inspectVip(cli: Cli, vipOrService: string): Promise<void> {
  const vip = parseAddress(vipOrService);
  if (vip === undefined) return showService(cli, vipOrService);
  const { services } = await cli.call(methods.listServices, {});
  const found = services.find(({ vips }) => vips.includes(vip));
  if (found === undefined) throw new MeshError('not_found', `vip ${vip}: no service has it`);
  return showService(cli, found.spec.name);
}

/** meshctl vip watch: what there is, then changes, until Ctrl-C. */
export async function watchVips(cli: Cli, onlyService?: string): Promise<void> {
  const signal = interruptSignal(cli.terminal);
  let from: WatchPosition | undefined;
  while (!signal.aborted) {
    const parts = cli.stream(methods.watchServices, from === undefined ? {} : { from }, signal);
    try {
      for await (const event of fromWireParts(parts)) {
        from = event.position;
        if (cli.json) {
          const related = onlyService === undefined || concerns(event, onlyService);
          if (related) cli.jsonLine(event);
        } else if (event.type === 'snapshot') {
          for (const state of event.services) printState(cli, state, onlyService, 'present');
        } else if (event.type === 'set') {
          printState(cli, event.service, onlyService, 'changed');
        } else if (onlyService === undefined || event.name === onlyService) {
          cli.print(`${cli.paint.red('removed'.padEnd(8))} ${printable(event.name)}\n`);
        }
      }
      return;
    } catch (error) {
      // Too slow a reader goes on from where it was.
      if (!(error instanceof MeshError && error.code === 'resource_exhausted')) throw error;
    }
  }
}

type Event = { readonly type: string } & Partial<{
  services: readonly ServiceState[];
  service: ServiceState;
  name: string;
}>;

function concerns({ type, service, name }: Event, only: string): boolean {
  return type === 'snapshot' || (service?.spec.name ?? name) === only;
}

function printState(cli: Cli, state: ServiceState, only: string | undefined, verb: string): void {
  if (only !== undefined && state.spec.name !== only) return;
  const destinations = state.destinations
    .map(({ name, effectiveWeight, draining, health }) => {
      const condition = draining ? 'draining' : health;
      return `${name}=${effectiveWeight}${condition === 'unchecked' ? '' : ` ${condition}`}`;
    })
    .join(', ');
  const what = [verb.padEnd(8), state.spec.name, state.vips.join(',') || '-', portsOf(state.spec)];
  const word = paintState(cli.paint)(stateWord(state), state);
  const reason = state.withheld === undefined ? '' : ` (${state.withheld})`;
  cli.print(`${printable(what.join(' '))} ${word}${printable(`${reason}: ${destinations}`)}\n`);
}
