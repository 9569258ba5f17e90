import type {
  sendUnaryData,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { MeshError, messageOf, type Clock, type Log } from '../base/index.js';
import type { MeshBackend, Traffic } from './backend.js';
import type { MeshControl } from './mesh-control.js';
import type { NamesControl, NameRecord } from './names-control.js';
import type { NetworkControl } from './network-control.js';
import { fromWireApply, toWireParts } from './codec.js';
import { endpointsOf } from './endpoints.js';
import { methods, type StreamMethod, type UnaryMethod } from './methods.js';
import { requestChecks as check } from './request-checks.js';
import { toStatus } from './status.js';

/** What grpc-js registers: the methods by the names of their handlers. */
export const serviceDefinition = methods;

/** A call may take this long, whatever deadline the client has. Unit: milliseconds. */
const unaryLimitMs = 120_000;

/** A watcher may be this far behind before it is dismissed. Unit: messages. */
const watchBufferMax = 1_024;

export interface HandlerContext {
  readonly backend: MeshBackend;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the streams, which would otherwise never end. */
  readonly stopping: AbortSignal;
}

export function handlersOf(context: HandlerContext): UntypedServiceImplementation {
  const { backend } = context;
  const answer = unaryIn(context);
  const stream = streamIn(context);
  return {
    getVersion: answer(methods.getVersion, () => backend.version()),
    getStatus: answer(methods.getStatus, () => backend.status()),
    listServices: answer(methods.listServices, async () => ({
      services: await backend.services(),
    })),
    getService: answer(methods.getService, ({ name }) => backend.service(name)),
    applyServices: answer(methods.applyServices, (wire) => backend.apply(fromWireApply(wire))),
    removeService: answer(methods.removeService, (request) => backend.remove(request)),
    cancelDrain: answer(methods.cancelDrain, async (target) => {
      await backend.cancelDrain(target);
      return {};
    }),
    listEndpoints: answer(methods.listEndpoints, async ({ service }) => {
      const [services, traffic] = await Promise.all([
        service === undefined ? backend.services() : [await backend.service(service)],
        backend.traffic(service),
      ]);
      return { endpoints: endpointsOf(services, traffic) };
    }),
    listConnections: answer(methods.listConnections, (query) =>
      backend.connections(check.connections(query)),
    ),
    getCounters: answer(methods.getCounters, ({ service }) => backend.traffic(service)),
    getDiff: answer(methods.getDiff, () => backend.plan()),
    explain: answer(methods.explain, (query) => backend.explain(check.explain(query))),
    getDrift: answer(methods.getDrift, async ({ limit }) => ({
      records: await backend.drift(check.driftLimit(limit)),
    })),
    doctor: answer(methods.doctor, async () => ({ checks: await backend.doctor() })),
    ...namesHandlers(context),
    ...meshHandlers(context),
    ...networkHandlers(context),
    drain: stream(methods.drain, (request, sink) =>
      backend.drain(request, (progress) => {
        sink.send(progress);
        if (progress.phase !== 'draining') sink.end();
      }),
    ),
    watchServices: stream(methods.watchServices, ({ from }, sink) =>
      Promise.resolve(
        backend.watch(from, (event) => {
          for (const part of toWireParts(event)) sink.send(part);
        }),
      ),
    ),
    watchCounters: stream(methods.watchCounters, ({ service, intervalMs }, sink) =>
      pollCounters(context, { service, intervalMs: check.intervalMs(intervalMs) }, sink),
    ),
  };
}

function namesHandlers(context: HandlerContext): UntypedServiceImplementation {
  const answer = unaryIn(context);
  const stream = streamIn(context);
  const names = (): NamesControl => context.backend.names ?? nameless();
  return {
    queryName: answer(methods.queryName, (question) => names().query(question)),
    listNames: stream(methods.listNames, ({ networks }, sink) =>
      Promise.resolve(sendNames(context, names().list(networks), sink)),
    ),
    getNameStats: answer(methods.getNameStats, () => Promise.resolve(names().stats())),
    logNames: answer(methods.logNames, ({ on }) => {
      const control = names();
      if (on !== undefined) control.isLogging = on;
      return Promise.resolve({ isLogging: control.isLogging });
    }),
  };
}

/** Errors: failed_precondition, always. */
function nameless(): never {
  const problem = 'no names are answered here: the configuration has `dns: {enabled: false}`';
  const fix = 'write `dns: {enabled: true}`, and start meshd again';
  throw new MeshError('failed_precondition', `${problem}; ${fix}`);
}

function meshHandlers(context: HandlerContext): UntypedServiceImplementation {
  const answer = unaryIn(context);
  const mesh = (): MeshControl => context.backend.mesh ?? alone();
  return {
    listNodes: answer(methods.listNodes, () => Promise.resolve({ nodes: mesh().nodes() })),
    getMeshStatus: answer(methods.getMeshStatus, () => Promise.resolve(mesh().status())),
    forgetNode: answer(methods.forgetNode, ({ node }) => {
      mesh().forget(node);
      return Promise.resolve({});
    }),
    leaveMesh: answer(methods.leaveMesh, async () => {
      await mesh().leave();
      return {};
    }),
    changeKeys: answer(methods.changeKeys, async (change) => {
      return { nodes: await mesh().changeKeys(change) };
    }),
    compareCatalog: answer(methods.compareCatalog, async ({ node }) => {
      return { differences: await mesh().compareWith(node) };
    }),
    getConvergence: answer(methods.getConvergence, ({ version }) =>
      Promise.resolve(mesh().convergence(version)),
    ),
  };
}

function networkHandlers(context: HandlerContext): UntypedServiceImplementation {
  const answer = unaryIn(context);
  const networks = (): NetworkControl => context.backend.networks ?? alone();
  return {
    listNetworks: answer(methods.listNetworks, () =>
      Promise.resolve({ networks: networks().list() }),
    ),
    createNetwork: answer(methods.createNetwork, (wish) => networks().create(wish)),
    removeNetwork: answer(methods.removeNetwork, async ({ name }) => {
      await networks().remove(name);
      return {};
    }),
    attachEndpoint: answer(methods.attachEndpoint, (wish) => networks().attach(wish)),
    setEndpoint: answer(methods.setEndpoint, (wish) => networks().setServices(wish)),
    getEndpoint: answer(methods.getEndpoint, ({ network, endpoint }) =>
      networks().endpoint(network, endpoint),
    ),
    rotateNetworkKeys: answer(methods.rotateNetworkKeys, () => networks().rotateKeys()),
    detachEndpoint: answer(methods.detachEndpoint, async ({ network, endpoint }) => {
      await networks().detach(network, endpoint);
      return {};
    }),
  };
}

/** Errors: failed_precondition, always. */
function alone(): never {
  const problem = 'this host stands alone: its configuration has no `mesh`';
  throw new MeshError('failed_precondition', problem);
}

interface Sink<Response> {
  /** Nothing waits to be read. */
  readonly idle: boolean;
  send(value: Response): void;
  end(error?: unknown): void;
}

function unaryIn({ clock, log }: HandlerContext) {
  return <Q, R>({ path }: UnaryMethod<Q, R>, run: (request: Q) => Promise<R>) =>
    (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>): void => {
      let open = true;
      const settle = (error: unknown, value: R | null): void => {
        if (!open) return;
        open = false;
        cancel();
        if (error === null) callback(null, value);
        else callback(reported(error, path, log), null);
      };
      const cancel = clock.after(unaryLimitMs, () => {
        const late = `${path}: no answer within ${unaryLimitMs / 1000} s`;
        settle(new MeshError('deadline_exceeded', late), null);
      });
      // Inside a promise, so that what throws at once takes the same way.
      Promise.resolve(call.request)
        .then(run)
        .then(
          (value) => settle(null, value),
          (error: unknown) => settle(error, null),
        );
    };
}

/** `run` feeds the sink and returns how to stop doing so. */
function streamIn({ log, stopping }: HandlerContext) {
  return <Q, R>(
      { path }: StreamMethod<Q, R>,
      run: (request: Q, sink: Sink<R>) => Promise<() => void>,
    ) =>
    (call: ServerWritableStream<Q, R>): void => {
      let open = true;
      let stop: (() => void) | undefined;
      const close = (): boolean => {
        if (!open) return false;
        open = false;
        stopping.removeEventListener('abort', onAbort);
        stop?.();
        return true;
      };
      const end = (error?: unknown): void => {
        if (!close()) return;
        if (error === undefined) call.end();
        else call.emit('error', reported(error, path, log));
      };
      const onAbort = (): void => end(new MeshError('unavailable', 'the daemon is stopping'));
      const sink: Sink<R> = {
        get idle() {
          return call.writableLength === 0;
        },
        send: (value) => {
          if (!open) return;
          if (call.writableLength < watchBufferMax) call.write(value);
          else end(tooSlow(path));
        },
        end,
      };
      stopping.addEventListener('abort', onAbort, { once: true });
      call.once('cancelled', close);
      Promise.resolve(call.request)
        .then((request) => run(request, sink))
        .then(
          (stopFeeding) => {
            // The stream may have ended while the feeding began.
            if (open) stop = stopFeeding;
            else stopFeeding();
          },
          (error: unknown) => end(error),
        );
    };
}

function tooSlow(path: string): MeshError {
  const problem = `${path}: the reader is ${watchBufferMax} messages behind`;
  return new MeshError('resource_exhausted', `${problem}; go on from the last position seen`);
}

/** Our own faults are worth a line in the log; the caller's are the caller's. */
function reported(error: unknown, path: string, log: Log) {
  const status = toStatus(error);
  if (!(error instanceof MeshError) || error.code === 'internal') {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error({ path, error: messageOf(error), stack }, 'the call failed');
  }
  return Object.assign(new Error(status.details), status);
}

/** A few milliseconds of work. Unit: records of a message. */
const namesPart = 100;
/** Before a reader that has not read yet is looked at again. Unit: milliseconds. */
const readerPauseMs = 5;

/** Part by part, as they are read; in between the daemon gets on with its work. */
function sendNames(
  { clock }: HandlerContext,
  names: Iterator<NameRecord, unknown>,
  sink: Sink<{ readonly records: readonly NameRecord[] }>,
): () => void {
  let cancel = (): void => undefined;
  const next = (pauseMs = 0): void => {
    cancel = clock.after(pauseMs, () => {
      try {
        if (sink.idle) sendPart();
        else next(readerPauseMs);
      } catch (error) {
        sink.end(error);
      }
    });
  };
  const sendPart = (): void => {
    const records: NameRecord[] = [];
    while (records.length < namesPart) {
      const { done, value } = names.next();
      if (done === true) break;
      records.push(value);
    }
    if (records.length > 0) sink.send({ records });
    if (records.length < namesPart) sink.end();
    else next();
  };
  next();
  return () => cancel();
}

function pollCounters(
  { backend, clock }: HandlerContext,
  { service, intervalMs }: { readonly service: string | undefined; readonly intervalMs: number },
  sink: Sink<Traffic>,
): Promise<() => void> {
  let stopped = false;
  let cancel = (): void => undefined;
  const poll = async (): Promise<void> => {
    const traffic = await backend.traffic(service);
    if (stopped) return;
    // Old counters are worth nothing: who reads slowly gets fewer of them.
    if (sink.idle) sink.send(traffic);
    cancel = clock.after(intervalMs, () => void poll().catch((error: unknown) => sink.end(error)));
  };
  return poll().then(() => () => {
    stopped = true;
    cancel();
  });
}
