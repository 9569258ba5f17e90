/** Names that are nobody's here, asked of other servers. */
import { randomInt } from 'node:crypto';
import { MeshError, messageOf, type Clock } from '../base/index.js';
import { refusal, type Handler, type Told } from './chain.js';
import { ForwardCache } from './forward-cache.js';
import { codeOf, emptyAnswer, encodeQuestion, readRecords, type Query } from './message.js';
import { responseCode } from './record.js';

/** How a question gets to another server; TCP where `response` over UDP was cut short. */
export interface Upstream {
  /** For people: its address. */
  readonly name: string;
  /**
   * The response to these bytes, whose id is random: from that server, with that id and question.
   * Errors: MeshError deadline_exceeded, unavailable.
   */
  exchange(question: Buffer, timeoutMs: number): Promise<Buffer>;
}

export interface UpstreamState {
  readonly name: string;
  /** It did not answer, and is asked last until then: 0 = it is well. Unit: milliseconds from now. */
  readonly silentMs: number;
}

export interface ForwardOptions {
  readonly clock: Clock;
  /** In the order in which they are asked. */
  upstreams(): readonly Upstream[];
}

/** One server's time. Unit: milliseconds. */
const tryTimeoutMs = 2_000;
/** Questions under way; more are refused. */
const openMax = 1_024;
/** Who did not answer is asked last for so long. Unit: milliseconds. */
const restMs = 10_000;

export class Forwarder {
  /** By question: askers of the same share the answer. */
  private readonly open = new Map<string, Promise<Buffer>>();
  private readonly silentUntil = new Map<string, number>();
  readonly cache: ForwardCache;

  constructor(private readonly options: ForwardOptions) {
    this.cache = new ForwardCache(options.clock);
  }

  readonly handler: Handler = (query, asker): Promise<Told> | Told => {
    if (!asker.mayForward()) return refused('who asks may ask for names of the mesh alone');
    if (this.options.upstreams().length === 0) return refused('there is no upstream to ask');
    const key = questionKey(query);
    const cached = this.cache.fresh(key);
    if (cached !== undefined) return told(cached);
    const known = this.open.get(key);
    if (known === undefined && this.open.size >= openMax) {
      return refused(`${openMax} questions are under way`);
    }
    return (known ?? this.begin(key, query)).then(told);
  };

  upstreams(): UpstreamState[] {
    const now = this.options.clock.now();
    return this.options.upstreams().map(({ name }) => {
      return { name, silentMs: Math.max(0, (this.silentUntil.get(name) ?? 0) - now) };
    });
  }

  private begin(key: string, query: Query): Promise<Buffer> {
    const response = this.newest(key, query).finally(() => this.open.delete(key));
    this.open.set(key, response);
    return response;
  }

  private async newest(key: string, query: Query): Promise<Buffer> {
    try {
      const response = await this.askAll(query);
      this.cache.put(key, response);
      return response;
    } catch (error) {
      const stale = this.cache.stale(key);
      if (stale === undefined) throw error;
      return stale;
    }
  }

  /** Errors: that of the last one. */
  private async askAll(query: Query): Promise<Buffer> {
    const { clock } = this.options;
    const bytes = encodeQuestion(query, randomInt(0x1_0000));
    let last: unknown = new MeshError('unavailable', 'no upstream');
    for (const upstream of this.inOrder()) {
      try {
        const response = await upstream.exchange(bytes, tryTimeoutMs);
        this.silentUntil.delete(upstream.name);
        if (readRecords(response) === undefined) {
          last = new MeshError('unavailable', `${upstream.name} answers what cannot be read`);
          continue;
        }
        const code = codeOf(response);
        if (code !== responseCode.serverFailure && code !== responseCode.refused) return response;
        last = new MeshError('unavailable', `${upstream.name} answers with code ${code}`);
      } catch (error) {
        this.silentUntil.set(upstream.name, clock.now() + restMs);
        last = error;
      }
    }
    throw new MeshError('unavailable', `ask for ${query.name}: ${messageOf(last)}`, {
      cause: last,
    });
  }

  private inOrder(): Upstream[] {
    const now = this.options.clock.now();
    const isSilent = ({ name }: Upstream): boolean => (this.silentUntil.get(name) ?? 0) > now;
    const all = this.options.upstreams();
    return [...all.filter((one) => !isSilent(one)), ...all.filter(isSilent)];
  }
}

function refused(reason: string): Told {
  return refusal('forward', responseCode.refused, reason);
}

function told(relayed: Buffer): Told {
  return { by: 'forward', answer: { ...emptyAnswer, code: codeOf(relayed), relayed } };
}

/** All of a query but its id and the case of its name. */
export function questionKey({ flags, name, type, class: klass, edns }: Query): string {
  const isSigned = edns?.wantsSignatures === true;
  const extra = edns === undefined ? '' : isSigned ? ' edns do' : ' edns';
  return `${name} ${type} ${klass} ${flags & askedFlags}${extra}`;
}
/** Recursion desired and checking disabled: what changes an answer. */
const askedFlags = 0x0110;
