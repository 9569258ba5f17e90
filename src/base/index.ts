/** What every other folder may use: errors and the ports to the outside world. */
export { FieldError, MeshError, assert, messageOf } from './errors.js';
export type { ErrorCode } from './errors.js';
export { silentLog } from './ports.js';
export type { Clock, Log } from './ports.js';
