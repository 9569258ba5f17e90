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
import { OpBatch, formatOpLine, type Fail, type OpRange, type Origin } from './op-batch.js';
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
        const room = write(batch, encoder, { index, destination: -1 }, op);
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
    const room = write(batch, encoder, { index, destination: -1 }, ops[index]!);
    if (room !== undefined) await room;
  }
  await batch.flush();
  for (let index = start; index < end; index++) {
    const op = ops[index]!;
    const count = batch.failed.has(index) ? 0 : addedService(op)!.destinations.length;
    for (let destination = 0; destination < count; destination++) {
      const room = write(batch, encoder, { index, destination }, op);
      if (room !== undefined) await room;
    }
  }
}

function write(
  batch: OpBatch,
  encoder: IpvsEncoder,
  origin: Origin,
  op: Op,
): Promise<void> | undefined {
  const sequence = batch.next(origin);
  const { destination } = origin;
  const { verb, target } = op;
  if (target.kind === 'destination') {
    encoder.destination(verb, sequence, target.service.match, target.destination);
  } else if (target.kind === 'virtual-service') {
    if (destination === -1) encoder.service(verb, sequence, target);
    else encoder.destination('add', sequence, target.match, target.destinations[destination]!);
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
