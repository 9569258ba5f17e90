import type { ProfileName } from '../../src/gossip/index.js';
import { fair, type Weather } from './network.js';
import { between, oneOf, seededRandom, wholeBetween } from './random.js';

/** What happens to a cluster. Hosts go by index. */
export type Step = { readonly atMs: number } & (
  | { readonly kind: 'crash' | 'leave' | 'start'; readonly host: number; readonly knows: boolean }
  | {
      readonly kind: 'restart';
      readonly host: number;
      readonly downMs: number;
      /** It starts with the members it knew. */
      readonly knows: boolean;
    }
  | { readonly kind: 'meta' | 'broadcast'; readonly host: number }
  | { readonly kind: 'jump'; readonly host: number; readonly ms: number }
  | { readonly kind: 'starve'; readonly host: number; readonly everyMs: readonly number[] }
  | { readonly kind: 'weather'; readonly weather: Weather }
  /** Nothing goes from these to the others; both ways: nor back. */
  | { readonly kind: 'cut'; readonly hosts: readonly number[]; readonly bothWays: boolean }
  | { readonly kind: 'heal' }
);

type Kind = Step['kind'];

export interface Scenario {
  readonly seed: number;
  readonly members: number;
  readonly profile: ProfileName;
  /** Everybody joins through the first so many. */
  readonly seeds: number;
  /** Nothing is lost, late, stopped or cut off: whoever runs must not be declared dead. */
  readonly clean: boolean;
  readonly weather: Weather;
  /** By time. */
  readonly steps: readonly Step[];
  /** After all steps. */
  readonly calmAtMs: number;
}

const cleanKinds: readonly Kind[] = [
  'crash',
  'start',
  'leave',
  'restart',
  'meta',
  'meta',
  'broadcast',
  'jump',
];
const roughKinds: readonly Kind[] = [
  ...cleanKinds,
  'starve',
  'starve',
  'cut',
  'cut',
  'heal',
  'weather',
];

/** What the seed stands for; the same whatever the members do. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(seed);
  const members = random() < 0.85 ? wholeBetween(random, 2, 8) : wholeBetween(random, 9, 20);
  const clean = random() < 0.3;
  const kinds = clean ? cleanKinds : roughKinds;
  const pauseMs = between(random, 500, 8_000);
  const steps: Step[] = [];
  const endMs = between(random, 20_000, 90_000);
  const start = between(random, 1, 15_000);
  for (let atMs = start; atMs < endMs; atMs += between(random, 1, 2 * pauseMs))
    steps.push(stepOf(random, oneOf(random, kinds), atMs, members));
  return {
    seed,
    members,
    profile: oneOf(random, ['lan', 'lan', 'fast', 'fast', 'local', 'wan']),
    seeds: wholeBetween(random, 2, Math.min(4, members)),
    clean,
    weather: clean ? cleanWeather(random) : roughWeather(random),
    steps,
    calmAtMs: endMs,
  };
}

function stepOf(random: () => number, kind: Kind, atMs: number, members: number): Step {
  const host = wholeBetween(random, 0, members - 1);
  const knows = random() < 0.5;
  switch (kind) {
    case 'restart':
      return { atMs, kind, host, knows, downMs: random() * oneOf(random, [10, 1_000, 20_000]) };
    case 'jump':
      return { atMs, kind, host, ms: Math.round(between(random, -1, 1) * 3_600_000) };
    case 'starve': {
      const longest = oneOf(random, [300, 3_000, 15_000]);
      const times = wholeBetween(random, 1, 8);
      const everyMs = Array.from({ length: times }, () => Math.ceil(random() * longest));
      return { atMs, kind, host, everyMs };
    }
    case 'weather':
      return { atMs, kind, weather: random() < 0.5 ? fair : roughWeather(random) };
    case 'cut': {
      const all = Array.from({ length: members }, (_, index) => index);
      const hosts = random() < 0.4 ? [host] : all.filter(() => random() < 0.5);
      return { atMs, kind, hosts, bothWays: random() < 0.5 };
    }
    case 'heal':
      return { atMs, kind };
    case 'meta':
    case 'broadcast':
      return { atMs, kind, host };
    case 'crash':
    case 'leave':
    case 'start':
      return { atMs, kind, host, knows };
  }
}

/** Duplicates and overtakes, but nothing takes longer than a probe may. */
function cleanWeather(random: () => number): Weather {
  const delayMaxMs = between(random, 0.5, 20);
  return { loss: 0, duplicate: random() * 0.2, delayMinMs: 0.2, delayMaxMs };
}

function roughWeather(random: () => number): Weather {
  return {
    loss: random() * oneOf(random, [0, 0.1, 0.4]),
    duplicate: random() * 0.2,
    delayMinMs: 0.2,
    delayMaxMs: between(random, 0.5, oneOf(random, [5, 100, 700])),
  };
}
