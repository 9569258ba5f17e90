import { MeshError, messageOf } from '../base/index.js';
import type { PeerAddress } from '../gossip/index.js';
import type { SavedNetworks } from './network-view.js';
import { noSeals, type SavedSeals } from './seals.js';
import { decodeServiceRow, encodeServiceRow } from './service-row.js';
import type { Declaration } from './settle.js';

/** What a node of the mesh keeps over a restart. */
export interface SavedState {
  /** The private key that its rows are signed with; 32 bytes. */
  readonly seed: Uint8Array;
  readonly epoch: number;
  /** Public keys of other nodes by name. */
  readonly trust: readonly (readonly [node: string, key: Uint8Array])[];
  readonly claims: ReadonlyMap<string, number>;
  /** What other nodes asked for. */
  readonly declarations: readonly Declaration[];
  /** Members that were alive, to find the others again. */
  readonly peers: readonly PeerAddress[];
  readonly networks: SavedNetworks;
  readonly seals: SavedSeals;
}

interface Document {
  readonly format: number;
  readonly seed: string;
  readonly epoch: number;
  readonly trust: Readonly<Record<string, string>>;
  readonly claims: Readonly<Record<string, number>>;
  readonly services: readonly { readonly owner: string; readonly row: string }[];
  readonly peers: readonly PeerAddress[];
  readonly networks: SavedNetworks;
  /** Absent in files of before there were sealed networks. */
  readonly seals?: SavedSeals;
}

export function writeState(state: SavedState): string {
  const document: Document = {
    format: 1,
    seed: base64(state.seed),
    epoch: state.epoch,
    trust: Object.fromEntries(state.trust.map(([node, key]) => [node, base64(key)])),
    claims: Object.fromEntries(state.claims),
    services: state.declarations.map(({ owner, claim, service }) => {
      return { owner, row: Buffer.from(encodeServiceRow(claim, service)).toString() };
    }),
    peers: state.peers,
    networks: state.networks,
    seals: state.seals,
  };
  return `${JSON.stringify(document)}\n`;
}

/** Errors: data_loss. Services that are not understood any more are left out. */
export function readState(text: string, where: string): SavedState {
  try {
    const document = JSON.parse(text) as Document;
    if (document.format !== 1) throw new Error(`unknown format ${String(document.format)}`);
    const seed = Buffer.from(document.seed, 'base64');
    if (seed.length !== 32) throw new Error('seed: expected 32 bytes');
    return {
      seed,
      epoch: document.epoch,
      trust: Object.entries(document.trust).map(([node, key]) => [
        node,
        Buffer.from(key, 'base64'),
      ]),
      claims: new Map(Object.entries(document.claims)),
      declarations: document.services.flatMap(({ owner, row }) => declarationOf(owner, row)),
      peers: document.peers,
      networks: completed(document.networks),
      seals: document.seals ?? noSeals,
    };
  } catch (error) {
    throw new MeshError('data_loss', `read ${where}: ${messageOf(error)}`, { cause: error });
  }
}

/** What networks were before they could be sealed. */
const unsealed = { sealed: false } as const;

function completed(saved: SavedNetworks): SavedNetworks {
  const networks = saved.networks.map((one) => {
    return { ...one, network: { ...unsealed, ...one.network } };
  });
  return { ...saved, networks };
}

function declarationOf(owner: string, row: string): Declaration[] {
  const { spec } = JSON.parse(row) as { spec: { name: string } };
  const declaration = decodeServiceRow(owner, spec.name, Buffer.from(row));
  return 'problem' in declaration ? [] : [declaration];
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
