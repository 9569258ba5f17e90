/** What was asked and answered, counted; and told to a log that can be switched on while it runs. */
import type { Clock, Log } from '../base/index.js';
import { refusal, type Handler, type HandlerName, type Told } from './chain.js';
import type { Query } from './message.js';
import { recordType, responseCode } from './record.js';

export interface DnsCount {
  /** `A`, `AAAA` ...; `other` for what nobody here knows. */
  readonly type: string;
  readonly code: number;
  readonly by: HandlerName;
  readonly queries: number;
}

const typeNames = new Map<number, string>(
  Object.entries(recordType).map(([name, number]) => [number, name]),
);

export class DnsStats {
  /** While true every query is logged. */
  isLogging = false;
  private readonly counts = new Map<string, { count: DnsCount; queries: number }>();
  /** What is counted elsewhere, by number. */
  private readonly elsewhere: Omit<DnsCount, 'queries'>[] = [];

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly log: Log,
  ) {}

  /** `kept`: what the counters of `counterOf` stand at. */
  all(kept: readonly number[]): DnsCount[] {
    const ours = [...this.counts.values()].map(({ count, queries }) => ({ ...count, queries }));
    const others = kept.flatMap((queries, counter) => {
      const count = this.elsewhere[counter];
      return count === undefined ? [] : [{ ...count, queries }];
    });
    return [...ours, ...others];
  }

  /** The number of a counter of queries that are answered from what is kept. */
  counterOf(type: number, code: number): number {
    const name = typeNames.get(type) ?? 'other';
    const known = this.elsewhere.findIndex((one) => one.type === name && one.code === code);
    if (known !== -1) return known;
    return this.elsewhere.push({ type: name, code, by: 'cache' }) - 1;
  }

  readonly handler: Handler = (query, asker, next) => {
    const startedAt = this.clock.now();
    const note = (told: Told): Told => {
      this.note(query, told);
      if (this.isLogging) this.tell(query, asker.sandbox, told, startedAt);
      return told;
    };
    const failed = (error: unknown): never => {
      note(refusal('errors', responseCode.serverFailure));
      throw error;
    };
    try {
      const told = next(query);
      return told instanceof Promise ? told.then(note, failed) : note(told);
    } catch (error) {
      return failed(error);
    }
  };

  /** To be called for what comes to nobody else. */
  note({ type }: Pick<Query, 'type'>, { answer: { code }, by }: Told): void {
    const key = `${type} ${code} ${by}`;
    const known = this.counts.get(key);
    if (known !== undefined) {
      known.queries++;
      return;
    }
    const name = typeNames.get(type) ?? 'other';
    const same = [...this.counts.values()].find(
      ({ count }) => count.type === name && count.code === code && count.by === by,
    );
    const entry = same ?? { count: { type: name, code, by, queries: 0 }, queries: 0 };
    entry.queries++;
    // A type that nobody knows is looked for each time: there are 65,536 of them.
    if (name !== 'other' || same === undefined) this.counts.set(key, entry);
  }

  private tell(query: Query, sandbox: string, { answer, by }: Told, startedAt: number): void {
    const { name, type } = query;
    const took = Math.round((this.clock.now() - startedAt) * 1_000) / 1_000;
    const told = { sandbox, name, type: typeNames.get(type) ?? type, code: answer.code, by };
    this.log.info({ ...told, ms: took, answers: answer.answers.length }, 'dns query');
  }
}
