import { KeyOperator } from './key-operator.js';
import { KeyWorld } from './key-world.js';
import type { SimMeshHost } from './mesh-host.js';
import { fair } from './network.js';
import { between, oneOf, wholeBetween } from './random.js';
import type { Outcome } from './simulate.js';

const calmMaxMs = 240_000;
/** What is right must stay right for so long. */
const stayMs = 3_000;
/** A host with the old keys alone tries to come back for so long. */
const refusedMs = 12_000;
const troubleMs = 20_000;

export interface KeyOutcome extends Outcome {
  /** What was sealed with a key that the receiver had then, and not any more when it came. */
  readonly overtaken: number;
}

/** Whole nodes whose keys are changed under way; `tell` gets a line for each event. */
export function simulateKeys(
  seed: number,
  tell: (line: string) => void = () => undefined,
): Promise<KeyOutcome> {
  return new KeyChaos(seed, new KeyWorld(seed, tell)).run();
}

class KeyChaos {
  private readonly random: () => number;
  private readonly operator: KeyOperator;
  private patience: () => boolean = () => true;
  private pausesMs: readonly number[] = [];
  private isCalm = false;
  /** The change to the world's key was begun and not ended. */
  private isGivenUp = false;

  constructor(
    private readonly seed: number,
    private readonly world: KeyWorld,
  ) {
    this.random = world.random;
    this.operator = new KeyOperator({
      host: () => this.commander(),
      pause: () => this.pause(),
      note: (text) => world.note(text),
      begins: ({ action }) => {
        if (world.kind === 'rough' && action === 'use') this.interrupt();
      },
      done: (change, nodes) => world.checkStep(change, nodes),
    });
  }

  async run(): Promise<KeyOutcome> {
    const { world, random, seed } = this;
    const { network } = world;
    network.weather = {
      loss: 0,
      duplicate: between(random, 0, 0.2),
      delayMinMs: 0.2,
      delayMaxMs: oneOf(random, [2, 10, 25]),
      straggleMs: oneOf(random, [0, 500, 5_000]),
    };
    for (const host of world.hosts) {
      await world.start(host);
      world.change();
    }
    await this.untilAgreed('before any change');
    world.isFearless = world.kind !== 'rough';
    if (world.kind === 'clean') await this.rotateCleanly();
    else if (world.kind === 'away') await this.rotateWithout();
    else await this.rotateInTrouble();
    const calmAtMs = network.nowMs;
    await this.calm();
    const convergedMs = network.nowMs - stayMs - calmAtMs;
    for (const host of world.hosts) await host.crash();
    const { problems, overtaken } = world;
    return { seed, problems, convergedMs, packets: network.packets, overtaken };
  }

  private async rotateCleanly(): Promise<void> {
    const { world, random } = this;
    for (let left = wholeBetween(random, 1, 3); left > 0; left--) {
      // Some give up anywhere, and begin anew with the same key or another one.
      const endsEarly = random() < 0.4;
      const untilMs = endsEarly ? world.network.nowMs + between(random, 0, 5_000) : Infinity;
      this.patience = () => world.network.nowMs < untilMs;
      const isDone = await this.rotate();
      if (!isDone && !endsEarly)
        world.complain('nothing is in the way, but the key is not changed');
    }
  }

  private async rotateInTrouble(): Promise<void> {
    const { world, random } = this;
    const { network } = world;
    network.weather = { ...network.weather, loss: between(random, 0, 0.2) };
    world.isDiskFine = false;
    const untilMs = network.nowMs + troubleMs;
    this.patience = () => network.nowMs < untilMs;
    await this.rotate(() => this.disturb());
    while (this.patience()) {
      await world.pass(between(random, 200, 2_000));
      world.change();
      await this.disturb();
    }
  }

  /** One host is cut off, or down, while the others change their keys. */
  private async rotateWithout(): Promise<void> {
    const { world } = this;
    const away = oneOf(this.random, world.hosts);
    world.away = away;
    const isDown = this.random() < 0.5;
    if (isDown) {
      world.note(`${away.name} is down`);
      await away.crash();
    } else world.cut(away);
    if (!(await this.rotate())) world.complain('the others could not change the key');
    world.note(`${away.name} is back, with the old key`);
    world.heal();
    if (isDown) await world.start(away);
    await this.checkRefused(away);
    await this.changeByHand(away);
  }

  private async checkRefused(away: SimMeshHost): Promise<void> {
    const { world } = this;
    const others = world.hosts.filter((host) => host !== away);
    const untilMs = world.network.nowMs + refusedMs;
    world.isRefused = true;
    while (world.network.nowMs < untilMs) {
      await world.pass(500);
      world.change();
      for (const host of others) {
        if (host.members().some((seen) => isThere(seen) && seen.startsWith(`${away.name} `))) {
          world.complain(`${host.name} sees ${away.name}`);
        }
      }
    }
    world.isRefused = false;
  }

  private async changeByHand(host: SimMeshHost): Promise<void> {
    this.world.note(`${host.name} gets the new key by hand`);
    await host.restartWith([this.world.key], this.world.peers);
  }

  /** Changes the key while time passes and users change services. */
  private async rotate(also?: () => Promise<void>): Promise<boolean> {
    const { world, random } = this;
    if (!this.isGivenUp || random() < 0.5) world.key = world.newKey();
    const isHasty = random() < (world.kind === 'rough' ? 0.7 : 0.4);
    this.pausesMs = isHasty ? [0, 20, 500] : [0, 20, 500, 3_000];
    world.note(`to key ${world.fingerprint}${isHasty ? ', in haste' : ''}`);
    let isDone: boolean | undefined;
    void this.operator.rotateTo(world.key, isHasty).then((done) => (isDone = done));
    while (isDone === undefined) {
      await world.pass(between(random, 200, 2_000));
      world.change();
      await also?.();
    }
    world.note(isDone ? 'the key is changed' : 'given up');
    this.isGivenUp = !isDone;
    return isDone;
  }

  private async disturb(): Promise<void> {
    const { world, random } = this;
    const host = oneOf(random, world.hosts);
    const kind = random();
    if (kind < 0.06 && host.isUp) {
      world.note(`${host.name} crashes`);
      await host.crash();
    } else if (kind < 0.3 && !host.isUp) await world.start(host);
    else if (kind < 0.35 && world.cutHosts.size < 2) world.cut(host);
    else if (kind < 0.5 && world.cutHosts.size > 0) world.heal();
  }

  /** A host may be cut off in the very middle of a command, and stay so for the next ones. */
  private interrupt(): void {
    const { world, random } = this;
    const host = oneOf(random, world.hosts);
    if (this.isCalm || world.cutHosts.size > 0 || random() < 0.5) return;
    world.network.after(between(random, 0, 50), () => world.cut(host));
  }

  /** Nobody gives commands on a host that has lost the others, or is about to be left behind. */
  private commander(): SimMeshHost | undefined {
    const { hosts, cutHosts, away } = this.world;
    const fit = hosts.filter((host) => {
      return host.isUp && !cutHosts.has(host) && (away !== host || this.isCalm);
    });
    const sees = (host: SimMeshHost): number => host.members().filter(isThere).length;
    const most = Math.max(...fit.map(sees));
    const best = fit.filter((host) => sees(host) === most);
    return best.length === 0 ? undefined : oneOf(this.random, best);
  }

  private pause(): Promise<boolean> {
    return new Promise((resolve) => {
      const ms = oneOf(this.random, this.pausesMs);
      this.world.network.after(ms, () => resolve(this.patience()));
    });
  }

  /** Ends all trouble, and what it left undone. */
  private async calm(): Promise<void> {
    const { world } = this;
    world.note('calm');
    world.heal();
    world.network.weather = fair;
    world.isDiskFine = true;
    this.isCalm = true;
    this.patience = () => true;
    for (const host of world.hosts) if (!host.isUp) await world.start(host);
    for (let tried = 0; tried < 3 && this.behind().length > 0; tried++) {
      if (world.kind === 'rough') await world.pass(10_000);
      this.isGivenUp = true;
      await this.rotate();
      if (world.kind === 'rough') for (const host of this.behind()) await this.changeByHand(host);
    }
    for (const { name } of this.behind()) world.complain(`${name} has other keys than the others`);
    await this.untilAgreed('after calm');
  }

  private behind(): SimMeshHost[] {
    const { hosts, fingerprint } = this.world;
    return hosts.filter(({ keys }) => keys.join() !== fingerprint);
  }

  private async untilAgreed(when: string): Promise<void> {
    const { world } = this;
    const untilMs = world.network.nowMs + calmMaxMs;
    for (let rightMs = 0; rightMs < stayMs && world.network.nowMs < untilMs;) {
      await world.pass(500);
      rightMs = world.disagreement() === undefined ? rightMs + 500 : 0;
    }
    const last = world.disagreement();
    if (last !== undefined) world.complain(`${when}: ${last}`);
  }
}

/** Of what a host sees of a member. */
function isThere(seen: string): boolean {
  return seen.endsWith(' alive') || seen.endsWith(' suspect');
}
