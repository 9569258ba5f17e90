import { describe, expect, it, vi } from 'vitest';
import type { Catalog } from '../../../src/catalog/index.js';
import { CatalogTurns } from '../../../src/mesh/catalog-turns.js';
import { ManualClock } from '../../support/clock.js';

describe('CatalogTurns', () => {
  it('gives no turn before it is started nor after it is stopped', () => {
    const clock = new ManualClock();
    const tick = vi.fn();
    const catalog = { tick, ready: () => [] } as unknown as Catalog;
    const nothing = (): void => undefined;
    const around = { broadcast: nothing, send: nothing, changed: nothing, epochBegan: nothing };
    const turns = new CatalogTurns(catalog, { clock, ...around });
    turns.soon();
    clock.advance(1_000);
    expect(tick).not.toHaveBeenCalled();
    turns.start();
    turns.soon();
    clock.advance(5);
    expect(tick).toHaveBeenCalledTimes(2);
    turns.stop();
    turns.soon();
    clock.advance(1_000);
    expect(tick).toHaveBeenCalledTimes(2);
  });
});
