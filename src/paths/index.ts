/**
 * Whether packets get through to the other nodes on the network that all of them are on: small
 * ones and large ones, here and there. Pure; packets come and go by whoever owns the sockets.
 */
export { packetBytesMin } from './packet.js';
export { PathHealth } from './path-health.js';
export type { Outgoing, PathPeer, PathState } from './path-health.js';
export { isTrouble, mirrored, pathVerdicts } from './verdict.js';
export type { PathVerdict } from './verdict.js';
export type { OwnEnd } from './way.js';
