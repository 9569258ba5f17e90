import { assert } from '../../base/index.js';
import {
  formatDestination,
  formatMatch,
  type Op,
  type VirtualServiceRule,
} from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type { IpvsEncoder } from './ipvs-encode.js';
import type { Ipvs } from './ipvs.js';
import {
  OpBatch,
  formatOpLine,
  messagesTogetherMax,
  type Fail,
  type OpRange,
  type Origin,
} from './op-batch.js';
import type { NetlinkSession, Refusal } from './session.js';

/** Services of which the new destinations wait until the kernel took the services themselves. */
const servicesTogetherMax = 1024;

/**
 * Applies Ops on virtual services, destinations and IPVS timeouts, in order.
 *
 * When a service is refused its destinations are not sent: it might be somebody else's service
 * that exists already, and then the kernel would take them.
 */
export async function applyIpvs(
  session: NetlinkSession,
  ipvs: Ipvs,
  range: OpRange,
  fail: Fail,
): Promise<void> {
  const { ops } = range;
  const describe = (origin: Origin, refusal: Refusal): KernelError =>
    errorOf(ops[origin.index]!, origin.destination, refusal);
  const batch = new OpBatch(session, describe, fail);
  const encoder = ipvs.encoder(batch.writer);
  for (let index = range.start; index < range.end;) {
    const end = endOfAddedServices(range, index);
    if (end > index) {
      await addServices(batch, encoder, { ops, start: index, end });
      index = end;
    } else {
      const op = ops[index]!;
      if (op.verb === 'delete' && op.target.kind === 'ipvs-timeouts') {
        batch.refuse({ index, destination: -1 }, { errno: errno.EOPNOTSUPP });
      } else {
        const room = write(batch, encoder, index, op);
        if (room !== undefined) await room;
      }
      index++;
    }
  }
  await batch.flush();
}

function endOfAddedServices({ ops, end }: OpRange, start: number): number {
  const limit = Math.min(end, start + servicesTogetherMax);
  let at = start;
  while (at < limit && addedService(ops[at]!) !== undefined) at++;
  return at;
}

function addedService(op: Op): VirtualServiceRule | undefined {
  return op.verb === 'add' && op.target.kind === 'virtual-service' ? op.target : undefined;
}

async function addServices(batch: OpBatch, encoder: IpvsEncoder, range: OpRange): Promise<void> {
  const { ops, start, end } = range;
  for (let index = start; index < end; index++) {
    const room = write(batch, encoder, index, ops[index]!);
    if (room !== undefined) await room;
  }
  await batch.flush();
  for (let index = start; index < end; index++) {
    if (batch.failed.has(index)) continue;
    const { match, destinations } = addedService(ops[index]!)!;
    for (let first = 0; first < destinations.length; first += messagesTogetherMax) {
      const count = Math.min(messagesTogetherMax, destinations.length - first);
      const sequence = batch.nextDestinations({ index, destination: first }, count);
      encoder.destinations(sequence, match, destinations, first, count);
      const room = batch.room();
      if (room !== undefined) await room;
    }
  }
}

function write(
  batch: OpBatch,
  encoder: IpvsEncoder,
  index: number,
  { verb, target }: Op,
): Promise<void> | undefined {
  const sequence = batch.next(index);
  if (target.kind === 'destination') {
    encoder.destination(verb, sequence, target.service.match, target.destination);
  } else if (target.kind === 'virtual-service') {
    encoder.service(verb, sequence, target);
  } else {
    assert(target.kind === 'ipvs-timeouts', `not an IPVS op: ${target.kind}`);
    encoder.timeouts(sequence, target);
  }
  return batch.room();
}

function errorOf(op: Op, destination: number, refusal: Refusal): KernelError {
  const service = destination === -1 ? undefined : addedService(op);
  const action =
    service === undefined
      ? formatOpLine(op)
      : `add destination ${formatDestination(service.destinations[destination]!)} of ${formatMatch(service.match)}`;
  const isDestination = service !== undefined || op.target.kind === 'destination';
  const detail = refusal.message ?? detailOf(refusal.errno, isDestination);
  return new KernelError(action, refusal.errno, detail);
}

/** What IPVS means by an errno, where the errno alone would mislead (ip_vs_ctl.c). */
function detailOf(value: number, isDestination: boolean): string | undefined {
  switch (value) {
    case errno.ESRCH:
      return 'no such virtual service';
    case errno.ENOENT:
      return isDestination ? 'no such destination' : 'no such scheduler (module ip_vs_NAME)';
    default:
      return undefined;
  }
}
