import { sameAddress, type Core } from './core.js';
import type { Exchange } from './exchange.js';
import type { PeerAddress } from './messages.js';
import type { Rules } from './rules.js';

/** Longest wait between two attempts. Unit: milliseconds. */
const retryMaxMs = 30_000;

/** A failed member is looked for during this long. Unit: milliseconds. */
const lostForMs = 24 * 3_600_000;

/** Missing ones that a member asks at once while it is alone. */
const aloneMax = 16;

/** Somebody to look for; `node` is absent where only an address was given. */
interface Missing {
  readonly node?: string;
  readonly at: PeerAddress;
}

/**
 * Finds the others: joins through the addresses it was given, again and again until one answers;
 * later looks for those that are missing, because after a long partition both sides have declared
 * each other dead, and no gossip crosses any more (memberlist leaves that to what is above it;
 * the rate is serf's: by all members together about one attempt per failed member and interval).
 */
export class Joiner {
  private readonly seeds: PeerAddress[] = [];
  private attempts = 0;
  private underWay = 0;
  private looking = false;

  constructor(
    private readonly core: Core,
    private readonly exchange: Exchange,
    private readonly rules: Rules,
  ) {}

  join(addresses: readonly PeerAddress[]): void {
    const fresh = addresses.filter(
      (one) => !sameAddress(one, this.core.self.at) && !this.seeds.some((s) => sameAddress(s, one)),
    );
    this.seeds.push(...fresh.slice(0, this.core.limits.seedsMax - this.seeds.length));
    this.attempts = 0;
    if (this.underWay === 0) this.tryAll();
    if (!this.looking) this.planLook();
    this.looking = true;
  }

  private tryAll(): void {
    let joined = false;
    this.underWay = this.seeds.length;
    for (const at of this.seeds) {
      this.core.counters.joinAttempts++;
      this.exchange.with(at, true, (problem) => {
        joined ||= problem === undefined;
        this.core.emit({ kind: 'join', at, ...(problem === undefined ? {} : { problem }) });
        if (--this.underWay === 0 && !joined) this.retry();
      });
    }
  }

  private retry(): void {
    const { core } = this;
    const firstMs = core.profile.probeIntervalMs;
    const delayMs = Math.min(retryMaxMs, firstMs * 2 ** Math.min(this.attempts++, 16));
    // Spread, because those that start together find the same peer absent.
    core.timers.at(core.nowMs + delayMs * (0.75 + core.random() / 2), () => {
      if (this.underWay === 0 && !core.leaving) this.tryAll();
    });
  }

  private planLook(): void {
    const { core } = this;
    const delayMs = core.profile.reconnectIntervalMs;
    core.timers.at(core.nowMs + delayMs * (0.75 + core.random() / 2), () => {
      this.planLook();
      if (!core.leaving) this.look();
    });
  }

  private look(): void {
    const { core } = this;
    const { missing, present } = this.survey();
    if (missing.length === 0 || core.random() * present >= missing.length) return;
    const first = Math.floor(core.random() * missing.length);
    // Whoever is alone has nobody who looks too.
    const count = present > 1 ? 1 : Math.min(aloneMax, missing.length);
    for (let n = 0; n < count; n++) this.lookFor(missing[(first + n) % missing.length]!);
  }

  private lookFor({ node, at }: Missing): void {
    const { core } = this;
    this.exchange.with(at, true, (problem) => {
      if (problem !== undefined || node === undefined) return;
      // Both have raised their incarnation now, but the news of it went the other way.
      core.timers.at(core.nowMs + core.profile.probeIntervalMs, () => this.repeat(node));
    });
  }

  private repeat(node: string): void {
    const member = this.core.members.get(node);
    if (member?.state !== 'dead' || this.core.leaving) return;
    this.exchange.with(member.at, true, () => undefined);
  }

  private survey(): { readonly missing: readonly Missing[]; readonly present: number } {
    const { members, nowMs } = this.core;
    const missing: Missing[] = [];
    const here = new Set<string>();
    for (const member of members.all()) {
      if (!member.isGone) here.add(keyOf(member.at));
      else if (member.state === 'dead') missing.push(member);
    }
    for (const [node, { at, sinceMs }] of this.rules.lost) {
      if (nowMs - sinceMs > lostForMs) this.rules.lost.delete(node);
      else missing.push({ node, at });
    }
    for (const at of this.seeds) if (!here.has(keyOf(at))) missing.push({ at });
    return { missing, present: here.size };
  }
}

function keyOf({ address, port }: PeerAddress): string {
  return `${address} ${port}`;
}
