/** One table of services on all nodes of a mesh. */
export { meshRequest, settle } from './settle.js';
export type { Declaration, Loser, Settlement } from './settle.js';
