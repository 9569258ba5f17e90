import { describe, expect, it } from 'vitest';
import { Runner, type RunnerOptions, type Scope } from '../../../src/reconcile/index.js';
import { settle, SimClock } from '../../support/sim-clock.js';

const options: RunnerOptions = {
  repairIntervalMs: 10_000,
  networkIntervalMs: 200,
  retryMinMs: 100,
  retryMaxMs: 1000,
  repairShareMax: 0.1,
};

/** A runner whose passes last and end as the test says; `log` tells when which scope began. */
class Bench {
  readonly clock = new SimClock();
  readonly log: string[] = [];
  /** What the next passes return; true when it is empty. */
  readonly results: boolean[] = [];
  tookMs = 0;
  active = 0;
  private release: (() => void) | undefined;
  readonly runner: Runner;

  constructor(over: Partial<RunnerOptions> = {}) {
    this.runner = new Runner(this.clock, (scope) => this.pass(scope), { ...options, ...over });
  }

  /** Passes hang until `finish`. */
  hold = false;

  async started(): Promise<this> {
    this.runner.start();
    await this.clock.advance(0);
    this.log.length = 0;
    return this;
  }

  async finish(): Promise<void> {
    this.release?.();
    this.release = undefined;
    await this.clock.advance(0);
  }

  private async pass(scope: Scope): Promise<boolean> {
    this.log.push(`${this.clock.now()} ${scope}`);
    expect(++this.active).toBe(1);
    if (this.hold) await new Promise<void>((resolve) => (this.release = resolve));
    this.clock.skip(this.tookMs);
    this.active--;
    return this.results.shift() ?? true;
  }
}

describe('Runner', () => {
  it('begins with a pass over everything', async () => {
    const bench = new Bench();
    bench.runner.poke('changes');
    await bench.clock.advance(50_000);
    expect(bench.log).toEqual([]);
    bench.runner.start();
    await bench.clock.advance(0);
    expect(bench.log).toEqual(['50000 everything']);
  });

  it('1: many pokes before a pass lead to one pass, soon', async () => {
    const bench = await new Bench().started();
    for (let i = 0; i < 100; i++) bench.runner.poke('changes');
    await bench.clock.advance(0);
    expect(bench.log).toEqual(['0 changes']);
  });

  it('1: a poke for everything is not forgotten over one for changes', async () => {
    const bench = await new Bench().started();
    bench.runner.poke('everything');
    bench.runner.poke('changes');
    await bench.clock.advance(0);
    expect(bench.log).toEqual(['0 everything']);
  });

  it('2: pokes during a pass lead to one more after it', async () => {
    const bench = await new Bench().started();
    bench.hold = true;
    bench.runner.poke('changes');
    await bench.clock.advance(5);
    bench.runner.poke('changes');
    bench.runner.poke('changes');
    await bench.clock.advance(5);
    expect(bench.log).toEqual(['0 changes']);
    bench.hold = false;
    await bench.finish();
    expect(bench.log).toEqual(['0 changes', '10 changes']);
    await bench.clock.advance(1000);
    expect(bench.log).toHaveLength(2);
  });

  it('3: a pass over everything follows after the repair interval, counted from the end', async () => {
    const bench = await new Bench().started();
    bench.tookMs = 500;
    await bench.clock.advance(21_000);
    expect(bench.log).toEqual(['10000 everything', '20500 everything']);
  });

  it('3: passes for changes do not put it off, and one that is due takes it along', async () => {
    const bench = await new Bench().started();
    await bench.clock.advance(9000);
    bench.runner.poke('changes');
    await bench.clock.advance(999);
    expect(bench.log).toEqual(['9000 changes']);
    bench.clock.skip(1);
    bench.runner.poke('changes');
    await bench.clock.advance(5000);
    expect(bench.log).toEqual(['9000 changes', '10000 everything']);
  });

  it('3: the interval grows with what a pass over everything costs', async () => {
    const bench = new Bench();
    bench.tookMs = 3000;
    bench.runner.start();
    await bench.clock.advance(0);
    bench.tookMs = 0;
    await bench.clock.advance(32_999 - bench.clock.now());
    expect(bench.log).toEqual(['0 everything']);
    await bench.clock.advance(1);
    expect(bench.log).toEqual(['0 everything', '33000 everything']);
    await bench.clock.advance(10_000);
    expect(bench.log).toHaveLength(3);
  });

  it('4: a failed pass is tried again, over everything, after a wait that doubles to a maximum', async () => {
    const bench = new Bench();
    bench.results.push(false, false, false, false, false, false);
    bench.runner.start();
    await bench.clock.advance(5000);
    expect(bench.log.map((line) => line.split(' ')[0])).toEqual(
      ['0', '100', '300', '700', '1500', '2500', '3500'], // then well
    );
    expect(bench.log.every((line) => line.endsWith('everything'))).toBe(true);
  });

  it('4: the wait begins anew after a pass that went well', async () => {
    const bench = new Bench();
    bench.results.push(false, false, true, false, true);
    bench.runner.start();
    await bench.clock.advance(300);
    bench.log.length = 0;
    bench.runner.poke('everything');
    await bench.clock.advance(100);
    expect(bench.log).toEqual(['300 everything', '400 everything']);
  });

  it('4: pokes for changes do not wait for the retry, nor put it off', async () => {
    const bench = await new Bench({ retryMinMs: 1000, retryMaxMs: 8000 }).started();
    bench.results.push(false);
    bench.runner.poke('changes');
    await bench.clock.advance(400);
    bench.runner.poke('changes');
    await bench.clock.advance(600);
    expect(bench.log).toEqual(['0 changes', '400 changes', '1000 everything']);
  });

  it('4: a stream of failing changes does not put off the pass over everything', async () => {
    const bench = await new Bench({ retryMaxMs: 60_000 }).started();
    for (let i = 0; i < 120; i++) {
      bench.results.push(false);
      bench.runner.poke('changes');
      await bench.clock.advance(90);
    }
    const everything = bench.log.filter((line) => line.endsWith('everything'));
    expect(everything.length).toBeGreaterThan(3);
    expect(everything[0]).toBe('100 everything');
  });

  it('5: passes over the network keep their distance, and hold up no changes', async () => {
    const bench = await new Bench({ networkIntervalMs: 200 }).started();
    bench.runner.poke('network');
    await bench.clock.advance(200);
    for (let i = 0; i < 5; i++) bench.runner.poke('network');
    await bench.clock.advance(50);
    bench.runner.poke('network');
    bench.runner.poke('changes');
    await bench.clock.advance(150);
    expect(bench.log).toEqual(['200 network', '250 changes', '400 network']);
  });

  it('5: a pass over everything takes a wish for the network along', async () => {
    const bench = await new Bench().started();
    bench.runner.poke('network');
    bench.runner.poke('everything');
    await bench.clock.advance(1000);
    expect(bench.log).toEqual(['0 everything']);
  });

  it('6: nothing runs once stop has resolved, whatever is poked', async () => {
    const bench = await new Bench().started();
    bench.hold = true;
    bench.runner.poke('changes');
    await bench.clock.advance(0);
    let stopped = false;
    const stopping = bench.runner.stop().then(() => (stopped = true));
    bench.runner.poke('everything');
    await settle();
    expect(stopped).toBe(false);
    await bench.finish();
    await stopping;
    bench.runner.poke('changes');
    await bench.clock.advance(60_000);
    expect(bench.log).toEqual(['0 changes']);
    expect(bench.clock.pending).toBe(0);
  });

  it('6: stop before the pass that was poked prevents it', async () => {
    const bench = await new Bench().started();
    bench.runner.poke('changes');
    await bench.runner.stop();
    await bench.clock.advance(60_000);
    expect(bench.log).toEqual([]);
  });

  it('may be started again', async () => {
    const bench = await new Bench().started();
    await bench.runner.stop();
    bench.runner.start();
    await bench.clock.advance(0);
    expect(bench.log).toEqual(['0 everything']);
  });
});
