import type { Core } from './core.js';
import type { StreamId } from './effects.js';
import type { PeerAddress, StreamMessage } from './messages.js';
import type { Timer } from './timers.js';

/** Who waits for the answer; one of the two is called, once. */
export interface Asker {
  reply(message: StreamMessage): void;
  failed(problem: string): void;
}

/** The streams that we open: one question, one answer, one deadline. */
export class Streams {
  private readonly open = new Map<StreamId, { readonly asker: Asker; readonly timer: Timer }>();
  private last: StreamId = 0;

  constructor(private readonly core: Core) {}

  ask(to: PeerAddress, message: StreamMessage, timeoutMs: number, asker: Asker): StreamId {
    const stream = ++this.last;
    const timer = this.core.timers.at(this.core.nowMs + timeoutMs, () => {
      this.core.do({ kind: 'close', stream });
      this.failed(stream, 'no answer in time');
    });
    this.open.set(stream, { asker, timer });
    this.core.do({ kind: 'open', stream, to, message, expectReply: true, timeoutMs });
    return stream;
  }

  tell(to: PeerAddress, message: StreamMessage): void {
    const stream = ++this.last;
    const timeoutMs = this.core.profile.streamTimeoutMs;
    this.core.do({ kind: 'open', stream, to, message, expectReply: false, timeoutMs });
  }

  replied(stream: StreamId, message: StreamMessage): void {
    this.take(stream)?.reply(message);
  }

  failed(stream: StreamId, problem: string): void {
    this.take(stream)?.failed(problem);
  }

  /** The answer is not needed any more; the asker is not called. */
  abandon(stream: StreamId): void {
    if (this.take(stream) !== undefined) this.core.do({ kind: 'close', stream });
  }

  private take(stream: StreamId): Asker | undefined {
    const found = this.open.get(stream);
    found?.timer.cancel();
    this.open.delete(stream);
    return found?.asker;
  }
}
