/** Plain data: addresses, kernel objects as values, and how they print and compare. */
export {
  addressBits,
  addressBytes,
  familyOf,
  formatAddress,
  formatEndpoint,
  parseAddress,
} from './address.js';
export type { Family } from './address.js';
export {
  addressAt,
  parsePrefix,
  prefixBase,
  prefixContains,
  prefixLength,
  prefixOf,
  prefixSize,
} from './prefix.js';
export {
  ingressGroup,
  ipvsServiceFlag,
  isOurNftTable,
  linkPrefix,
  routeProtocol,
  vipLink,
} from './marks.js';
export { formatNftStatement, formatNftTable } from './nft.js';
export type {
  NftChain,
  NftField,
  NftBaseChain,
  NftPlainChain,
  NftRule,
  NftSet,
  NftStatement,
  NftTable,
  NftType,
} from './nft.js';
export {
  destinationKey,
  formatDestination,
  formatMatch,
  formatVirtualService,
  matchFamily,
  sameDestination,
  sameVirtualService,
  schedulers,
} from './virtual-service.js';
export type {
  Destination,
  Forwarding,
  Protocol,
  Scheduler,
  SchedulerFlag,
  TunnelType,
  VirtualService,
  VirtualServiceMatch,
} from './virtual-service.js';
export { formatOp, formatRule, formatRuleSet, kindOrder, ruleKey } from './rule.js';
export type {
  AddressRule,
  DestinationTarget,
  FdbRule,
  IpvsTimeoutsRule,
  LinkRule,
  LoopbackRule,
  NeighborRule,
  NftElementRule,
  NftTableRule,
  Op,
  PolicyRule,
  RouteRule,
  Rule,
  RuleKind,
  RuleSet,
  SysctlRule,
  VirtualServiceRule,
  VxlanParameters,
} from './rule.js';
export { formatPort, formatPublished } from './service.js';
export type {
  Affinity,
  ConnectionLimits,
  EndpointMode,
  HealthCheck,
  HttpCheck,
  PublishedPort,
  PublishMode,
  PublishSource,
  Service,
  ServiceDestination,
  ServicePort,
  ServiceSpec,
  SnatMode,
  TcpCheck,
  TrafficPolicy,
} from './service.js';
export { endpointsByService } from './network.js';
export type { Endpoint, LocalEndpoint, Network } from './network.js';
export { PrivateKey, publicKeyBytes, sameWireguardPeer } from './wireguard.js';
export type { WireguardPeerRule, WireguardRule } from './wireguard.js';
