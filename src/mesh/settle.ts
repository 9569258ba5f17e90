import type { Service } from '../model/index.js';
import {
  formatListener,
  listenersOf,
  sameService,
  type Listener,
  type MeshRequest,
  type ServiceTable,
} from '../store/index.js';

/** A service that a node asks for, as all nodes see it. */
export interface Declaration {
  readonly owner: string;
  /** Larger than every claim that its owner knew when it first asked; orders without clocks. */
  readonly claim: number;
  readonly service: Service;
}

/** A declaration that gives way, and to what. */
export interface Loser {
  readonly declaration: Declaration;
  readonly reason: string;
}

export interface Settlement {
  /** By service name; of several owners that ask for the same, the first. */
  readonly winners: ReadonlyMap<string, Declaration>;
  readonly losers: readonly Loser[];
}

/**
 * Who gets which name and which VIP and port when nodes asked without knowing of each other: the
 * smaller claim, then the smaller name of the owner. A pure function of the declarations in any
 * order, so that all nodes that know the same agree. Owners that ask for the same service in the
 * same words share it, as hosts with one configuration file do.
 */
export function settle(declarations: Iterable<Declaration>): Settlement {
  const winners = new Map<string, Declaration>();
  const losers: Loser[] = [];
  const listeners = new Map<Listener, Declaration>();
  for (const declaration of [...declarations].sort(byPrecedence)) {
    const { service } = declaration;
    const first = winners.get(service.name);
    if (first !== undefined) {
      if (sameService(first.service, service)) continue;
      const reason = `node ${first.owner} asked for a service of this name before`;
      losers.push({ declaration, reason });
      continue;
    }
    const taken = [...listenersOf(service)].find((listener) => listeners.has(listener));
    if (taken !== undefined) {
      const holder = listeners.get(taken)!;
      const reason = `${formatListener(taken)} belongs to service ${holder.service.name} of node ${holder.owner}`;
      losers.push({ declaration, reason });
      continue;
    }
    winners.set(service.name, declaration);
    for (const listener of listenersOf(service)) listeners.set(listener, declaration);
  }
  return { winners, losers };
}

function byPrecedence(a: Declaration, b: Declaration): number {
  if (a.claim !== b.claim) return a.claim - b.claim;
  if (a.owner !== b.owner) return a.owner < b.owner ? -1 : 1;
  return a.service.name < b.service.name ? -1 : 1;
}

/** What the table of the node `self` lacks to be as settled; undefined when nothing. */
export function meshRequest(
  settlement: Settlement,
  table: ServiceTable,
  self: string,
): MeshRequest | undefined {
  const lost = new Map(
    settlement.losers
      .filter(({ declaration }) => declaration.owner === self)
      .map(({ declaration, reason }) => [declaration.service.name, reason]),
  );
  const wanted = [...settlement.winners.values()].filter(({ owner, service }) => {
    if (owner === self) return false;
    const entry = table.get(service.name);
    const isOurs = entry !== undefined && entry.source !== 'mesh';
    if (isOurs) return lost.has(service.name);
    // Ours gave way, and asks for the same by now.
    if (table.yielded.has(service.name) && !lost.has(service.name)) return false;
    return entry?.service !== service || entry.owner !== owner;
  });
  const request = {
    set: wanted.map(({ service, owner }) => ({ service, owner })),
    remove: [...table.all()]
      .filter(({ source, spec }) => source === 'mesh' && isGone(settlement, spec.name, self))
      .map(({ spec }) => spec.name),
    yield: [...lost]
      .filter(([name, reason]) => table.yielded.get(name)?.reason !== reason)
      .map(([name, reason]) => ({ name, reason })),
    restore: [...table.yielded.keys()].filter((name) => !lost.has(name)),
  };
  return Object.values(request).every((list) => list.length === 0) ? undefined : request;
}

/** What of the mesh this node does not hold for others any more. */
function isGone({ winners }: Settlement, name: string, self: string): boolean {
  const winner = winners.get(name);
  return winner === undefined || winner.owner === self;
}
