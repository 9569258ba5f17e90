/** The batches of messages that turn what the balancer's table holds into what it shall hold. */
import type { VirtualServiceRule } from '../../model/index.js';
import { MessageWriter } from './message.js';
import { sameService, type Wanted } from './nft-balancer-ops.js';
import { countedKeysOf, noDebris, type HeldTable } from './nft-balancer-read.js';
import {
  countedSets,
  partOf,
  type DestinationPart,
  type ServicePart,
} from './nft-balancer-table.js';
import {
  encodeTimeouts,
  encodeTimeoutsDelete,
  timeoutKey,
  timeoutNames,
} from './nft-balancer-timeouts.js';
import { BalancerWriter } from './nft-balancer-write.js';
import { encodeNftBatchBegin, encodeNftBatchEnd } from './nftables.js';
import type { NetlinkSession } from './session.js';

export interface Batch {
  readonly bytes: Buffer;
  /** The service that a sequence number stands for; others are of the table as such. */
  readonly origins: ReadonlyMap<number, string>;
  /** What the table holds once it is committed. */
  readonly held: HeldTable;
}

/**
 * Goes to the kernel in one piece, and the socket's buffer takes 4 MiB; one service may be large.
 * At the end of each the kernel looks at all chains of the table: few large ones are better.
 */
const batchBytesMax = 1024 * 1024;
/** Destinations of one service that are made with it. */
const togetherMax = 128;

/** Lazily: each batch counts on those before it. None when nothing differs. */
export function* planBatches(
  session: NetlinkSession,
  held: HeldTable,
  next: Pick<Wanted, 'services' | 'timeouts'>,
): Generator<Batch> {
  const isEmpty = next.services.size === 0 && next.timeouts === undefined;
  if (isEmpty && !held.exists) return;
  const changes = isEmpty ? [] : changedServices(held, next);
  const isBaseSame = held.isSound && held.debris === noDebris && held.timeouts === next.timeouts;
  if (!isEmpty && isBaseSame && changes.length === 0) return;

  const plan = new Plan(session, held, next);
  plan.begin();
  writeBase(plan.writer, session, held, isEmpty ? undefined : next);
  for (const key of changes) {
    for (const parts of plan.ahead(key)) {
      plan.destinations(key, parts);
      if (plan.isFull) yield plan.end();
    }
    plan.service(key);
    if (plan.isFull) yield plan.end();
  }
  if (plan.isOpen) yield plan.end();
}

/** Batches as they grow. */
class Plan {
  writer = new MessageWriter();
  isOpen = false;
  private sequence = 0;
  private origins = new Map<number, string>();
  private readonly services: Map<string, VirtualServiceRule>;
  private readonly counted: Set<string>;
  /** Chains of destinations that are there before the service is changed. */
  private readonly early = new Set<string>();

  constructor(
    private readonly session: NetlinkSession,
    private readonly held: HeldTable,
    private readonly next: Pick<Wanted, 'services' | 'timeouts'>,
  ) {
    this.services = new Map(held.services);
    this.counted = new Set(held.counted);
  }

  get isFull(): boolean {
    return this.isOpen && this.writer.length >= batchBytesMax;
  }

  begin(): void {
    this.writer = new MessageWriter();
    this.origins = new Map();
    this.sequence = this.session.nextSequence();
    this.isOpen = true;
    encodeNftBatchBegin(this.writer, this.sequence);
  }

  end(): Batch {
    encodeNftBatchEnd(this.writer, this.sequence);
    this.isOpen = false;
    const { next } = this;
    const exists = next.services.size > 0 || next.timeouts !== undefined;
    return {
      bytes: this.writer.bytes(),
      origins: this.origins,
      held: {
        base: this.held.base,
        isSound: exists,
        exists,
        services: new Map(this.services),
        counted: new Set(this.counted),
        timeouts: next.timeouts,
        debris: noDebris,
      },
    };
  }

  /**
   * New destinations of a large service, some at a time. Nothing leads to their chains yet: they
   * need not be in the batch that has to be small enough for one piece.
   */
  *ahead(key: string): Generator<readonly DestinationPart[]> {
    const before = this.services.get(key);
    const after = this.next.services.get(key);
    if (after === undefined || after.destinations.length <= togetherMax) return;
    const had = new Set(before === undefined ? [] : partOf(before).destinations.map(nameOf));
    const parts = partOf(after).destinations.filter((part) => !had.has(nameOf(part)));
    for (let start = 0; start < parts.length; start += togetherMax) {
      yield parts.slice(start, start + togetherMax);
    }
  }

  destinations(key: string, parts: readonly DestinationPart[]): void {
    const writer = this.writerFor(key);
    for (const part of parts) {
      writer.destination(part);
      this.early.add(nameOf(part));
    }
  }

  service(key: string): void {
    const after = this.next.services.get(key);
    const { counted, early } = this;
    writeService(this.writerFor(key), this.services.get(key), after, { counted, early });
    if (after === undefined) this.services.delete(key);
    else this.services.set(key, after);
  }

  private writerFor(key: string): BalancerWriter {
    if (!this.isOpen) this.begin();
    const sequence = this.session.nextSequence();
    this.origins.set(sequence, key);
    return new BalancerWriter(this.writer, sequence);
  }
}

function nameOf({ chain }: DestinationPart): string {
  return chain.name;
}

function changedServices(held: HeldTable, next: Pick<Wanted, 'services'>): string[] {
  const changes: string[] = [];
  for (const key of held.services.keys()) if (!next.services.has(key)) changes.push(key);
  for (const [key, rule] of next.services) {
    const old = held.services.get(key);
    if (old === undefined || !sameService(old, rule)) changes.push(key);
  }
  return changes;
}

/** `next` undefined: the table goes. */
function writeBase(
  messages: MessageWriter,
  session: NetlinkSession,
  held: HeldTable,
  next: Pick<Wanted, 'timeouts'> | undefined,
): void {
  const sequence = session.nextSequence();
  const writer = new BalancerWriter(messages, sequence);
  if (held.exists && (next === undefined || !held.isSound)) writer.deleteTable();
  if (next === undefined) return;
  if (!held.isSound) writer.table(held.base);
  clear(writer, held);
  if (held.timeouts === next.timeouts) return;
  for (const name of timeoutNames) {
    if (held.timeouts !== undefined) {
      writer.deleteElements('timeouts', [timeoutKey(name)]);
      encodeTimeoutsDelete(messages, name, sequence);
    }
    if (next.timeouts === undefined) continue;
    encodeTimeouts(messages, name, next.timeouts, sequence);
    writer.elements('timeouts', [{ key: timeoutKey(name), object: name }]);
  }
}

function clear(writer: BalancerWriter, { debris }: HeldTable): void {
  for (const chain of debris.chains) writer.deleteRules(chain);
  for (const { set, keys } of debris.elements) writer.deleteElements(set, keys);
  for (const chain of debris.chains) writer.deleteChain(chain);
  for (const set of debris.sets) writer.deleteSet(set);
}

function writeService(
  writer: BalancerWriter,
  before: VirtualServiceRule | undefined,
  after: VirtualServiceRule | undefined,
  { counted, early }: { counted: Set<string>; early: ReadonlySet<string> },
): void {
  const old = before && partOf(before);
  const now = after && partOf(after);
  const remembersAlike =
    before?.affinityTimeoutS === after?.affinityTimeoutS &&
    before?.affinityPrefix === after?.affinityPrefix;
  // Nothing leads to what is made or removed now: its rules are the last to come, the first to go.
  if (old === undefined) writer.chain(now!.chain.name);
  else {
    if (now === undefined) writer.entry(old, 'delete');
    writer.deleteRules(old.chain.name);
  }
  const kept = new Set(
    remembersAlike ? now?.destinations.map(({ chain }) => chain.name) : undefined,
  );
  for (const part of old?.destinations ?? []) {
    if (!kept.has(part.chain.name)) writer.deleteDestination(part);
  }
  forget(writer, old, now, counted);
  if (now === undefined) {
    writer.deleteChain(old!.chain.name);
    return;
  }
  const had = new Set(old?.destinations.map(({ chain }) => chain.name));
  now.destinations.forEach((part, i) => {
    const { name } = part.chain;
    if (early.has(name)) return;
    if (!(kept.has(name) && had.has(name))) writer.destination(part);
    // Affinity ends with the weight, and does not come back with it.
    else if (after!.destinations[i]!.weight === 0 && part.memory !== undefined) {
      writer.flush(part.memory.name);
    }
  });
  for (const key of countedKeysOf(now)) counted.add(key);
  writer.rules(now.chain);
  if (old === undefined) writer.entry(now, 'add');
}

/** Counts of destinations that are gone, as far as there are any. */
function forget(
  writer: BalancerWriter,
  old: ServicePart | undefined,
  now: ServicePart | undefined,
  counted: Set<string>,
): void {
  const kept = new Set(now === undefined ? [] : countedKeysOf(now));
  const gone = old === undefined ? [] : countedKeysOf(old).filter((key) => !kept.has(key));
  const held = gone.filter((key) => counted.delete(key));
  for (const set of countedSets) {
    const keys = held.filter((key) => key.startsWith(`${set} `));
    writer.deleteElements(
      set,
      keys.map((key) => Buffer.from(key.slice(set.length + 1), 'hex')),
    );
  }
}
