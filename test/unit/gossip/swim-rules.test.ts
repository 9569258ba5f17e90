import { describe, expect, it } from 'vitest';
import { Lone } from './lone.js';

/** Enough others that a suspicion can be confirmed. */
const others = { b: 'alive 1', c: 'alive 1', d: 'alive 1', e: 'alive 1' };

/** `m` after it came to believe this of `a`. */
function believing(before: string): Lone {
  const [state, incarnation = ''] = before.split(' ');
  const a = state === 'unknown' ? {} : { a: `alive ${incarnation}` };
  const lone = new Lone({ others: { ...others, ...a }, reclaimAfterMs: 0 });
  if (state === 'suspect') lone.hear(`suspect a ${incarnation} by b`);
  if (state === 'dead') lone.hear(`dead a ${incarnation} by b`);
  if (state === 'left') lone.hear(`dead a ${incarnation} by a`);
  // What it has to say of that and of itself, it has said.
  lone.pass(3_500);
  lone.takeSent();
  lone.takeEvents();
  return lone;
}

/** before | heard | after | event | told */
const table = `
unknown   | alive a 2         | alive 2   | joined a    | alive a 2
unknown   | alive a 0         | unknown   | -           | -
unknown   | suspect a 2 by b  | unknown   | -           | -
unknown   | dead a 2 by b     | unknown   | -           | -
unknown   | dead a 2 by a     | unknown   | -           | -

alive 2   | alive a 1         | alive 2   | -           | -
alive 2   | alive a 2         | alive 2   | -           | -
alive 2   | alive a 2 other   | alive 2   | -           | -
alive 2   | alive a 3         | alive 3   | -           | alive a 3
alive 2   | alive a 3 other   | alive 3   | updated a   | alive a 3 other
alive 2   | alive a 3 at z    | alive 2   | conflict    | -
alive 2   | suspect a 1 by b  | alive 2   | -           | -
alive 2   | suspect a 2 by b  | suspect 2 | suspected a | suspect a 2 by b
alive 2   | suspect a 3 by b  | suspect 3 | suspected a | suspect a 3 by b
alive 2   | dead a 1 by b     | alive 2   | -           | -
alive 2   | dead a 2 by b     | dead 2    | failed a    | dead a 2 by b
alive 2   | dead a 3 by b     | dead 3    | failed a    | dead a 3 by b
alive 2   | dead a 2 by a     | left 2    | left a      | dead a 2 by a

suspect 2 | alive a 2         | suspect 2 | -           | -
suspect 2 | alive a 3         | alive 3   | recovered a | alive a 3
suspect 2 | alive a 3 at z    | suspect 2 | conflict    | -
suspect 2 | suspect a 1 by c  | suspect 2 | -           | -
suspect 2 | suspect a 2 by b  | suspect 2 | -           | -
suspect 2 | suspect a 2 by c  | suspect 2 | -           | suspect a 2 by c
suspect 2 | dead a 1 by b     | suspect 2 | -           | -
suspect 2 | dead a 2 by b     | dead 2    | failed a    | dead a 2 by b
suspect 2 | dead a 2 by a     | left 2    | left a      | dead a 2 by a

dead 2    | alive a 2         | dead 2    | -           | -
dead 2    | alive a 3         | alive 3   | joined a    | alive a 3
dead 2    | alive a 3 at z    | dead 2    | conflict    | -
dead 2    | suspect a 3 by b  | dead 2    | -           | -
dead 2    | dead a 3 by b     | dead 2    | -           | -
dead 2    | dead a 2 by a     | dead 2    | -           | -

left 2    | alive a 2         | left 2    | -           | -
left 2    | alive a 3         | alive 3   | joined a    | alive a 3
left 2    | alive a 1 at z    | alive 1   | joined a    | alive a 1
left 2    | suspect a 3 by b  | left 2    | -           | -
left 2    | dead a 3 by b     | left 2    | -           | -
`;

const rows = table
  .split('\n')
  .filter((line) => line !== '')
  .map(
    (line) =>
      line.split('|').map((cell) => cell.trim()) as [string, string, string, string, string],
  );

describe('what is believed of a member', () => {
  it.each(rows)('%s, hears %s: %s', (before, heard, after, event, told) => {
    const lone = believing(before);
    expect(lone.stateOf('a')).toBe(before === 'unknown' ? 'unknown' : before);
    lone.hear(heard);
    expect(lone.stateOf('a')).toBe(after);
    expect(lone.takeEvents()).toEqual(event === '-' ? [] : [event]);
    const about = lone.told(200).filter((text) => text.split(' ')[1] === 'a');
    // Whoever suspects also says so itself when it asks the suspect.
    expect(about.filter((text) => !text.endsWith('by m'))).toEqual(told === '-' ? [] : [told]);
  });

  it('lets another address have the name of the dead after the time for that', () => {
    const lone = new Lone({ others: { ...others, a: 'alive 5' }, reclaimAfterMs: 10_000 });
    lone.hear('dead a 5 by b');
    lone.pass(9_000);
    lone.hear('alive a 1 at z');
    expect(lone.stateOf('a')).toBe('dead 5');
    lone.pass(1_500);
    lone.hear('alive a 1 at z');
    expect(lone.stateOf('a')).toBe('alive 1');
    const ofA = lone.takeEvents().filter((event) => /a$|conflict/.test(event));
    expect(ofA).toEqual(['failed a', 'conflict', 'joined a']);
  });

  it('does not remember suspicions of an earlier life: they would never end', () => {
    const lone = new Lone({ others: { a: 'suspect 2', b: 'dead 3', c: 'left 4' } });
    expect(['a', 'b', 'c'].map((node) => lone.stateOf(node))).toEqual([
      'alive 2',
      'dead 3',
      'left 4',
    ]);
  });
});

/** heard | own incarnation afterwards | told */
const aboutUs = `
suspect m 0 by b | 1 | -
suspect m 1 by b | 2 | alive m 2
suspect m 7 by b | 8 | alive m 8
dead m 0 by b    | 1 | -
dead m 1 by b    | 2 | alive m 2
dead m 1 by m    | 2 | alive m 2
alive m 1        | 1 | -
alive m 1 other  | 2 | alive m 2
alive m 4        | 5 | alive m 5
alive m 9 at z   | 1 | -
`;

const rowsAboutUs = aboutUs
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.split('|').map((cell) => cell.trim()) as [string, string, string]);

function quiet(): Lone {
  const lone = new Lone({ others });
  lone.pass(3_500);
  lone.takeSent();
  lone.takeEvents();
  return lone;
}

describe('what is said of ourselves', () => {
  it.each(rowsAboutUs)('%s: incarnation %s, told %s', (heard, incarnation, told) => {
    const lone = quiet();
    lone.hear(heard);
    expect(lone.stateOf('m')).toBe(`alive ${incarnation}`);
    const about = lone.told(200).filter((text) => text.split(' ')[1] === 'm');
    expect(about).toEqual(told === '-' ? [] : [told]);
  });

  it('makes us less sure of our own health', () => {
    const lone = quiet();
    const before = lone.swim.healthScore;
    lone.hear('suspect m 1 by b');
    expect(lone.swim.healthScore - before).toBe(1);
    expect(lone.swim.counters.refutations).toBe(1);
  });

  it('is not contradicted once we leave', () => {
    const lone = quiet();
    lone.use((swim, nowMs) => swim.leave(nowMs));
    for (const heard of ['dead m 1 by m', 'suspect m 1 by b', 'alive m 4']) lone.hear(heard);
    expect(lone.stateOf('m')).toBe('left 1');
    expect(lone.told(5_000)).toEqual(['dead m 1 by m']);
    expect(lone.takeEvents()).toEqual(['leave-told']);
  });

  it('says what is new of us with a new incarnation', () => {
    const lone = quiet();
    lone.use((swim, nowMs) => swim.setMeta(Buffer.from('new'), nowMs));
    expect(lone.told(200)).toEqual(['alive m 2 new']);
  });
});
