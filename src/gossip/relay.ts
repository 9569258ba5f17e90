import type { Core } from './core.js';
import type { Gossip } from './gossip.js';
import type { IndirectPing, PeerAddress, Ping } from './messages.js';

/** Answers to pings, and pings in the place of others. */
export class Relay {
  /** Under way. */
  private count = 0;

  constructor(
    private readonly core: Core,
    private readonly gossip: Gossip,
  ) {}

  /** Whether the ping is meant for us; names must be the same to the letter. */
  isForUs({ node }: Ping): boolean {
    return node === '' || node === this.core.self.node;
  }

  answer(ping: Ping, from: PeerAddress): void {
    if (!this.isForUs(ping)) return;
    const { sequence } = ping;
    this.gossip.send(
      ping.source ?? from,
      [{ type: 'ack', sequence, payload: new Uint8Array() }],
      false,
    );
  }

  /** Whether it answered is told to who asked, with the number that the asker gave. */
  pingFor(request: IndirectPing, from: PeerAddress): void {
    const { core } = this;
    if (this.count >= core.limits.relaysMax) {
      core.counters.relaysRefused++;
      return;
    }
    const asker = request.source ?? from;
    const { address, port } = core.self.at;
    const target = request.target.port === 0 ? { ...request.target, port } : request.target;
    const sequence = core.nextSequence();
    const end = (): void => {
      this.count--;
      timer.cancel();
      core.waiting.delete(sequence);
    };
    const timer = core.timers.at(core.nowMs + core.profile.probeTimeoutMs, () => {
      end();
      if (request.nack)
        this.gossip.send(asker, [{ type: 'nack', sequence: request.sequence }], false);
    });
    this.count++;
    core.counters.relayed++;
    core.waiting.set(sequence, {
      ack: () => {
        end();
        const payload = new Uint8Array();
        this.gossip.send(asker, [{ type: 'ack', sequence: request.sequence, payload }], false);
      },
      nack: () => undefined,
    });
    const source = { address, port, node: core.self.node };
    this.gossip.send(target, [{ type: 'ping', sequence, node: request.node, source }], false);
  }
}
