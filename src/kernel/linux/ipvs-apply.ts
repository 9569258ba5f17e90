import { assert } from '../../base/index.js';
import {
  formatDestination,
  formatMatch,
  formatOp,
  type Op,
  type VirtualServiceRule,
} from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type { IpvsEncoder } from './ipvs-encode.js';
import type { Ipvs } from './ipvs.js';
import { MessageWriter } from './message.js';
import { batchBytesMax, type NetlinkSession, type Refusal } from './session.js';

/** Reports that the Op at `index` failed. */
export type Fail = (index: number, error: KernelError) => void;

/** Part of the Ops given to a kernel: those from `start` to before `end`. */
export interface OpRange {
  readonly ops: readonly Op[];
  readonly start: number;
  readonly end: number;
}

/** Services of which the new destinations wait until the kernel took the services themselves. */
const servicesTogetherMax = 1024;

/** Who asked for a message: an Op, and in `add` of a service the destination of that number. */
interface Origin {
  readonly index: number;
  readonly destination: number;
}

/**
 * Applies Ops on virtual services, destinations and IPVS timeouts, in order. Ops that follow each
 * other go to the kernel in batches; the next one is written while the kernel works on the last.
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
  const batch = new Batch(session, ipvs, range.ops, fail);
  for (let index = range.start; index < range.end;) {
    const end = endOfAddedServices(range, index);
    if (end > index) {
      await addServices(batch, { ...range, start: index, end });
      index = end;
    } else {
      const room = batch.write({ index, destination: -1 }, range.ops[index]!);
      if (room !== undefined) await room;
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

async function addServices(batch: Batch, { ops, start, end }: OpRange): Promise<void> {
  for (let index = start; index < end; index++) {
    const room = batch.write({ index, destination: -1 }, ops[index]!);
    if (room !== undefined) await room;
  }
  await batch.flush();
  for (let index = start; index < end; index++) {
    const { destinations } = addedService(ops[index]!)!;
    if (batch.failed.has(index)) continue;
    for (let i = 0; i < destinations.length; i++) {
      const room = batch.write({ index, destination: i }, ops[index]!);
      if (room !== undefined) await room;
    }
  }
}

/** Messages on their way to the kernel. At most one batch is with it while the next is written. */
class Batch {
  /** Ops that failed so far. */
  readonly failed = new Set<number>();
  private readonly writer = new MessageWriter(batchBytesMax);
  private readonly encoder: IpvsEncoder;
  private origins: Origin[] = [];
  private firstSequence = 0;
  private sent: Promise<void> = Promise.resolve();

  constructor(
    private readonly session: NetlinkSession,
    ipvs: Ipvs,
    private readonly ops: readonly Op[],
    private readonly report: Fail,
  ) {
    this.encoder = ipvs.encoder(this.writer);
  }

  /** Returns a promise only when there is something to wait for: 100,000 turns would cost. */
  write(origin: Origin, op: Op): Promise<void> | undefined {
    const sequence = this.session.nextSequence();
    if (this.origins.length === 0) this.firstSequence = sequence;
    this.origins.push(origin);
    encode(this.encoder, sequence, op, origin.destination);
    return this.writer.length > batchBytesMax - messageBytesMax ? this.send() : undefined;
  }

  async flush(): Promise<void> {
    await this.send();
    await this.sent;
  }

  private async send(): Promise<void> {
    const before = this.sent;
    if (this.origins.length > 0) {
      // What fits one send is copied before `transact` returns, so the writer is free again.
      this.sent = this.transact(this.origins, this.firstSequence);
      this.sent.catch(() => undefined); // Thrown again by whoever waits for it.
      this.origins = [];
      this.writer.reset();
    }
    await before;
  }

  private async transact(origins: readonly Origin[], firstSequence: number): Promise<void> {
    try {
      for (const [sequence, refusal] of await this.session.transact(this.writer.bytes())) {
        const origin = origins[sequence - firstSequence];
        if (origin !== undefined) this.fail(origin, refusal);
      }
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      for (const { index } of origins) this.failOnce(index, error);
    }
  }

  private fail({ index, destination }: Origin, refusal: Refusal): void {
    const op = this.ops[index]!;
    const action = destination === -1 ? formatOpLine(op) : formatAdded(op, destination);
    this.failed.add(index);
    this.report(index, new KernelError(action, refusal.errno, detailOf(op, destination, refusal)));
  }

  /** The outcome of the whole batch is unknown: each of its Ops has failed once. */
  private failOnce(index: number, error: KernelError): void {
    if (this.failed.has(index)) return;
    this.failed.add(index);
    const { errno: value, message } = error;
    this.report(index, new KernelError(formatOpLine(this.ops[index]!), value, message));
  }
}

/** More than any single message of ours takes. */
const messageBytesMax = 512;

function encode(encoder: IpvsEncoder, sequence: number, op: Op, destination: number): void {
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
}

/** The Op without the destinations that `add` of a service brings along. */
export function formatOpLine(op: Op): string {
  const text = formatOp(op);
  const end = text.indexOf('\n');
  return end === -1 ? text : text.slice(0, end);
}

function formatAdded(op: Op, destination: number): string {
  const service = addedService(op)!;
  const line = formatDestination(service.destinations[destination]!);
  return `add destination ${line} of ${formatMatch(service.match)}`;
}

/** What IPVS means by an errno, where the errno alone would mislead (ip_vs_ctl.c). */
function detailOf(op: Op, destination: number, refusal: Refusal): string | undefined {
  if (refusal.message !== undefined) return refusal.message;
  const isDestination = destination !== -1 || op.target.kind === 'destination';
  switch (refusal.errno) {
    case errno.ESRCH:
      return 'no such virtual service';
    case errno.ENOENT:
      return isDestination ? 'no such destination' : 'no such scheduler (module ip_vs_NAME)';
    default:
      return undefined;
  }
}
