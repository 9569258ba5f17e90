import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import {
  formatOp,
  formatRuleSet,
  ruleKey,
  type Op,
  type RuleSet,
  type VirtualServiceRule,
} from '../../../src/model/index.js';
import { ruleSets } from '../../support/arbitrary-rules.js';
import { checkProperty } from '../../support/property.js';
import { settledText, textOf } from '../../support/strict-model.js';
import { ReconcilerBench } from './bench.js';

/** What some kernel holds: ours, and virtual services of somebody else. */
interface Held {
  readonly own: RuleSet;
  readonly foreign: readonly VirtualServiceRule[];
}

const held: fc.Arbitrary<Held> = fc
  .record({ rules: ruleSets(), theirs: fc.subarray([0, 1, 2]) })
  .map(({ rules, theirs }) => {
    const own = new Map(rules);
    const services = [...rules.values()].filter((rule) => rule.kind === 'virtual-service');
    const foreign = services.filter((_rule, i) => theirs.includes(i));
    for (const rule of foreign) own.delete(ruleKey(rule));
    return { own, foreign };
  });

function kernelWith({ own, foreign }: Held): FakeKernel {
  const kernel = new FakeKernel();
  kernel.plant(...own.values());
  kernel.plantForeign(...foreign);
  return kernel;
}

/** Starts a new process over the kernel; the wait of what retires is over at once. */
async function run(kernel: FakeKernel, desired: RuleSet): Promise<ReconcilerBench> {
  const bench = new ReconcilerBench({ kernel });
  bench.table.put('all', [...desired.values()]);
  await bench.start();
  return bench;
}

/** The kernel holds what is desired, what is not ours has stayed, and there is nothing left to do. */
async function expectSettled(bench: ReconcilerBench, desired: RuleSet, { foreign }: Held) {
  await bench.repair();
  const wanted = new Map(desired);
  for (const rule of foreign) wanted.delete(ruleKey(rule));
  const { kernel } = bench;
  expect(textOf(kernel.rules)).toBe(settledText(wanted, kernel.rules));
  const observation = await kernel.observe({ sysctls: [] });
  expect(formatRuleSet(observation.foreign)).toBe(formatRuleSet(foreign));
  bench.takeOps();
  await bench.repair();
  expect(bench.takeOps()).toEqual([]);
  expect(bench.lastReport).toMatchObject({ ops: 0, drift: [] });
  await bench.reconciler.stop();
}

function touched({ target }: Op): string {
  return ruleKey(target.kind === 'destination' ? target.service : target);
}

describe('Reconciler, from any state of the kernel to any other', () => {
  it('gets there without one refused Op, and touches nothing that is not ours', async () => {
    await checkProperty(
      fc.asyncProperty(ruleSets(), held, async (desired, before) => {
        const kernel = kernelWith(before);
        const bench = await run(kernel, desired);
        expect(bench.reports.map(({ error }) => error)).toEqual([undefined]);
        const theirs = before.foreign.map(ruleKey);
        for (const op of kernel.applied) expect(theirs, formatOp(op)).not.toContain(touched(op));
        await expectSettled(bench, desired, before);
      }),
      { runs: 300 },
    );
  });

  it('gets there after the process died behind any of its Ops', async () => {
    await checkProperty(
      fc.asyncProperty(ruleSets(), held, async (desired, before) => {
        const whole = kernelWith(before);
        const { ops } = (await run(whole, desired)).reports[0]!;
        for (let stop = 0; stop < ops; stop++) {
          const kernel = kernelWith(before);
          kernel.crashAfter(stop);
          await run(kernel, desired);
          kernel.restart();
          await expectSettled(await run(kernel, desired), desired, before);
        }
      }),
      { runs: 60 },
    );
  });

  it('gets there by itself when the kernel went away behind any of its Ops', async () => {
    await checkProperty(
      fc.asyncProperty(ruleSets(), held, fc.nat(20), async (desired, before, stop) => {
        const kernel = kernelWith(before);
        kernel.crashAfter(stop);
        const bench = await run(kernel, desired);
        await bench.clock.advance(1000);
        kernel.restart();
        await bench.clock.advance(10_000);
        await expectSettled(bench, desired, before);
      }),
      { runs: 150 },
    );
  });

  it('gets there by changes alone, through any states in between', async () => {
    await checkProperty(
      fc.asyncProperty(
        fc.array(ruleSets(), { minLength: 1, maxLength: 5 }),
        held,
        async (steps, before) => {
          const bench = await run(kernelWith(before), new Map());
          for (const desired of steps) await bench.wantRules('all', [...desired.values()]);
          expect(bench.kernel.observations).toBe(1);
          await expectSettled(bench, steps.at(-1)!, before);
        },
      ),
      { runs: 150 },
    );
  });

  it('gets there although Ops are refused now and then', async () => {
    await checkProperty(
      fc.asyncProperty(
        ruleSets(),
        ruleSets(),
        held,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
        async (first, second, before, refusals) => {
          const kernel = kernelWith(before);
          const left = [...refusals];
          kernel.addFault({ errno: 16, hits: () => left.shift() === true });
          const bench = await run(kernel, first);
          await bench.wantRules('all', [...second.values()]);
          await bench.clock.advance(60_000);
          kernel.clearFaults();
          expect(bench.lastReport.failed).toBeUndefined();
          await expectSettled(bench, second, before);
        },
      ),
      { runs: 150 },
    );
  });
});
