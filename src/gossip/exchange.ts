import { SourceLimit } from './admission.js';
import type { Core } from './core.js';
import type { StreamId } from './effects.js';
import { pushPullIntervalMs } from './formulas.js';
import type { PeerAddress, PushPull, StreamMessage } from './messages.js';
import type { Rules } from './rules.js';
import type { Streams } from './streams.js';
import { mismatch } from './versions.js';

/** The end of an exchange; a problem says why it came to nothing. */
export type Exchanged = (problem: string | undefined) => void;

/**
 * Push-pull: two members tell each other all that they know. It is how one joins, and what makes
 * up for gossip that was lost.
 */
export class Exchange {
  private readonly requests: SourceLimit;

  constructor(
    private readonly core: Core,
    private readonly rules: Rules,
    private readonly streams: Streams,
  ) {
    const { requestsBurst, requestsPerSecond, sourcesMax } = core.limits;
    this.requests = new SourceLimit(requestsBurst, requestsPerSecond, sourcesMax);
    if (core.profile.pushPullIntervalMs > 0)
      core.timers.at(core.nowMs + core.random() * this.intervalMs, () => this.tick());
  }

  private get intervalMs(): number {
    return pushPullIntervalMs(this.core.profile.pushPullIntervalMs, this.core.members.size);
  }

  private tick(): void {
    const { core } = this;
    core.timers.at(core.nowMs + this.intervalMs, () => this.tick());
    if (core.leaving) return;
    const [peer] = core.members.pick(1, (one) => core.isOther(one) && one.state === 'alive');
    if (peer !== undefined) this.with(peer.at, false, () => undefined);
  }

  with(at: PeerAddress, join: boolean, done: Exchanged): void {
    const { core } = this;
    core.counters.pushPulls++;
    const fail = (problem: string): void => {
      core.counters.pushPullsFailed++;
      done(problem);
    };
    this.streams.ask(at, this.everything(join), core.profile.streamTimeoutMs, {
      reply: (message) => {
        if (message.type === 'error') fail(`refused by the peer: ${message.text}`);
        else if (message.type === 'push-pull') done(this.merge(message, undefined));
        else fail(`answered with ${message.type}`);
      },
      failed: fail,
    });
  }

  /** A peer began. Answered before anything is taken over, as memberlist does. */
  answer(stream: StreamId, request: PushPull, source: string): void {
    this.core.do({ kind: 'reply', stream, message: this.everything(request.join) });
    this.merge(request, source);
  }

  /** Whether this source may ask for so much now. */
  isWelcome(source: string): boolean {
    return this.requests.take(source, this.core.nowMs);
  }

  private everything(join: boolean): StreamMessage {
    const members = this.core.members.all().map(({ facts }) => facts);
    const userState = this.core.options.userState?.(join) ?? new Uint8Array();
    return { type: 'push-pull', join, members, userState };
  }

  private merge(theirs: PushPull, source: string | undefined): string | undefined {
    const { core } = this;
    const problem = mismatch([core.members.all().map(({ facts }) => facts), theirs.members]);
    if (problem !== undefined) {
      core.counters.mergesRefused++;
      core.emit({ kind: 'merge-refused', problem });
      return problem;
    }
    this.rules.merge(theirs.members, source);
    if (theirs.userState.length > 0)
      core.emit({ kind: 'user-state', join: theirs.join, payload: theirs.userState });
    return undefined;
  }
}
