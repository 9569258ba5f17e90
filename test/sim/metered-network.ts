import {
  encodeMessage,
  encodeStream,
  sealPacket,
  type Input,
  type PeerAddress,
  type StreamMessage,
  type WireOptions,
} from '../../src/gossip/index.js';
import { Network } from './network.js';

export type TrafficKind = 'probes' | 'catalog' | 'pushPulls';

/** A network that counts the bytes which the real wire would carry; UDP, TCP and IP not included. */
export class MeteredNetwork extends Network {
  readonly sentBytes: Record<TrafficKind, number> = { probes: 0, catalog: 0, pushPulls: 0 };

  constructor(
    random: () => number,
    private readonly wire: WireOptions,
  ) {
    super(random);
  }

  override packet(from: string, to: PeerAddress, size: number, inputs: readonly Input[]): void {
    const messages = inputs.flatMap((input) => (input.kind === 'packet' ? [input.message] : []));
    const isOurs = messages.some(({ type }) => type === 'user');
    const bytes = sealPacket(messages.map(encodeMessage), this.wire, true);
    this.sentBytes[isOurs ? 'catalog' : 'probes'] += bytes.length;
    super.packet(from, to, size, inputs);
  }

  override open(
    opener: string,
    stream: number,
    to: PeerAddress,
    message: StreamMessage,
    timeoutMs: number,
  ): void {
    this.count(message, 'request');
    super.open(opener, stream, to, message, timeoutMs);
  }

  override answer(id: number, message: StreamMessage | undefined): void {
    if (message !== undefined) this.count(message, 'reply');
    super.answer(id, message);
  }

  private count(message: StreamMessage, side: 'request' | 'reply'): void {
    const kinds: Partial<Record<StreamMessage['type'], TrafficKind>> = {
      'push-pull': 'pushPulls',
      user: 'catalog',
    };
    const { length } = encodeStream(message, this.wire, side);
    this.sentBytes[kinds[message.type] ?? 'probes'] += length;
  }
}
