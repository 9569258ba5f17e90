import { describe, expect, it } from 'vitest';
import { BroadcastQueue } from '../../../src/gossip/broadcast-queue.js';
import { seededRandom, wholeBetween } from '../../sim/random.js';

const packet = 1400;

/** What one packet takes. */
function fill(queue: BroadcastQueue, free = packet, countMax = 255, limit = 3): string[] {
  const parts: Buffer[] = [];
  queue.fill(parts, free, countMax, limit);
  return parts.map((part) => part.toString());
}

function queueOf(...texts: readonly string[]): BroadcastQueue {
  const queue = new BroadcastQueue();
  for (const text of texts) queue.push(text, Buffer.from(text));
  return queue;
}

describe('broadcasts', () => {
  it('are handed out as often as the limit says, then are done', () => {
    const queue = new BroadcastQueue();
    let done = 0;
    queue.push('a', Buffer.from('a'), () => done++);
    expect([fill(queue), fill(queue), done, fill(queue), fill(queue)]).toEqual([
      ['a'],
      ['a'],
      0,
      ['a'],
      [],
    ]);
    expect(done).toBe(1);
    expect(queue.size).toBe(0);
  });

  it('end the older one of their name', () => {
    const queue = new BroadcastQueue();
    const done: string[] = [];
    queue.push('a', Buffer.from('old'), () => done.push('old'));
    queue.push('a', Buffer.from('new'), () => done.push('new'));
    expect(done).toEqual(['old']);
    expect(fill(queue)).toEqual(['new']);
  });

  it('go least told first, then largest, then newest', () => {
    const queue = queueOf('told', 'xx');
    expect(fill(queue)).toEqual(['told', 'xx']);
    queue.push('a', Buffer.from('aa'));
    queue.push('b', Buffer.from('bb'));
    queue.push('c', Buffer.from('ccc'));
    expect(fill(queue)).toEqual(['ccc', 'bb', 'aa', 'told', 'xx']);
  });

  it('take what fits of the smaller ones, two bytes each for the length', () => {
    const queue = queueOf('1234567890', '12345', '123');
    expect(fill(queue, 12)).toEqual(['1234567890']);
    expect(fill(queue, 12)).toEqual(['12345', '123']);
    expect(fill(queue, 4)).toEqual([]);
    expect(fill(queue, 5)).toEqual(['123']);
  });

  it('are no more in one packet than may be', () => {
    expect(fill(queueOf('a', 'b', 'c'), packet, 2)).toHaveLength(2);
  });

  it('give way, the oldest first, when there are too many', () => {
    const queue = new BroadcastQueue(2);
    for (const text of ['a', 'b', 'c']) queue.push(text, Buffer.from(text));
    expect(fill(queue)).toEqual(['c', 'b']);
    expect(queue.dropped).toBe(1);
  });

  it('never exceed the space, and all get out, whatever comes', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const queue = new BroadcastQueue();
      const told = new Map<string, number>();
      const limit = wholeBetween(random, 1, 6);
      const count = wholeBetween(random, 1, 60);
      for (let n = 0; n < count; n++) {
        const text = `${n}:`.padEnd(wholeBetween(random, 4, 400), 'x');
        queue.push(String(n), Buffer.from(text));
        told.set(text, 0);
      }
      for (let n = 0; queue.size > 0 && n < 1_000; n++) {
        const parts: Buffer[] = [];
        const free = wholeBetween(random, 410, packet);
        const left = queue.fill(parts, free, 20, limit);
        const used = parts.reduce((sum, { length }) => sum + length + 2, 0);
        expect(left, `seed ${seed}`).toBe(free - used);
        expect(left, `seed ${seed}`).toBeGreaterThanOrEqual(0);
        expect(new Set(parts).size, `seed ${seed}`).toBe(parts.length);
        for (const part of parts) told.set(part.toString(), told.get(part.toString())! + 1);
      }
      expect([...new Set(told.values())], `seed ${seed}`).toEqual([limit]);
    }
  });
});
