import { describe, expect, it } from 'vitest';
import { Lone, textOf } from './lone.js';

const others = { b: 'alive 1', c: 'alive 1', d: 'alive 1', e: 'alive 1', f: 'alive 1' };

/** What was told by users, with the time at which each packet with it went out. */
function toldAt(lone: Lone, withinMs: number): string[] {
  const told: string[] = [];
  for (let waited = 0; waited <= withinMs; waited++) {
    for (const { messages } of lone.takeSent()) {
      const texts = messages.filter(({ type }) => type === 'user').map(textOf);
      if (texts.length > 0) told.push(`${waited}: ${texts.join(', ')}`);
    }
    lone.pass(1);
  }
  return told;
}

describe('what users tell', () => {
  it('goes out at once, and as often as anything else', () => {
    const lone = new Lone({ others });
    lone.pass(5_000);
    lone.takeSent();
    lone.use((swim, nowMs) => swim.broadcast('x', Buffer.from('x'), nowMs));
    const told = toldAt(lone, 2_000);
    expect(told.slice(0, 3)).toEqual(['1: user x', '1: user x', '1: user x']);
    // Six members: 4 * ceil(log10(6 + 1)).
    expect(told.length).toBe(4);
  });

  it('waits for others of its kind where much is told', () => {
    const lone = new Lone({ others });
    lone.pass(5_000);
    lone.takeSent();
    for (let number = 0; number < 100; number++) {
      lone.use((swim, nowMs) => swim.broadcast(`${number}`, Buffer.from('x'), nowMs));
      lone.pass(1);
    }
    // In 100 ms: a tick every 20 ms, each to three members; a few more go with probes.
    expect(toldAt(lone, 0).length).toBeLessThanOrEqual(3 * 6 + 2);
  });
});
