import { meshd } from '../proto/mesh.js';
import type {
  ConnectionList,
  ConnectionsQuery,
  DoctorCheck,
  DrainProgress,
  DrainRequest,
  DrainTarget,
  DriftRecord,
  ExplainQuery,
  Explanation,
  Plan,
  RemoveRequest,
  RemoveResult,
  Status,
  Traffic,
  Version,
  WatchPosition,
} from './backend.js';
import { applyAnswers, applyRequests, serviceStates, watchEvents } from './codec.js';
import type { EndpointState } from './endpoints.js';
import type {
  Convergence,
  KeyChange,
  MeshStatus,
  NodeKeys,
  NodeState,
  RowDifference,
} from './mesh-control.js';
import type {
  AttachWish,
  EndpointInfo,
  EndpointStatus,
  NetworkInfo,
  NetworkWish,
  ServicesWish,
} from './network-control.js';
import type { NameAnswer, NameQuestion, NameRecord, NameStats } from './names-control.js';
import { mirrored, type Codec } from './wire.js';

const { v1 } = meshd;

/** A method of service meshd.v1.Mesh, as grpc-js wants it on either side. */
export interface Method<Request, Response, Stream extends boolean = boolean> {
  readonly path: string;
  readonly requestStream: false;
  readonly responseStream: Stream;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (value: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export type UnaryMethod<Request, Response> = Method<Request, Response, false>;
export type StreamMethod<Request, Response> = Method<Request, Response, true>;

/** A message without fields. */
type Empty = Readonly<Record<string, never>>;

function unary<Q, R>(name: string, request: Codec<Q>, response: Codec<R>): UnaryMethod<Q, R> {
  return { ...method(name, request, response), responseStream: false };
}

function stream<Q, R>(name: string, request: Codec<Q>, response: Codec<R>): StreamMethod<Q, R> {
  return { ...method(name, request, response), responseStream: true };
}

function method<Q, R>(name: string, request: Codec<Q>, response: Codec<R>) {
  return {
    path: `/meshd.v1.Mesh/${name}`,
    requestStream: false as const,
    requestSerialize: request.encode,
    requestDeserialize: request.decode,
    responseSerialize: response.encode,
    responseDeserialize: response.decode,
  };
}

interface ServiceFilter {
  readonly service?: string;
}

interface WatchCountersRequest extends ServiceFilter {
  readonly intervalMs: number;
}

/** The methods of mesh.proto; the names of the requests and answers are those of backend.ts. */
export const methods = {
  getVersion: unary(
    'GetVersion',
    mirrored<Empty>(v1.GetVersionRequest),
    mirrored<Version>(v1.Version),
  ),
  getStatus: unary('GetStatus', mirrored<Empty>(v1.GetStatusRequest), mirrored<Status>(v1.Status)),
  listServices: unary('ListServices', mirrored<Empty>(v1.ListServicesRequest), serviceStates.list),
  getService: unary(
    'GetService',
    mirrored<{ readonly name: string }>(v1.GetServiceRequest),
    serviceStates.one,
  ),
  applyServices: unary('ApplyServices', applyRequests, applyAnswers),
  removeService: unary(
    'RemoveService',
    mirrored<RemoveRequest>(v1.RemoveServiceRequest),
    mirrored<RemoveResult>(v1.RemoveServiceResponse),
  ),
  drain: stream(
    'Drain',
    mirrored<DrainRequest>(v1.DrainRequest),
    mirrored<DrainProgress>(v1.DrainProgress),
  ),
  cancelDrain: unary(
    'CancelDrain',
    mirrored<DrainTarget>(v1.CancelDrainRequest),
    mirrored<Empty>(v1.CancelDrainResponse),
  ),
  watchServices: stream(
    'WatchServices',
    mirrored<{ readonly from?: WatchPosition }>(v1.WatchServicesRequest),
    watchEvents,
  ),
  listEndpoints: unary(
    'ListEndpoints',
    mirrored<ServiceFilter>(v1.ListEndpointsRequest),
    mirrored<{ readonly endpoints: readonly EndpointState[] }>(v1.ListEndpointsResponse),
  ),
  listConnections: unary(
    'ListConnections',
    mirrored<ConnectionsQuery>(v1.ListConnectionsRequest),
    mirrored<ConnectionList>(v1.ListConnectionsResponse),
  ),
  getCounters: unary(
    'GetCounters',
    mirrored<ServiceFilter>(v1.GetCountersRequest),
    mirrored<Traffic>(v1.Counters),
  ),
  watchCounters: stream(
    'WatchCounters',
    mirrored<WatchCountersRequest>(v1.WatchCountersRequest),
    mirrored<Traffic>(v1.Counters),
  ),
  getDiff: unary('GetDiff', mirrored<Empty>(v1.GetDiffRequest), mirrored<Plan>(v1.Plan)),
  explain: unary(
    'Explain',
    mirrored<ExplainQuery>(v1.ExplainRequest),
    mirrored<Explanation>(v1.Explanation),
  ),
  getDrift: unary(
    'GetDrift',
    mirrored<{ readonly limit: number }>(v1.GetDriftRequest),
    mirrored<{ readonly records: readonly DriftRecord[] }>(v1.GetDriftResponse),
  ),
  doctor: unary(
    'Doctor',
    mirrored<Empty>(v1.DoctorRequest),
    mirrored<{ readonly checks: readonly DoctorCheck[] }>(v1.DoctorResponse),
  ),
  queryName: unary(
    'QueryName',
    mirrored<NameQuestion>(v1.QueryNameRequest),
    mirrored<NameAnswer>(v1.NameAnswer),
  ),
  listNames: stream(
    'ListNames',
    mirrored<{ readonly networks: readonly string[] }>(v1.ListNamesRequest),
    mirrored<{ readonly records: readonly NameRecord[] }>(v1.NameList),
  ),
  getNameStats: unary(
    'GetNameStats',
    mirrored<Empty>(v1.GetNameStatsRequest),
    mirrored<NameStats>(v1.NameStats),
  ),
  logNames: unary(
    'LogNames',
    mirrored<{ readonly on?: boolean }>(v1.LogNamesRequest),
    mirrored<{ readonly isLogging: boolean }>(v1.LogNamesResponse),
  ),
  listNodes: unary(
    'ListNodes',
    mirrored<Empty>(v1.ListNodesRequest),
    mirrored<{ readonly nodes: readonly NodeState[] }>(v1.ListNodesResponse),
  ),
  getMeshStatus: unary(
    'GetMeshStatus',
    mirrored<Empty>(v1.GetMeshStatusRequest),
    mirrored<MeshStatus>(v1.MeshStatus),
  ),
  forgetNode: unary(
    'ForgetNode',
    mirrored<{ readonly node: string }>(v1.ForgetNodeRequest),
    mirrored<Empty>(v1.ForgetNodeResponse),
  ),
  leaveMesh: unary(
    'LeaveMesh',
    mirrored<Empty>(v1.LeaveMeshRequest),
    mirrored<Empty>(v1.LeaveMeshResponse),
  ),
  changeKeys: unary(
    'ChangeKeys',
    mirrored<KeyChange>(v1.ChangeKeysRequest),
    mirrored<{ readonly nodes: readonly NodeKeys[] }>(v1.ChangeKeysResponse),
  ),
  compareCatalog: unary(
    'CompareCatalog',
    mirrored<{ readonly node: string }>(v1.CompareCatalogRequest),
    mirrored<{ readonly differences: readonly RowDifference[] }>(v1.CompareCatalogResponse),
  ),
  listNetworks: unary(
    'ListNetworks',
    mirrored<Empty>(v1.ListNetworksRequest),
    mirrored<{ readonly networks: readonly NetworkInfo[] }>(v1.ListNetworksResponse),
  ),
  createNetwork: unary(
    'CreateNetwork',
    mirrored<NetworkWish>(v1.CreateNetworkRequest),
    mirrored<NetworkInfo>(v1.Network),
  ),
  removeNetwork: unary(
    'RemoveNetwork',
    mirrored<{ readonly name: string }>(v1.RemoveNetworkRequest),
    mirrored<Empty>(v1.RemoveNetworkResponse),
  ),
  attachEndpoint: unary(
    'AttachEndpoint',
    mirrored<AttachWish>(v1.AttachEndpointRequest),
    mirrored<EndpointInfo>(v1.NetworkEndpoint),
  ),
  setEndpoint: unary(
    'SetEndpoint',
    mirrored<ServicesWish>(v1.SetEndpointRequest),
    mirrored<{ readonly version: number }>(v1.SetEndpointResponse),
  ),
  getEndpoint: unary(
    'GetEndpoint',
    mirrored<{ readonly network: string; readonly endpoint: string }>(v1.GetEndpointRequest),
    mirrored<EndpointStatus>(v1.GetEndpointResponse),
  ),
  detachEndpoint: unary(
    'DetachEndpoint',
    mirrored<{ readonly network: string; readonly endpoint: string }>(v1.DetachEndpointRequest),
    mirrored<Empty>(v1.DetachEndpointResponse),
  ),
  rotateNetworkKeys: unary(
    'RotateNetworkKeys',
    mirrored<Empty>(v1.RotateNetworkKeysRequest),
    mirrored<{ readonly generation: number }>(v1.RotateNetworkKeysResponse),
  ),
  getConvergence: unary(
    'GetConvergence',
    mirrored<{ readonly version?: number }>(v1.GetConvergenceRequest),
    mirrored<Convergence>(v1.Convergence),
  ),
} as const;
