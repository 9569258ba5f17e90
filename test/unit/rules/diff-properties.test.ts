import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Op, RuleSet } from '../../../src/model/index.js';
import { allKeys, diff } from '../../../src/rules/index.js';
import { ruleSets } from '../../support/arbitrary-rules.js';
import { checkProperty } from '../../support/property.js';
import { settledText, StrictModel } from '../../support/strict-model.js';

function plan(desired: RuleSet, observed: RuleSet): Op[] {
  return diff(desired, observed, allKeys(desired, observed));
}

function applyAll(model: StrictModel, ops: readonly Op[]): void {
  for (const op of ops) model.apply(op);
}

describe('diff of any two states', () => {
  it('yields Ops that are each legal where they stand and lead to exactly the desired state', async () => {
    await checkProperty(
      fc.property(ruleSets(), ruleSets(), (desired, observed) => {
        const model = new StrictModel(observed);
        applyAll(model, plan(desired, observed));
        expect(model.text()).toBe(settledText(desired, model.rules));
      }),
      { runs: 1000 },
    );
  });

  it('has nothing left to do the second time', async () => {
    await checkProperty(
      fc.property(ruleSets(), ruleSets(), (desired, observed) => {
        const model = new StrictModel(observed);
        applyAll(model, plan(desired, observed));
        expect(plan(desired, model.rules)).toEqual([]);
      }),
      { runs: 500 },
    );
  });

  it('converges after stopping behind any of its Ops', async () => {
    await checkProperty(
      fc.property(ruleSets(), ruleSets(), (desired, observed) => {
        const ops = plan(desired, observed);
        for (let stop = 0; stop < ops.length; stop++) {
          const model = new StrictModel(observed);
          applyAll(model, ops.slice(0, stop));
          applyAll(model, plan(desired, model.rules));
          expect(plan(desired, model.rules)).toEqual([]);
        }
      }),
      { runs: 200 },
    );
  });

  it('never names an identity it was not asked about, but for what a remade parent takes along', async () => {
    await checkProperty(
      fc.property(ruleSets(), ruleSets(), (desired, observed) => {
        const services = [...allKeys(desired, observed)].filter((key) => key.startsWith('ipvs '));
        for (const op of diff(desired, observed, services)) {
          expect(['virtual-service', 'destination', 'ipvs-timeouts']).toContain(op.target.kind);
        }
      }),
      { runs: 200 },
    );
  });
});
