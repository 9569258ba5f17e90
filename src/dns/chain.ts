/** How a query finds its answer: handlers in a fixed order, each of which answers or asks the next. */
import { MeshError, messageOf, type Log } from '../base/index.js';
import { emptyAnswer, type Answer, type Query } from './message.js';
import { recordType, responseCode } from './record.js';
import { answerName, answerNoSuchName, answerReverse, answerVip, type View } from './zone.js';

/** Who asks, and what of the mesh it may see. */
export interface Asker {
  /** `host`, or the path of its namespace. */
  readonly sandbox: string;
  view(): View;
  /** Whether names that are nobody's here may be asked for elsewhere. */
  mayForward(): boolean;
}

/** An answer, and which handler gave it. */
export interface Told {
  readonly answer: Answer;
  readonly by: HandlerName;
  /** Why it is none, for people. */
  readonly reason?: string;
}

export type Next = (query: Query) => Promise<Told> | Told;
export type Handler = (query: Query, asker: Asker, next: Next) => Promise<Told> | Told;

/** From outside to inside. */
export const handlerOrder = [
  'errors',
  'metrics',
  'cache',
  'vip',
  'task',
  'reverse',
  'forward',
] as const;
export type HandlerName = (typeof handlerOrder)[number];

export type Handlers = Readonly<Record<HandlerName, Handler>>;

/** The answer of the first handler that has one; REFUSED when none has. */
export function ask(handlers: Handlers, query: Query, asker: Asker): Promise<Told> | Told {
  const from = (position: number): Next => {
    return (asked) => {
      const name = handlerOrder[position];
      if (name === undefined) return refusal('forward', responseCode.refused);
      return handlers[name](asked, asker, from(position + 1));
    };
  };
  return from(0)(query);
}

export function refusal(by: HandlerName, code: number, reason?: string): Told {
  const told = { by, answer: { ...emptyAnswer, code } };
  return reason === undefined ? told : { ...told, reason };
}

/** What cannot be asked gets its code, and what fails SERVFAIL: an asker that hears nothing waits. */
export function errorsHandler(
  log: Log,
  note: (query: Query, told: Told) => void = () => undefined,
): Handler {
  const failed = (query: Query, error: unknown): Told => {
    // Servers that do not answer are no news for each name that is asked of them.
    const isExpected = error instanceof MeshError && error.code === 'unavailable';
    const what = { name: query.name, type: query.type };
    if (isExpected) log.debug(what, `dns: ${messageOf(error)}`);
    else log.warn(what, `dns: ${messageOf(error)}`);
    return refusal('errors', responseCode.serverFailure, messageOf(error));
  };
  const problemOf = (query: Query): number | undefined => {
    const isOurs = query.class === internet || query.class === anyClass;
    // Whole zones are nobody's to have, whosever they are.
    const isTransfer = query.type === recordType.AXFR || query.type === recordType.IXFR;
    return query.problem ?? (isOurs && !isTransfer ? undefined : responseCode.refused);
  };
  return (query, _, next) => {
    const problem = problemOf(query);
    if (problem !== undefined) {
      const told = refusal('errors', problem);
      note(query, told);
      return told;
    }
    try {
      const told = next(query);
      return told instanceof Promise ? told.catch((error: unknown) => failed(query, error)) : told;
    } catch (error) {
      return failed(query, error);
    }
  };
}
const internet = 1;
const anyClass = 255;

/** Services with a VIP. */
export const vipHandler: Handler = (query, asker, next) => {
  const answer = answerVip(asker.view(), query);
  return answer === undefined ? next(query) : { answer, by: 'vip' };
};

/** Tasks, the endpoints of services, and what is in our zones but of nobody. */
export const taskHandler: Handler = (query, asker, next) => {
  const view = asker.view();
  const answer = answerName(view, query) ?? answerNoSuchName(view, query.name);
  return answer === undefined ? next(query) : { answer, by: 'task' };
};

export const reverseHandler: Handler = (query, asker, next) => {
  const answer = answerReverse(asker.view(), query);
  return answer === undefined ? next(query) : { answer, by: 'reverse' };
};
