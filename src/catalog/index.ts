/**
 * The catalog: the table of rows of all nodes, kept alike by gossip. Pure; the host carries bytes.
 */
export { Catalog } from './catalog.js';
export type { CatalogOptions } from './catalog.js';
export type { Acknowledgement } from './acks.js';
export { decodeMessage, encodeMessage } from './codec.js';
export type * from './messages.js';
export { Ed25519Proofs, FirstSightTrust } from './ed25519.js';
export type {
  CatalogChange,
  CatalogEffect,
  CatalogEntry,
  MemberState,
  Proofs,
  Row,
  Trust,
  Watermark,
} from './model.js';
export type { Refusal } from './refusals.js';
export { catalogTunables } from './tunables.js';
export type { CatalogTunables } from './tunables.js';
