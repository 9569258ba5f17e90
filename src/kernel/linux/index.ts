/**
 * The kernel over netlink. `kernel.ts` composes, `sandbox.ts` holds the sockets of a namespace,
 * `session.ts` talks, `message.ts` lays out bytes, and one codec per kind of object translates:
 *
 *     Ops -> kernel -> codec -> session -> native addon -> kernel -> replies -> codec -> Rules
 */
export { bindSocket } from './bind-socket.js';
export { openLinuxKernel } from './kernel.js';
export type { LinuxKernelOptions } from './kernel.js';
export { openResponder } from './responder.js';
export type { MissedQuery, Responder } from './native.js';
export { replaceProcess } from './replace-process.js';
