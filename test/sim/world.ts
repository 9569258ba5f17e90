import { profiles, type GossipEvent, type MemberState } from '../../src/gossip/index.js';
import { Network } from './network.js';
import { seededRandom } from './random.js';
import type { Scenario, Step } from './scenario.js';
import { SimMember } from './sim-member.js';

export interface Observer {
  started(host: SimMember): void;
  saw(host: SimMember, event: GossipEvent): void;
  /** What happens to the cluster, for people. */
  note(text: string): void;
}

/** The hosts of a scenario, and what happens to them. */
export class World {
  readonly network: Network;
  readonly hosts: readonly SimMember[];
  private readonly memories = new Map<SimMember, readonly MemberState[]>();
  private readonly counts = new Map<SimMember, number>();
  private broadcasts = 0;

  constructor(
    private readonly scenario: Scenario,
    private readonly observer: Observer,
  ) {
    this.network = new Network(seededRandom(scenario.seed + 0x5eed));
    this.network.weather = scenario.weather;
    const choices = { profile: profiles[scenario.profile] };
    this.hosts = Array.from(
      { length: scenario.members },
      (_, index) =>
        new SimMember(`node-${index}`, index, this.network, choices, (host, event) => {
          observer.saw(host, event);
          // Whoever has said goodbye ends, once what it said is on its way.
          const { life } = host;
          if (event.kind === 'leave-told')
            this.network.after(1, () => {
              if (host.life === life) host.crash();
            });
        }),
    );
    for (const host of this.hosts)
      this.network.after(this.network.random() * 5_000, () => this.start(host, false));
    for (const step of scenario.steps) this.network.events.at(step.atMs, () => this.perform(step));
  }

  host(name: string): SimMember {
    return this.hosts.find((one) => one.name === name)!;
  }

  /** Those that run and mean to stay. */
  get living(): readonly SimMember[] {
    return this.hosts.filter(({ reachable, hasLeft }) => reachable && !hasLeft);
  }

  /** The meta that this host tells of itself. */
  metaOf(host: SimMember): string {
    return `${host.life}.${this.counts.get(host) ?? 0}`;
  }

  /** From here on nothing happens any more. */
  calm(): void {
    this.observer.note('calm');
    this.network.healAll();
    this.network.weather = { loss: 0, duplicate: 0, delayMinMs: 0.2, delayMaxMs: 2 };
    for (const host of this.hosts) host.feed();
    // Of the seeds one must be there, or nobody who starts finds anybody.
    const first = this.hosts[0]!;
    if (first.hasLeft) first.crash();
    this.start(first, false);
  }

  private start(host: SimMember, knows: boolean): void {
    if (host.reachable) return;
    const known = knows ? this.memories.get(host) : undefined;
    this.counts.set(host, 0);
    this.observer.note(`${host.name} starts${known === undefined ? '' : ', remembering'}`);
    const seeds = this.hosts.slice(0, this.scenario.seeds).filter((one) => one !== host);
    host.start(
      `${host.life + 1}.0`,
      seeds.map(({ at }) => at),
      known,
      () => this.observer.started(host),
    );
  }

  private crash(host: SimMember): void {
    if (host.swim !== undefined) this.memories.set(host, host.swim.members());
    host.crash();
  }

  private perform(step: Step): void {
    if (!('host' in step)) {
      this.disturb(step);
      return;
    }
    const host = this.hosts[step.host]!;
    if (step.kind === 'start') {
      this.start(host, step.knows);
      return;
    }
    if (!host.reachable || host.hasLeft) return;
    this.observer.note(`${host.name}: ${textOf(step)}`);
    switch (step.kind) {
      case 'crash':
        this.crash(host);
        break;
      case 'restart':
        this.crash(host);
        this.network.after(step.downMs, () => {
          if (this.network.nowMs < this.scenario.calmAtMs) this.start(host, step.knows);
        });
        break;
      case 'leave':
        this.memories.set(host, host.swim!.members());
        host.leave();
        break;
      case 'meta':
        this.counts.set(host, (this.counts.get(host) ?? 0) + 1);
        host.setMeta(this.metaOf(host));
        break;
      case 'broadcast':
        host.broadcast(`name-${this.broadcasts++ % 8}`, `news from ${host.name}`);
        break;
      case 'jump':
        host.jumpClock(step.ms);
        break;
      case 'starve':
        this.starve(host, step.everyMs);
        break;
    }
  }

  /** Stopped for these times, with a moment of running in between. */
  private starve(host: SimMember, [firstMs, ...restMs]: readonly number[]): void {
    if (firstMs === undefined) return;
    const { life } = host;
    host.starve();
    this.network.after(firstMs, () => {
      if (host.life !== life) return;
      host.feed();
      this.network.after(2, () => {
        if (host.life === life && host.reachable && this.network.nowMs < this.scenario.calmAtMs)
          this.starve(host, restMs);
      });
    });
  }

  private disturb(step: Exclude<Step, { host: number }>): void {
    this.observer.note(textOf(step));
    if (step.kind === 'heal') this.network.healAll();
    else if (step.kind === 'weather') this.network.weather = step.weather;
    else
      for (const inside of this.hosts)
        for (const outside of this.hosts)
          if (step.hosts.includes(inside.index) && !step.hosts.includes(outside.index)) {
            this.network.cutOff(inside.at.address, outside.at.address);
            if (step.bothWays) this.network.cutOff(outside.at.address, inside.at.address);
          }
  }
}

function textOf(step: Step): string {
  switch (step.kind) {
    case 'restart':
      return `crashes, starts again after ${Math.round(step.downMs)} ms`;
    case 'jump':
      return `its clock jumps by ${step.ms} ms`;
    case 'starve':
      return `does not run for ${step.everyMs.join(' ms, ')} ms`;
    case 'weather': {
      const { loss, duplicate, delayMaxMs } = step.weather;
      return `weather: ${percent(loss)} lost, ${percent(duplicate)} twice, up to ${Math.round(delayMaxMs)} ms late`;
    }
    case 'cut': {
      const names = step.hosts.map((index) => `node-${index}`).join(' ');
      return `cut off${step.bothWays ? '' : ' (what they say, not what they hear)'}: ${names}`;
    }
    case 'crash':
    case 'leave':
    case 'start':
    case 'meta':
    case 'broadcast':
    case 'heal':
      return step.kind;
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
