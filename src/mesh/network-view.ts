import type { Endpoint, LocalEndpoint, Network } from '../model/index.js';

/** A network that this node asks for. */
export interface OwnNetwork {
  readonly claim: number;
  readonly network: Network;
  /** Made by another node; asked for here as long as there are endpoints here. */
  readonly adopted: boolean;
}

export const noNetworks: SavedNetworks = { networks: [], slices: [], endpoints: [], remote: [] };

/** What a node keeps of networks over a restart. */
export interface SavedNetworks {
  readonly networks: readonly OwnNetwork[];
  readonly slices: readonly { readonly claim: number; readonly key: string }[];
  readonly endpoints: readonly LocalEndpoint[];
  /** Of other nodes: they are served until they are heard of, or not heard of for long. */
  readonly remote: readonly Endpoint[];
}

/** A network as this node sees it. */
export interface NetworkView {
  readonly network: Network;
  /** Nodes that ask for it: its maker, and those with endpoints on it. */
  readonly nodes: readonly string[];
  readonly local: readonly LocalEndpoint[];
  /** Known only where this node has endpoints of its own on the network. */
  readonly remote: readonly Endpoint[];
}
