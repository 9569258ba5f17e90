/**
 * Names of services and tasks, for those on their networks:
 *
 *     server -> chain: errors, metrics, cache, vip, task, reverse, forward -> response
 */
export {
  errorsHandler,
  handlerOrder,
  reverseHandler,
  taskHandler,
  vipHandler,
  type Asker,
  type Handlers,
} from './chain.js';
export {
  cacheHandler,
  firstLabel,
  networkLabel,
  type AnswerKeeper,
  type KeptAnswer,
} from './kept-answers.js';
export { Forwarder, type Upstream, type UpstreamState } from './forward.js';
export { Inquirer, readInquiry, type Finding, type TextRecord } from './inquiry.js';
export { isResponseTo, isTruncated } from './message.js';
export { DnsStats, type DnsCount } from './metrics.js';
export { formatCode } from './presentation.js';
export {
  formatResolverFile,
  parseResolverSettings,
  resolverMark,
  type ResolverSettings,
} from './resolver-file.js';
export { DnsServer, type DnsTransport } from './server.js';
export { listZone, type NameOwners } from './zone-listing.js';
export type { NetworkNames, View } from './zone.js';
