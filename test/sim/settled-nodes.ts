import {
  decodeMessage,
  encodeMessage,
  type Catalog,
  type CatalogEffect,
} from '../../src/catalog/index.js';
import { ourVersions, type MemberState } from '../../src/gossip/index.js';
import type { Network } from './network.js';
import { SimNode, type SimNodeOptions } from './sim-node.js';

export interface Settled {
  readonly nodes: number;
  /** Of each. */
  readonly rows: number;
  /** Of a row's value. */
  readonly bytes: number;
}

/** So that a catalog checks all signatures that it is given: it puts off what comes too fast. */
const msPerSignature = 1;

/**
 * Nodes `node-0`, `node-1`... that all run, know each other and have all rows: how they came to
 * that is not what is measured. Rows are `row-0`, `row-1`...
 */
export function settledNodes(
  settled: Settled,
  network: Network,
  options: SimNodeOptions,
): readonly SimNode[] {
  const nodes = Array.from(
    { length: settled.nodes },
    (_, index) => new SimNode(`node-${index}`, index, network, options),
  );
  const known = nodes.map(({ name, member }) => memberOf(name, member.at));
  const catalogs = nodes.map((node) => {
    for (let row = 0; row < settled.rows; row++)
      node.wanted.set(`row-${row}`, valueOf(row, settled.bytes));
    return node.openCatalog(true);
  });
  for (const [index, catalog] of catalogs.entries()) {
    for (const { node } of known)
      if (node !== nodes[index]!.name) catalog.memberChanged(node, 'up', network.nowMs);
  }
  for (const [index, catalog] of catalogs.entries()) {
    const news = everythingOf(catalog, nodes[index]!.name, known[index === 0 ? 1 : 0]!.node);
    for (const other of catalogs)
      if (other !== catalog) other.receive(news, undefined, network.nowMs);
    network.runUntil(network.nowMs + (settled.rows + 1) * msPerSignature);
  }
  for (const catalog of catalogs) silence(catalog, network.nowMs);
  for (const [index, node] of nodes.entries()) node.open(catalogs[index]!, known);
  return nodes;
}

export function memberOf(node: string, at: MemberState['at']): MemberState {
  const meta = Buffer.alloc(0);
  return { node, at, meta, incarnation: 1, state: 'alive', versions: ourVersions };
}

/** A value of so many bytes that tells its number. */
export function valueOf(number: number, bytes: number): string {
  return `${number} `.padEnd(bytes, 'x');
}

/** All rows of a node, as it would give them to one that asks; as news, which need not be asked for. */
function everythingOf(catalog: Catalog, owner: string, asker: string): Uint8Array {
  const streams = [{ owner, network: '', epoch: 0, above: 0, after: 0 }];
  const pull = encodeMessage({ type: 'pull', from: asker, id: 1, streams });
  catalog.receive(pull, asker, 0);
  const messages = catalog
    .ready()
    .flatMap((effect) => (effect.kind === 'send' ? [decodeMessage(effect.payload)] : []));
  const rows = messages.find((message) => typeof message !== 'string' && message.type === 'rows');
  if (typeof rows !== 'object' || rows.sections[0]?.last !== true)
    throw new Error(`${owner}: not all of its rows`);
  return encodeMessage({ type: 'news', sections: rows.sections });
}

/** Lets it pass on what it has just heard, to nobody. */
function silence(catalog: Catalog, nowMs: number): void {
  let effects: readonly CatalogEffect[];
  do {
    catalog.tick(nowMs);
    effects = catalog.ready();
  } while (effects.some(({ kind }) => kind === 'broadcast'));
}
