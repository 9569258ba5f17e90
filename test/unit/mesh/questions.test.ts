import { describe, expect, test } from 'vitest';
import { Questions } from '../../../src/mesh/questions.js';
import { seededRandom } from '../../sim/random.js';
import { ManualClock } from '../../support/clock.js';

interface Sent {
  readonly kind: 'question' | 'answer';
  readonly payload: Uint8Array;
}

/** A node `a` or `b`, and what it sent. */
class Peer {
  readonly sent: Sent[] = [];
  readonly clock = new ManualClock();
  readonly questions: Questions;

  constructor(self: string, seed: number) {
    this.questions = new Questions({
      self,
      clock: this.clock,
      random: seededRandom(seed),
      send: (to, kind, payload) => {
        this.sent.push({ kind, payload });
        return to !== 'nobody';
      },
      topics: {
        double: (body) => 2 * (body as number),
        fail: () => Promise.reject(new Error('cannot')),
      },
    });
  }

  /** Hands all that this one sent to another. */
  async deliver(to: Peer): Promise<void> {
    for (const { kind, payload } of this.sent.splice(0)) to.questions.receive(kind, payload);
    await new Promise(setImmediate);
  }
}

/** What comes of a question to `b`; `lost` = the answer does not come. */
async function askB(topic: string, body: unknown, lost = false): Promise<unknown> {
  const [a, b] = [new Peer('a', 1), new Peer('b', 2)];
  const asked = a.questions.ask('b', topic, body).catch((error: unknown) => String(error));
  await a.deliver(b);
  if (lost) a.clock.advance(5_000);
  else await b.deliver(a);
  return asked;
}

describe('questions', () => {
  test.each([
    ['double', 21, false, 42],
    ['fail', 0, false, 'MeshError: node b: cannot'],
    ['toString', 0, false, 'MeshError: node b: does not know the question "toString"'],
    ['double', 21, true, 'MeshError: ask node b: no answer in 5 s'],
  ] as const)('%s %s (answer lost: %s): %s', async (topic, body, lost, expected) => {
    expect(await askB(topic, body, lost)).toBe(expected);
  });

  test('to nobody fail at once', async () => {
    const asked = new Peer('a', 1).questions.ask('nobody', 'double', 1);
    await expect(asked).rejects.toThrow('not a live member');
  });

  test('do not take an answer that an earlier run has asked for', async () => {
    const [first, b] = [new Peer('a', 1), new Peer('b', 2)];
    void first.questions.ask('b', 'double', 1);
    await first.deliver(b);
    const second = new Peer('a', 3);
    const asked = second.questions.ask('b', 'double', 21);
    await b.deliver(second);
    await second.deliver(b);
    await b.deliver(second);
    expect(await asked).toBe(42);
  });
});
