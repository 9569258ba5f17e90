/** Messages in, messages out, for all askers of this host. */
import { randomBytes } from 'node:crypto';
import { ask, type Asker, type Handlers, type Told } from './chain.js';
import { answerCookie, cookieOf, cookieOptionBytes, isCookie } from './cookie.js';
import { emptyAnswer, encodeResponse, readQuery, udpBytesMax, withOption } from './message.js';
import { responseCode } from './record.js';

export type DnsTransport = 'udp' | 'tcp';

/** By TCP (RFC 1035, section 4.2.2). */
const messageBytesMax = 0xffff;

export class DnsServer {
  /** Messages that got no answer, as they are no queries. */
  dropped = 0;

  /** `secret`: of cookies. */
  constructor(
    private readonly handlers: Handlers,
    private readonly secret = randomBytes(32),
  ) {}

  /** The response; undefined when there is to be none. `source`: the sender's address. */
  answer(
    bytes: Buffer,
    asker: Asker,
    transport: DnsTransport,
    source: () => string = () => '',
  ): Promise<Buffer> | Buffer | undefined {
    const query = readQuery(bytes);
    if (query === undefined) {
      this.dropped++;
      return undefined;
    }
    const cookie = cookieOf(query.edns?.options);
    const isAnswered = cookie !== undefined && isCookie(cookie);
    const room = transport === 'udp' ? udpBytesMax(query) : messageBytesMax;
    const bytesMax = isAnswered ? room - cookieOptionBytes : room;
    const finish = (response: Buffer): Buffer =>
      isAnswered ? withOption(response, answerCookie(cookie, source(), this.secret)) : response;
    const encode = ({ answer }: Told): Buffer => {
      try {
        return finish(encodeResponse(query, answer, bytesMax));
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
