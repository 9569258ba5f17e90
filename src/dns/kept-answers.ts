/** Answers kept beside the sockets, where they are given without a word to us. */
import type { Handler, Told } from './chain.js';
import { answerFlags, type Answer, type Query } from './message.js';
import type { DnsStats } from './metrics.js';
import { encodeRecord, recordType } from './record.js';
import type { View } from './zone.js';

/** What a query is answered with, but for what is repeated of it. */
export interface KeptAnswer {
  /** Authoritative, recursion available, and the response code. */
  readonly flags: number;
  /** How many records there are of each. */
  readonly answers: number;
  readonly authority: number;
  readonly records: Buffer;
  /** Of one answer, all as long, that are told in turn; 0 = always as they are. */
  readonly turnBytes: number;
  /** Which counter counts it. */
  readonly counter: number;
  /** By which it is forgotten. */
  readonly labels: readonly string[];
}

export interface AnswerKeeper {
  /** `question`: as in a query. What was kept for it in this view is replaced. */
  put(view: number, question: Buffer, answer: KeptAnswer): void;
  forget(label: string): void;
  /** False = all queries come to us. */
  setAnswering(answering: boolean): void;
  counts(): {
    /** By counter, queries answered. */
    readonly answered: readonly number[];
  };
}

/** What programs ask for; each name can be asked for in 65,536 ways. */
const keptTypes = new Set<number>([
  recordType.A,
  recordType.AAAA,
  recordType.SRV,
  recordType.TXT,
  recordType.HTTPS,
]);

/** What was said of names that are there stays true until one of its labels is forgotten. */
export function cacheHandler(keeper: () => AnswerKeeper | undefined, stats: DnsStats): Handler {
  return (query, asker, next) => {
    const told = next(query);
    if (told instanceof Promise || query.class !== 1 || !keptTypes.has(query.type)) return told;
    const view = asker.view();
    const kept = keptAnswer(query, told, view);
    if (kept === undefined) return told;
    const counter = stats.counterOf(query.type, told.answer.code);
    keeper()?.put(view.id, query.question, { ...kept, counter });
    return told;
  };
}

/** Undefined for names that nobody has, of which there are too many, and names of others. */
function keptAnswer(
  { name, type }: Query,
  { answer, by }: Told,
  view: View,
): Omit<KeptAnswer, 'counter'> | undefined {
  if ((by !== 'vip' && by !== 'task') || answer.code !== 0) return undefined;
  const told = answer.answers.map(encodeRecord);
  const records = Buffer.concat([...told, ...answer.authority.map(encodeRecord)]);
  const labels = [firstLabel(name)];
  // Who is on a network changes what tasks there are, not the VIPs of services.
  const isOfVip = by === 'vip' && (type === recordType.A || type === recordType.AAAA);
  if (!isOfVip) labels.push(...view.networks.map(({ network }) => networkLabel(network)));
  return {
    flags: answerFlags(answer),
    answers: told.length,
    authority: answer.authority.length,
    records,
    turnBytes: isTurned(answer) ? told[0]!.length : 0,
    labels,
  };
}

/** Several addresses are told in another order each time. */
function isTurned({ answers }: Answer): boolean {
  const [{ type } = { type: 0 }] = answers;
  return answers.length > 1 && (type === recordType.A || type === recordType.AAAA);
}

/** The first label of what names that begin so, and those of its tasks and ports, stand for. */
export function firstLabel(name: string): string {
  const [label] = name.replace(/^(tasks\.|_[^.]+\._[^.]+\.)/, '').split('.', 1);
  return label!;
}

/** No first label: a name of services and tasks has no '@'. */
export function networkLabel(network = ''): string {
  return `@${network.toLowerCase()}`;
}
