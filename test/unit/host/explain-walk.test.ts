import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExplainQuery, Explanation } from '../../../src/api/index.js';
import {
  answerExplain,
  explainAcross,
  type ExplainMesh,
  type OtherNode,
} from '../../../src/host/explain-walk.js';
import type { ExplainedPart, ExplainQuestion } from '../../../src/host/explain-question.js';
import { checkPart, checkQuestion } from '../../../src/host/explain-question.js';
import { checkProperty } from '../../support/property.js';
import type { NetworkState } from '../../../src/host/overlay.js';
import { HostBench, spec } from './bench.js';

/** What another node says; absent = it is silent. */
type Answers = (question: ExplainQuestion) => unknown;

interface Other {
  readonly address?: string;
  readonly isLive?: boolean;
  readonly says?: Answers;
}

const query: ExplainQuery = {
  source: '198.51.100.7',
  destination: '192.0.2.2',
  port: 80,
  protocol: 'tcp',
};

const step = (title: string): ExplainedPart['steps'][number] => {
  return { kind: 'arrival', title, detail: 'told', node: 'b' };
};

function part(change: Partial<ExplainedPart> = {}): ExplainedPart {
  const outcome = { verdict: 'balanced', text: 'web: goes to', destinations: [] } as const;
  return { steps: [step('b')], outcome, next: [], after: [], ...change };
}

const front: NetworkState = {
  network: {
    ...{ name: 'front', vni: 4_097, subnets: ['10.64.0.0/24'], port: 4_789 },
    ...{ internal: false, sealed: false },
  },
  local: [],
  remote: [],
};

async function walked(
  others: Readonly<Record<string, Other>>,
  packet: Partial<ExplainQuery> = {},
): Promise<{
  readonly said: Explanation;
  readonly asked: readonly string[];
}> {
  const asked: string[] = [];
  const mesh: ExplainMesh = {
    self: 'a',
    all: () => [front],
    sandboxAt: () => Promise.resolve(undefined),
    others: () =>
      Object.entries(others).map(([name, { address = '10.0.0.9', isLive = true }]): OtherNode => {
        return { name, address, isLive };
      }),
    ask: (node, question) => {
      asked.push(`${node} ${question.part}`);
      const { says } = others[node]!;
      return says === undefined
        ? Promise.reject(new Error('no answer in 2 s'))
        : Promise.resolve(says(question));
    },
  };
  const bench = await new HostBench().start();
  await bench.apply(spec('web vip=10.96.0.1', '10.0.0.11 name=web-1'));
  const { controller, table, kernel, health } = bench;
  const said = await explainAcross(
    { ...query, ...packet },
    { controller, table, kernel, health, networks: mesh },
    mesh,
  );
  return { said, asked };
}

const task = { to: 'task', address: '10.255.0.3', port: 80, protocol: 'tcp' } as const;
const call = { ...task, source: '198.51.100.7', node: 'c' };

describe('an explanation across nodes', () => {
  it('is told by the node whose address it is', async () => {
    const { said, asked } = await walked({
      b: { says: ({ part: what }) => (what === 'whose' ? ['host'] : part()) },
      c: { says: () => [''] },
    });
    expect(asked).toEqual(['b whose', 'c whose', 'b call']);
    expect(said.steps).toEqual([step('b')]);
    expect(said.outcome.text).toBe('web: goes to');
  });

  it('asks nobody whose an address is that a node gossips by', async () => {
    const { asked } = await walked({ b: { address: '192.0.2.2', says: () => part() } });
    expect(asked).toEqual(['b call']);
  });

  it('goes on with the tasks, calls them by their names, and returns', async () => {
    const { said, asked } = await walked({
      b: {
        address: '192.0.2.2',
        says: () =>
          part({
            steps: [step('destination 10.255.0.3 on node c')],
            outcome: {
              verdict: 'balanced',
              text: 'web: goes to 10.255.0.3 on node c',
              destinations: ['10.255.0.3:80'],
            },
            next: [call],
            after: [step('back')],
          }),
      },
      c: { says: () => part({ steps: [step('listener')], task: 't1' }) },
    });
    expect(asked).toEqual(['b call', 'c task']);
    expect(said.steps.map(({ title }) => title)).toEqual([
      'destination t1 on node c',
      'listener',
      'back',
    ]);
    expect(said.outcome.text).toBe('web: goes to t1 on node c');
  });

  it('is a refusal when no task takes it, and the refusal stands last', async () => {
    const refused = { verdict: 'refused', text: 'nobody listens', destinations: [] } as const;
    const { said } = await walked({
      b: { address: '192.0.2.2', says: () => part({ next: [call], after: [step('back')] }) },
      c: { says: () => part({ steps: [step('end')], outcome: refused }) },
    });
    expect(said.outcome).toMatchObject({
      verdict: 'refused',
      text: 'web: goes to; but nobody listens',
    });
    expect(said.steps.at(-1)!.title).toBe('end');
  });

  it('goes on without a task whose node is silent', async () => {
    const { said } = await walked({
      b: { address: '192.0.2.2', says: () => part({ next: [call], after: [step('back')] }) },
      c: {},
    });
    expect(said.steps.map(({ title }) => title)).toEqual(['b', 'silence of c', 'back']);
    expect(said.outcome.verdict).toBe('balanced');
  });

  it.each<[string, Other]>([
    ['a node that is silent', { address: '192.0.2.2' }],
    ['one that talks nonsense', { address: '192.0.2.2', says: () => ({ steps: 'all' }) }],
  ])('is told from here for %s', async (_what, b) => {
    const { said } = await walked({ b });
    expect(said.steps.map(({ kind, node }) => `${kind} ${node!}`)).toEqual([
      'silence a',
      'arrival a',
    ]);
    expect(said.steps[0]!.detail).toContain('what follows is from the view of node a');
  });

  it('says where a kernel does not hold what it should', async () => {
    const lacking = { ...step('b'), rule: 'fdb', kernel: 'lacks' };
    const { said } = await walked({
      b: { address: '192.0.2.2', says: () => part({ steps: [lacking] }) },
    });
    expect(said.steps.at(-1)).toMatchObject({ kind: 'end', title: 'drift' });
    expect(said.outcome.text).toContain('the kernel does not hold all of it (on node b)');
  });

  it('begins at the node of the task that calls, and comes back to this one', async () => {
    const outward = { to: 'address', packet: { ...query, destination: '10.96.0.1' } } as const;
    const { said, asked } = await walked(
      {
        b: {
          says: ({ part: what }) =>
            what === 'whose' ? ['task'] : part({ next: [outward], after: [step('back')] }),
        },
      },
      { source: '10.64.0.2', destination: '10.96.0.1' },
    );
    expect(asked).toEqual(['b whose', 'b call']);
    expect(said.steps.map(({ title, node }) => `${node!} ${title}`)).toEqual([
      'b b',
      'a arrival',
      'a virtual service web',
      'a destination web-1',
      'a to 10.0.0.11:80',
      'b back',
    ]);
  });

  it('has nothing to tell of a task that nobody has', async () => {
    const { said } = await walked({ b: { says: () => ['', ''] } }, { source: '10.64.0.2' });
    expect(said.outcome).toMatchObject({
      verdict: 'refused',
      text: '10.64.0.2 is an address of a network, and no task of a node has it',
    });
  });

  it('goes to no more nodes than a packet does', async () => {
    const again = { to: 'address', packet: query } as const;
    const { asked } = await walked({
      b: { address: '192.0.2.2', says: () => part({ next: [again] }) },
    });
    expect(asked).toEqual(['b call', 'b call', 'b call']);
  });
});

describe('questions of other nodes', () => {
  it('are answered with a part that they accept', async () => {
    const bench = await new HostBench().start();
    const said = await answerExplain({ part: 'call', packet: query }, bench);
    expect(checkPart(JSON.parse(JSON.stringify(said)))).toEqual(said);
    const owners = await answerExplain({ part: 'whose', addresses: ['192.0.2.2'] }, bench);
    expect(owners).toEqual(['']);
  });

  it('are refused when they are none, whatever they are', async () => {
    const samples = [{ part: 'task', call, from: 'a' }, part({ next: [call], after: [step('b')] })];
    expect(checkQuestion(samples[0])).toEqual(samples[0]);
    const damaged = fc
      .tuple(fc.constantFrom(...samples), fc.array(fc.nat(9), { maxLength: 4 }), fc.jsonValue())
      .map(([sample, path, value]) => replaced(structuredClone(sample), path, value));
    const there = fc.property(damaged, (value) => {
      for (const check of [checkQuestion, checkPart]) {
        const problem = problemOf(() => check(value));
        // Said by the check, not by what stumbled.
        if (problem !== undefined) expect(problem.constructor).toBe(Error);
      }
    });
    await checkProperty(there, { runs: 2_000 });
  });
});

function problemOf(run: () => unknown): Error | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** With `value` in the place that `path` leads to. */
function replaced(root: unknown, [first, ...rest]: readonly number[], value: unknown): unknown {
  if (first === undefined || typeof root !== 'object' || root === null) return value;
  const keys = Object.keys(root);
  if (keys.length === 0) return value;
  const key = keys[first % keys.length]!;
  const fields = root as Record<string, unknown>;
  fields[key] = replaced(fields[key], rest, value);
  return root;
}
