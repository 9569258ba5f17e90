import { MeshError, messageOf, type Clock } from '../base/index.js';

/** A question to one node and its answer, as JSON. */
interface Question {
  readonly id: number;
  readonly from: string;
  readonly topic: string;
  readonly body: unknown;
}

interface Answer {
  readonly id: number;
  readonly body?: unknown;
  readonly problem?: string;
}

export interface QuestionsOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** False when there is no such node. */
  send(to: string, kind: 'question' | 'answer', payload: Uint8Array): boolean;
  /** By topic, what this node answers. */
  readonly topics: Readonly<Record<string, (body: unknown) => unknown>>;
}

/** A peer that asks without end gets no more than this many answers a second. */
const answersPerSecond = 50;
/** As random as a number in JSON may be, with room to count on. */
const firstIdMax = 2 ** 52;
/** Unit: milliseconds. */
const answerTimeoutMs = 5_000;

/** Asks other nodes, one at a time, and answers them. */
export class Questions {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private nextId: number;
  private answered = 0;
  private windowAtMs = -Infinity;

  constructor(private readonly options: QuestionsOptions) {
    // An answer to the run before this one is not to be taken for one to this.
    this.nextId = Math.floor(options.random() * firstIdMax);
  }

  /**
   * `timeoutMs`: how long an answer is waited for.
   * Errors: not_found (no such node), deadline_exceeded, failed_precondition (its own problem).
   */
  ask(node: string, topic: string, body: unknown, timeoutMs = answerTimeoutMs): Promise<unknown> {
    const { self, clock } = this.options;
    if (node === self) return this.answerOf(topic, body);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(timeoutMs, () => {
        this.waiting.delete(id);
        const text = `ask node ${node}: no answer in ${timeoutMs / 1_000} s`;
        reject(new MeshError('deadline_exceeded', text));
      });
      this.waiting.set(id, ({ body: answer, problem }) => {
        cancel();
        if (problem === undefined) resolve(answer);
        else reject(new MeshError('failed_precondition', `node ${node}: ${problem}`));
      });
      const question: Question = { id, from: self, topic, body };
      if (this.options.send(node, 'question', encode(question))) return;
      cancel();
      this.waiting.delete(id);
      reject(new MeshError('not_found', `node ${node}: not a live member of the mesh`));
    });
  }

  receive(kind: 'question' | 'answer', payload: Uint8Array): void {
    const message = decode(payload);
    if (message === undefined) return;
    if (kind === 'question') void this.reply(message as unknown as Question);
    else this.settle(message as unknown as Answer);
  }

  private settle(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    waiting?.(answer);
  }

  private async reply({ id, from, topic, body }: Question): Promise<void> {
    if (!this.mayAnswer() || typeof from !== 'string' || typeof id !== 'number') return;
    let answer: Answer;
    try {
      answer = { id, body: await this.answerOf(topic, body) };
    } catch (error) {
      answer = { id, problem: messageOf(error) };
    }
    this.options.send(from, 'answer', encode(answer));
  }

  private async answerOf(topic: string, body: unknown): Promise<unknown> {
    const own = Object.hasOwn(this.options.topics, topic) ? this.options.topics[topic] : undefined;
    if (own === undefined) throw new Error(`does not know the question ${JSON.stringify(topic)}`);
    return await own(body);
  }

  private mayAnswer(): boolean {
    const now = this.options.clock.now();
    if (now - this.windowAtMs >= 1_000) {
      this.windowAtMs = now;
      this.answered = 0;
    }
    return ++this.answered <= answersPerSecond;
  }
}

function encode(message: Question | Answer): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

function decode(payload: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString());
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
