/**
 * The mesh API: gRPC over a unix socket, by which programs and `meshctl` drive the daemon.
 * backend.ts is the port the daemon implements; everything else carries it over the wire.
 */
export { createApiClient } from './client.js';
export type { ApiClient, ApiClientOptions } from './client.js';
export { fromWireParts, toWireApply } from './codec.js';
export type { EndpointState } from './endpoints.js';
export { ServiceFeed } from './feed.js';
export { methods } from './methods.js';
export type { StreamMethod, UnaryMethod } from './methods.js';
export { serveMesh } from './server.js';
export type { MeshServer, MeshServerOptions } from './server.js';
export { claimSocketFile } from './socket-file.js';
export type {
  ApplyRequest,
  ApplyResult,
  ConfigFileState,
  ConnectionList,
  ConnectionsQuery,
  DestinationState,
  DestinationTraffic,
  DoctorCheck,
  DrainProgress,
  DrainRequest,
  DrainTarget,
  DriftRecord,
  DriftTotals,
  DriftedRule,
  ExplainQuery,
  ExplainStep,
  Explanation,
  Health,
  MeshBackend,
  NamedConnection,
  Plan,
  PlannedOp,
  ReconcileSummary,
  RemoveRequest,
  RemoveResult,
  ServiceChange,
  ServiceSource,
  ServiceState,
  ServiceTraffic,
  Status,
  Traffic,
  Version,
  WatchEvent,
  WatchPosition,
} from './backend.js';
export type {
  Convergence,
  Count,
  KeyChange,
  MeshControl,
  MeshStatus,
  NodeKeys,
  NodeState,
  PathReport,
  PathState,
  PathVerdict,
  RowDifference,
  ServiceConflict,
} from './mesh-control.js';
export type {
  NameAnswer,
  NameCount,
  NameFound,
  NameQuestion,
  NameRecord,
  NamesControl,
  NamesDrops,
  NameStats,
  NameUpstream,
} from './names-control.js';
export type {
  AttachWish,
  EndpointInfo,
  EndpointStatus,
  NetworkControl,
  NetworkInfo,
  NetworkWish,
  ServicesWish,
} from './network-control.js';
