/** Messages in, messages out, for all askers of this host. */
import type { Clock } from '../base/index.js';
import { ask, type Asker, type Handlers, type Told } from './chain.js';
import { emptyAnswer, encodeResponse, readQuery, udpBytesMax } from './message.js';
import { responseCode } from './record.js';
import { SourceLimit } from './source-limit.js';

export type DnsTransport = 'udp' | 'tcp';

export interface DnsServerOptions {
  readonly handlers: Handlers;
  readonly clock: Pick<Clock, 'now'>;
  /** Queries of one source answered a second, by UDP; more are dropped. 0 = no limit. */
  readonly queriesPerSecond: number;
}

/** By TCP (RFC 1035, section 4.2.2). */
const messageBytesMax = 0xffff;

export class DnsServer {
  /** Messages that got no answer: no queries, or too many. */
  dropped = 0;
  private readonly limit: SourceLimit;

  constructor(private readonly options: DnsServerOptions) {
    this.limit = new SourceLimit(options.clock, options.queriesPerSecond);
  }

  /** The response; undefined when there is to be none. `source`: who is asked to keep to the limit. */
  answer(
    bytes: Buffer,
    asker: Asker,
    from: { readonly transport: DnsTransport; readonly source: string },
  ): Promise<Buffer> | Buffer | undefined {
    const query = readQuery(bytes);
    const isUdp = from.transport === 'udp';
    if (query === undefined || (isUdp && !this.limit.allows(`${asker.sandbox} ${from.source}`))) {
      this.dropped++;
      return undefined;
    }
    const bytesMax = isUdp ? udpBytesMax(query) : messageBytesMax;
    const encode = ({ answer }: Told): Buffer => {
      try {
        return encodeResponse(query, answer, bytesMax);
      } catch {
        // What an asker wrote shall not end the daemon.
        return encodeResponse(
          query,
          { ...emptyAnswer, code: responseCode.serverFailure },
          bytesMax,
        );
      }
    };
    const told = ask(this.options.handlers, query, asker);
    return told instanceof Promise ? told.then(encode) : encode(told);
  }
}
