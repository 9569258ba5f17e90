/**
 * One table of services on all nodes of a mesh:
 *
 *     gossip (GossipNode: Swim, wire, transport) -> who is there
 *     catalog rows <- MeshServices -> settle -> HostController.submitMesh
 *     HostController.passed -> acknowledgements to the owners
 */
export { Ingress } from './ingress.js';
export { Control } from './control.js';
export { versionOf } from './member-meta.js';
export { readKeys, writeKeys } from './key-file.js';
export { NetworksOfNode } from './network-control.js';
export type { NetworkHost } from './network-control.js';
export { noNetworks } from './network-view.js';
export type { MeshNetworks } from './networks.js';
export type { NetworkView } from './network-view.js';
export { MeshNode } from './mesh-node.js';
export type { MeshNodeOptions } from './mesh-node.js';
export { noSeals, Seals } from './seals.js';
export { readState, writeState } from './saved-state.js';
export type { SavedState } from './saved-state.js';
