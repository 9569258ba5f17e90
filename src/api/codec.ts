import { FieldError, messageOf } from '../base/index.js';
import type { HealthCheck, ServiceSpec } from '../model/index.js';
import { meshd } from '../proto/mesh.js';
import type {
  ApplyRequest,
  ApplyResult,
  ServiceState,
  WatchEvent,
  WatchPosition,
} from './backend.js';
import { mirrored, type Codec } from './wire.js';

/*
 * What the wire does not hold as the model does: documents, unions, and snapshots in parts.
 */

const { v1 } = meshd;

/** ApplyRequest with its documents still text, so that a mistake in one can be answered. */
export interface WireApply {
  readonly documents: readonly string[];
  readonly replaceAll: boolean;
  readonly dryRun: boolean;
  readonly expectedRevision?: number;
  readonly expectedRevisions: Readonly<Record<string, number>>;
}

export const applyRequests: Codec<WireApply> = mirrored<WireApply>(v1.ApplyServicesRequest);
export const applyAnswers: Codec<ApplyResult> = mirrored<ApplyResult>(v1.ApplyServicesResponse);

export function toWireApply({ services, expectedRevisions, ...rest }: ApplyRequest): WireApply {
  return {
    ...rest,
    documents: services.map((service) => JSON.stringify(service)),
    expectedRevisions: Object.fromEntries(expectedRevisions),
  };
}

/** Errors: FieldError when a document is no JSON. */
export function fromWireApply({ documents, expectedRevisions, ...rest }: WireApply): ApplyRequest {
  return {
    ...rest,
    services: documents.map((document, i): unknown => {
      try {
        return JSON.parse(document);
      } catch (error) {
        throw new FieldError(`services[${i}]`, `expected JSON: ${messageOf(error)}`);
      }
    }),
    expectedRevisions: new Map(Object.entries(expectedRevisions)),
  };
}

const wireState = mirrored<ServiceState>(v1.ServiceState);
const wireStates = mirrored<{ readonly services: readonly ServiceState[] }>(
  v1.ListServicesResponse,
);

export const serviceStates: {
  readonly one: Codec<ServiceState>;
  readonly list: Codec<{ readonly services: readonly ServiceState[] }>;
} = {
  one: { ...wireState, decode: (bytes) => mendState(wireState.decode(bytes)) },
  list: {
    ...wireStates,
    decode: (bytes) => ({ services: wireStates.decode(bytes).services.map(mendState) }),
  },
};

/** The wire gives every health check the list of statuses that only http has. */
function mendState(state: ServiceState): ServiceState {
  const check = state.spec.healthCheck;
  if (check?.type !== 'tcp') return state;
  const { status: _, ...tcp } = check as HealthCheck & { status: unknown };
  const spec: ServiceSpec = { ...state.spec, healthCheck: tcp as HealthCheck };
  return { ...state, spec };
}

/** A WatchEvent, or a part of a snapshot that goes on in the next one. */
export interface WirePart {
  readonly position: WatchPosition;
  readonly snapshot?: { readonly services: readonly ServiceState[]; readonly more: boolean };
  readonly set?: ServiceState;
  readonly removed?: string;
}

const wireParts = mirrored<WirePart>(v1.WatchEvent);

export const watchEvents: Codec<WirePart> = {
  ...wireParts,
  decode: (bytes) => {
    const { snapshot, set, ...rest } = wireParts.decode(bytes);
    return {
      ...rest,
      ...(snapshot === undefined
        ? {}
        : { snapshot: { ...snapshot, services: snapshot.services.map(mendState) } }),
      ...(set === undefined ? {} : { set: mendState(set) }),
    };
  },
};

/** Keeps each message below the 4 MiB that gRPC clients accept by default. Unit: services. */
const snapshotPart = 200;

export function* toWireParts(event: WatchEvent): Generator<WirePart> {
  const { position } = event;
  switch (event.type) {
    case 'set':
      yield { position, set: event.service };
      return;
    case 'removed':
      yield { position, removed: event.name };
      return;
    case 'snapshot': {
      let start = 0;
      do {
        const services = event.services.slice(start, start + snapshotPart);
        start += snapshotPart;
        yield { position, snapshot: { services, more: start < event.services.length } };
      } while (start < event.services.length);
    }
  }
}

/** Puts the parts together again; events of a kind it does not know are left out. */
export async function* fromWireParts(parts: AsyncIterable<WirePart>): AsyncGenerator<WatchEvent> {
  let services: ServiceState[] = [];
  for await (const { position, snapshot, set, removed } of parts) {
    if (set !== undefined) yield { type: 'set', position, service: set };
    if (removed !== undefined) yield { type: 'removed', position, name: removed };
    if (snapshot === undefined) continue;
    services.push(...snapshot.services);
    if (snapshot.more) continue;
    yield { type: 'snapshot', position, services };
    services = [];
  }
}
