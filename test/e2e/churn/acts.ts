import { setTimeout as sleep } from 'node:timers/promises';
import { dataPath } from '../support/meshd.js';
import { balancers, type Balancer, type Host, type Task } from '../support/topology.js';
import type { Random } from './random.js';
import { networks, servicesOf, taskNames, tasksOf, type World } from './world.js';

/** One thing that happens; `text` says what, for the log. */
export interface Act {
  readonly text: string;
  run(): Promise<void>;
}

/** What happens at the same time: each lane is in order. */
export type Burst = readonly (readonly Act[])[];

export function inventBurst(world: World, random: Random): Burst {
  const lanes = balancers.map((node) =>
    Array.from({ length: random.below(4) }, () => onNode(world, random, node)),
  );
  const vandal = Array.from({ length: random.below(3) }, () => vandalize(world, random));
  const cut = random.oneIn(3) ? [cutOff(world, random)] : [];
  return [...lanes, vandal, cut];
}

function onNode(world: World, random: Random, node: Balancer): Act {
  if (random.oneIn(5)) return killed(world, random, node);
  const change = changed(world, random, node);
  return random.oneIn(6) ? killedDuring(world, random, node, change) : plain(world, node, change);
}

/** A command of meshctl that changes what a task is on. */
interface Change {
  /** As of when it runs: acts before it in its lane count. */
  words(): readonly string[];
  done(): void;
  readonly text: string;
}

function changed(world: World, random: Random, node: Balancer): Change {
  const task = random.pick(tasksOf(node));
  const network = random.pick(networks);
  const serves = servicesOf(network).filter(() => !random.oneIn(3));
  const drain = random.oneIn(2) ? ['--drain', '2s'] : [];
  const keeps = random.oneIn(2);
  const path = world.scene.topology.path(task);
  const option = serves.length === 0 ? [] : ['--service', ...serves];
  const verb = (): 'attach' | 'set' | 'detach' => {
    if (!world.attached.get(task)!.has(network)) return 'attach';
    return keeps && serves.length > 0 ? 'set' : 'detach';
  };
  let last: ReturnType<typeof verb> = 'attach';
  return {
    text: `${task} ${network} [${serves.join()}]${keeps ? ' keeps' : ''}${drain.length > 0 ? ' drain' : ''}`,
    words: () => {
      last = verb();
      const words = ['endpoint', last, network, task];
      if (last === 'detach') return [...words, ...drain];
      // Answers may come before the command has returned.
      for (const name of serves) world.allowed.get(name)!.add(task);
      return last === 'set' ? [...words, ...option] : [...words, '--sandbox', path, ...option];
    },
    done: () => {
      if (last === 'detach') world.attached.get(task)!.delete(network);
      else world.set(task, network, serves);
    },
  };
}

function plain({ nodes }: World, node: Balancer, change: Change): Act {
  return {
    text: `${node}: ${change.text}`,
    run: async () => {
      const words = change.words();
      const { status, stderr } = await nodes[node].ctl(...words);
      if (status !== 0) throw new Error(`${node}: meshctl ${words.join(' ')}: ${stderr.trim()}`);
      change.done();
    },
  };
}

function killed({ nodes }: World, random: Random, node: Balancer): Act {
  const pauseMs = random.oneIn(3) ? random.below(6_000) : 0;
  return {
    text: `${node}: kill, start after ${pauseMs} ms`,
    run: async () => {
      await nodes[node].end('SIGKILL');
      await sleep(pauseMs);
      await nodes[node].start();
    },
  };
}

function killedDuring(world: World, random: Random, node: Balancer, change: Change): Act {
  const afterMs = 150 + random.below(400);
  return {
    text: `${node}: kill after ${afterMs} ms of ${change.text}`,
    run: async () => {
      const command = world.nodes[node].startCtl(...change.words());
      await sleep(afterMs);
      await world.nodes[node].end('SIGKILL');
      await command.exited;
      await world.nodes[node].start();
      await world.learn(node);
    },
  };
}

/** Between nodes; clients reach it. */
function cutOff({ scene }: World, random: Random): Act {
  const node = random.pick(balancers);
  const [afterMs, forMs] = [random.below(1_500), 200 + random.below(6_000)];
  return {
    text: `cut ${node} off after ${afterMs} ms for ${forMs} ms`,
    run: async () => {
      await sleep(afterMs);
      await scene.topology.partition(node, 'cut');
      await sleep(forMs);
      await scene.topology.partition(node, 'healed');
    },
  };
}

/** Somebody changes the kernel behind our back. What is not there just now cannot be broken. */
function vandalize({ scene, vandalized }: World, random: Random): Act {
  const [host, words] = random.oneIn(2)
    ? breakNode(random.pick(balancers), random)
    : breakTask(random.pick(taskNames), random);
  const afterMs = random.below(1_500);
  return {
    text: `${host}: ${words} after ${afterMs} ms`,
    run: async () => {
      await sleep(afterMs);
      vandalized.add(host);
      await scene.topology.exec(host, words.split(' '), { mayFail: true });
    },
  };
}

const flushBalancer = dataPath === 'ipvs' ? 'ipvsadm -C' : 'nft delete table inet meshd-lb';

function breakNode(node: Balancer, random: Random): readonly [Host, string] {
  const vni = random.pick([4_096, 4_097, 4_098]);
  const words = random.pick([
    'nft flush ruleset',
    'nft delete table inet meshd-ingress',
    flushBalancer,
    `ip link delete meshx-${vni}`,
    `ip link delete meshb-${vni}`,
    `ip link set meshx-${vni} down`,
    `ip neigh flush dev meshx-${vni} nud permanent`,
  ]);
  return [node, words];
}

function breakTask(task: Task, random: Random): readonly [Host, string] {
  const device = `mesh-${random.pick([4_096, 4_097, 4_098])}`;
  const words = random.pick([
    'nft flush ruleset',
    flushBalancer,
    `ip link delete ${device}`,
    `ip address flush dev ${device}`,
    'ip route flush table all proto 109',
    `ip link set ${device} down`,
  ]);
  return [task, words];
}
