import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/command.js';
import { difference, kernelState } from '../support/kernel-state.js';
import { Meshd } from '../support/meshd.js';
import { servicesYaml, type Case, type ServiceText } from '../support/scene.js';

const rounds = 10;
const fields = ['scheduler: wrr', 'drainDeadline: 0s'];

function file(services: readonly ServiceText[]): string {
  return servicesYaml(services.map((service) => ({ ...service, fields })));
}

/** Two files that share a service and differ in everything else. */
const files = [
  file([
    { name: 'a', vip: 10 },
    { name: 'b', vip: 11, ports: '80:8080, 1000-1019:8080-8099' },
    { name: 'c', vip: 12, weights: { s1: 1 } },
  ]),
  file([
    { name: 'a', vip: 10 },
    { name: 'b', vip: 13, ports: '80:8080, 2000-2019:8080-8099' },
    { name: 'c', vip: 12, weights: { s2: 5, s3: 2 } },
    { name: 'd', vip: 14 },
  ]),
] as const;

export const crash: Case = {
  name: 'crash',
  about: 'killed at any point of a reload, meshd reaches what the file says at its next start',
  async run({ topology, report }) {
    const meshd = await Meshd.fresh(topology, files[0]);
    const wanted = [await kernelState(topology, 'lb')];
    await meshd.reload(files[1]);
    wanted.push(await kernelState(topology, 'lb'));
    const random = sequence(1);
    const waitsMs: number[] = [];
    let unlike = 0;
    let interrupted = 0;
    for (let round = 0; round < rounds; round++) {
      const next = round % 2;
      const before = await kernelState(topology, 'lb');
      await meshd.write(files[next]!);
      meshd.signal('SIGHUP');
      const waitMs = Math.round(random() * 150);
      waitsMs.push(waitMs);
      await sleep(waitMs);
      await meshd.end('SIGKILL');
      const between = await kernelState(topology, 'lb');
      if (between !== before && between !== wanted[next]) interrupted++;
      await meshd.start();
      try {
        await until('the state of the file', 5_000, async () => {
          return (await kernelState(topology, 'lb')) === wanted[next];
        });
      } catch {
        unlike++;
        const found = await kernelState(topology, 'lb');
        report.note(`round ${round}, killed after ${waitMs} ms`);
        report.note(difference(wanted[next]!, found));
      }
    }
    report.claim(
      unlike === 0,
      `${rounds} times kill -9 during a reload: the next start reached the state of the file`,
      `killed after ${Math.min(...waitsMs)} to ${Math.max(...waitsMs)} ms, ` +
        `${interrupted} times between the two states`,
    );
    await meshd.end('SIGTERM');
  },
};

/** Numbers from 0 to 1 that are the same in every run: mulberry32. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
