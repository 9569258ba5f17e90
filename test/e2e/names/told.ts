/** What an asker was told, and what is wrong with it. */
import type { Presence } from './presence.js';

/** The same answer to the same question, so many times one after the other. */
export interface Told {
  /** `web A`. */
  readonly question: string;
  /** The response code, or `noAnswer`. */
  readonly code: number;
  /** Sorted. */
  readonly addresses: readonly string[];
  /** When it was asked for first and last. Unit: ms since the epoch. */
  readonly fromMs: number;
  untilMs: number;
  count: number;
}

export const noAnswer = -1;

export interface Expected {
  /** Of `web A` and `web AAAA`, in full too. */
  readonly vips: readonly string[];
  /** Of the task that asks, which serves all that is asked for and never leaves. */
  readonly own: readonly string[];
  /** By service, who serves it when. */
  readonly presence: Presence;
  /** Whether the asker's daemon was down, or coming up, at some time between these. */
  readonly isDown: (fromMs: number, untilMs: number) => boolean;
}

/** One line for each answer that should not have been given, and for each that was missed. */
export function wrongs(all: readonly Told[], expected: Expected): string[] {
  return all.flatMap((one) => {
    const problem = problemOf(one, expected);
    if (problem === undefined) return [];
    const [from, until] = [one.fromMs, one.untilMs].map((ms) => new Date(ms).toISOString());
    const given = `[${one.addresses.join()}] ${one.count} times from ${from} to ${until}`;
    return [`${one.question}: ${problem}: ${given}`];
  });
}

function problemOf(one: Told, { vips, own, presence, isDown }: Expected): string | undefined {
  const { question, code, addresses, fromMs, untilMs } = one;
  if (code === noAnswer) return isDown(fromMs, untilMs) ? undefined : 'no answer';
  if (code !== 0) return `code ${code}`;
  const [name = '', type] = question.split(' ');
  const family = type === 'A' ? 0 : 1;
  if (/^web(\.|$)/.test(name)) {
    return addresses.join() === vips[family] ? undefined : 'another VIP';
  }
  if (!addresses.includes(own[family]!)) return 'who asks serves it, and is not told';
  const service = name.replace('tasks.', '');
  const strange = addresses.filter((one) => !presence.isTold(service, one, fromMs, untilMs));
  return strange.length === 0 ? undefined : `${strange.join()} left long ago, or never came`;
}

/** What was told last, by question. */
export function lastTold(all: readonly Told[]): Map<string, Told> {
  const answered = all.filter(({ code }) => code !== noAnswer);
  return new Map(answered.map((one) => [one.question, one]));
}
