import { messageOf, type Clock, type Log } from '../base/index.js';
import type { Connection, Kernel } from '../kernel/index.js';
import { formatEndpoint, formatMatch, type VirtualServiceRule } from '../model/index.js';
import type { Retiree, Retirement } from './retirement.js';

export interface RetireeWatchOptions {
  readonly kernel: Kernel;
  readonly retirement: Retirement;
  readonly clock: Clock;
  readonly log: Log;
  /** Between two looks at least. Unit: milliseconds. */
  readonly retireePollMs: number;
  /** Called when some retiree's wait may have ended. */
  ended(): void;
}

/**
 * While destinations retire, looks at their connections. A connection counts as open until both
 * sides have closed it: what only waits for stray packets (TIME_WAIT, CLOSE) holds up nothing.
 */
export class RetireeWatch {
  private cancelTimer: (() => void) | undefined;
  private looking: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly options: RetireeWatchOptions) {}

  /** To be called after a pass: there may be retirees now. */
  wake(): void {
    const { retirement, clock, retireePollMs } = this.options;
    if (this.stopped || this.cancelTimer !== undefined || retirement.size === 0) return;
    this.cancelTimer = clock.after(retireePollMs, () => {
      this.looking = this.look().finally(() => {
        this.cancelTimer = undefined;
        this.looking = undefined;
        this.options.ended();
      });
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTimer?.();
    await this.looking;
  }

  private async look(): Promise<void> {
    try {
      const doubtful = await this.lookAtCounters();
      if (doubtful.length > 0) await this.lookAtConnections(doubtful);
    } catch (error) {
      this.options.log.warn({ err: error }, `cannot see retiring connections: ${messageOf(error)}`);
    }
  }

  /** Returns the retirees whose counters do not settle the question. */
  private async lookAtCounters(): Promise<Retiree[]> {
    const { kernel, retirement } = this.options;
    const retirees = [...retirement.retirees()];
    if (retirees.length === 0) return [];
    const services = new Map<string, VirtualServiceRule>(retirees.map((r) => [r.key, r.service]));
    const counters = await kernel.counters([...services.values()].map(({ match }) => match));
    const byKey = new Map(
      counters.flatMap(({ match, destinations }) =>
        destinations.map((d) => [retireeKey(formatMatch(match), d.address, d.port), d] as const),
      ),
    );
    return retirees.filter((retiree) => {
      const seen = byKey.get(keyOf(retiree));
      if (seen !== undefined && seen.active === 0 && seen.inactive > 0) return true;
      retirement.saw(retiree, seen === undefined ? 0 : seen.active + seen.inactive);
      return false;
    });
  }

  private async lookAtConnections(retirees: readonly Retiree[]): Promise<void> {
    const open = new Map(retirees.map((retiree) => [keyOf(retiree), 0]));
    const count = (connection: Connection): boolean => {
      if (connection.protocol === 'ip' || isOver(connection.state)) return false;
      const virtual = formatEndpoint(connection.virtual, connection.virtualPort);
      const match = `${virtual}/${connection.protocol}`;
      const key = retireeKey(match, connection.destination, connection.destinationPort);
      const before = open.get(key);
      if (before !== undefined) open.set(key, before + 1);
      return false;
    };
    await this.options.kernel.connections({ limit: 1, filter: count });
    for (const retiree of retirees) this.options.retirement.saw(retiree, open.get(keyOf(retiree))!);
  }
}

/** States in which no side has more to say (ip_vs_proto_tcp.c); NONE is an affinity template. */
function isOver(state: string): boolean {
  return state === 'TIME_WAIT' || state === 'CLOSE' || state === 'CLOSED' || state === 'NONE';
}

function keyOf(retiree: Retiree): string {
  const { address, port } = retiree.destination;
  return retireeKey(formatMatch(retiree.service.match), address, port);
}

function retireeKey(match: string, address: string, port: number): string {
  return `${match} ${formatEndpoint(address, port)}`;
}
