/**
 * One table of services on all nodes of a mesh:
 *
 *     gossip (GossipNode: Swim, wire, transport) -> who is there
 *     catalog rows <- MeshServices -> settle -> HostController.submitMesh
 *     HostController.passed -> acknowledgements to the owners
 */
export type { RowDifference } from './catalog-diff.js';
export type { KeyChange, NodeKeys } from './keys.js';
export { MeshNode } from './mesh-node.js';
export type { MeshMember, MeshNodeOptions } from './mesh-node.js';
export { readState, writeState } from './saved-state.js';
export type { SavedState } from './saved-state.js';
