/** Messages in, messages out, for all askers of this host. */
import { ask, type Asker, type Handlers, type Told } from './chain.js';
import { emptyAnswer, encodeResponse, readQuery, udpBytesMax } from './message.js';
import { responseCode } from './record.js';

export type DnsTransport = 'udp' | 'tcp';

/** By TCP (RFC 1035, section 4.2.2). */
const messageBytesMax = 0xffff;

export class DnsServer {
  /** Messages that got no answer, as they are no queries. */
  dropped = 0;

  constructor(private readonly handlers: Handlers) {}

  /** The response; undefined when there is to be none. */
  answer(
    bytes: Buffer,
    asker: Asker,
    transport: DnsTransport,
  ): Promise<Buffer> | Buffer | undefined {
    const query = readQuery(bytes);
    if (query === undefined) {
      this.dropped++;
      return undefined;
    }
    const bytesMax = transport === 'udp' ? udpBytesMax(query) : messageBytesMax;
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
    const told = ask(this.handlers, query, asker);
    return told instanceof Promise ? told.then(encode) : encode(told);
  }
}
