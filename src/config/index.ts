/**
 * The configuration: text to checked values. One check serves the file and the API.
 *
 *     file text -> parseText -> daemonEntry, serviceEntry (zod: shapes, units, ranges)
 *               -> completeSpec (defaults) -> check-spec (within a service)
 *               -> check-across (between services) -> DaemonConfig, ServiceSpec[]
 *
 * Lines are looked up only when there is something to complain about. The fields are documented
 * in test/unit/config/example.yaml, which a test keeps complete.
 */
export { checkAcross } from './check-across.js';
export { checkSpec } from './check-spec.js';
export type { DaemonConfig, ListenAddress, LogLevel } from './daemon-entry.js';
export type { DnsConfig } from './dns-entry.js';
export { formatDuration, parseDuration } from './fields.js';
export { completeMesh, parseMember } from './mesh-entry.js';
export type { MeshConfig, MeshProfile } from './mesh-entry.js';
export { parseConfig } from './parse-config.js';
export type { ParsedConfig } from './parse-config.js';
export { ConfigError, closest, formatPath } from './problem.js';
export type { ConfigProblem, Path, Problem } from './problem.js';
export type { ServiceDefaults } from './service-entry.js';
export { fileWatchTunables, healthTunables, limits, reconcileTunables } from './tunables.js';
export { writeSpec } from './write-spec.js';
