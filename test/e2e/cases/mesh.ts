import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeKeys, NodeState } from '../../../src/api/index.js';
import { until } from '../support/command.js';
import { difference, kernelState, virtualServices } from '../support/kernel-state.js';
import type { Meshd } from '../support/meshd.js';
import { troubles } from '../support/peers.js';
import { servicesYaml, vip, type Case, type Scene } from '../support/scene.js';
import { balancers, type Balancer } from '../support/topology.js';
import {
  answer,
  declared,
  keyFile,
  newKey,
  settled,
  startMesh,
  writeKey,
  type Nodes,
} from './mesh-nodes.js';

export const mesh: Case = {
  name: 'mesh',
  about: 'three hosts share one table of services; each kernel serves what any of them declared',
  async run(scene) {
    const nodes = await startMesh(scene);
    await servedEverywhere(scene);
    await appliedEverywhere(scene, nodes);
    await restarts(scene, nodes);
    await diesAndReturns(scene, nodes);
  },
};

export const meshKeys: Case = {
  name: 'mesh-keys',
  about: 'the keys of three hosts change while services do; one host leaves, and stays outside',
  async run(scene) {
    const nodes = await startMesh(scene);
    await rotates(scene, nodes);
    await leaves(scene, nodes);
    await strangerStaysOutside(scene, nodes);
  },
};

async function servedEverywhere({ topology, peers, report }: Scene): Promise<void> {
  const kernels = await Promise.all(balancers.map((name) => virtualServices(topology, name)));
  const [first, ...others] = kernels.map((lines) => lines.join('\n'));
  const differences = others.map((other) => difference(first!, other)).join('');
  report.claim(
    differences === '' && first!.includes('10.96.0.23:80'),
    'the kernels of three hosts hold the same virtual services',
    differences === '' ? `${kernels[0]!.length} lines of ipvsadm -S` : differences,
  );
  for (const name of balancers) {
    await topology.direct(name);
    for (const family of [4, 6] as const) {
      const results = [];
      for (const number of Object.values(declared)) {
        results.push(await peers.load('client', vip(number, family), 80, { requests: 30 }));
      }
      const failed = results.reduce((sum, result) => sum + result.failed, 0);
      report.claim(
        failed === 0,
        `through ${name}, clients reach over IPv${family} what each host declared`,
        results.map(troubles).join('; '),
      );
    }
  }
  await topology.direct('lb');
}

/** The command returns when all kernels have it: nobody polls here. */
async function appliedEverywhere({ topology, report }: Scene, nodes: Nodes): Promise<void> {
  const file = join(nodes.lb2.folder, 'more.yaml');
  const times: number[] = [];
  for (let round = 1; round <= 3; round++) {
    const weight = { s1: round, s2: 1, s3: 1 };
    await writeFile(file, servicesYaml([{ name: 'more', vip: 30, weights: weight }]));
    const started = performance.now();
    const { status, stderr } = await nodes.lb2.ctl('service', 'apply', '--wait', '-f', file);
    times.push(performance.now() - started);
    const kernels = await Promise.all(balancers.map((name) => virtualServices(topology, name)));
    const missing = balancers.filter((_, i) => {
      return !kernels[i]!.some(
        (line) => line.includes('10.96.0.30:80') && line.endsWith(`-w ${round}`),
      );
    });
    if (status === 0 && missing.length === 0) continue;
    report.claim(
      false,
      'apply --wait returns when all kernels have it',
      `${stderr}${missing.join()}`,
    );
  }
  report.claim(
    true,
    'apply --wait returned three times when all kernels had it',
    `${Math.round(Math.max(...times))} ms at most, the start of meshctl included`,
  );
  const diff = await answer<unknown[]>(nodes.lb3, 'catalog', 'diff', 'lb2');
  report.claim(diff.length === 0, 'catalog diff finds no row on which two hosts disagree');
}

async function restarts({ topology, peers, report }: Scene, nodes: Nodes): Promise<void> {
  await topology.direct('lb2');
  const before = await kernelState(topology, 'lb2');
  const load = peers.keepLoading('client', vip(declared.lb, 4), 80, { pauseMs: 40 });
  await nodes.lb2.end('SIGKILL');
  await nodes.lb2.start();
  const ops = await nodes.lb2.metric('meshd_reconcile_ops_total');
  await settled(nodes);
  const result = await load.stop();
  const change = difference(before, await kernelState(topology, 'lb2'));
  report.claim(
    ops === 0 && change === '',
    'killed and started again, it takes over the services of all hosts with 0 Ops',
    `${ops} Ops${change}`,
  );
  report.claim(
    result.failed === 0 && result.ok > 0,
    'and through it no request for the service of another host failed',
    troubles(result),
  );
  await topology.direct('lb');
}

async function leaves({ topology, report }: Scene, nodes: Nodes): Promise<void> {
  await answer(nodes.lb3, 'node', 'leave');
  await until('the service of lb3 is gone at lb', 15_000, async () => {
    const lines = await virtualServices(topology, 'lb');
    return !lines.some((line) => line.includes('10.96.0.23:80'));
  });
  const states = await answer<NodeState[]>(nodes.lb, 'node', 'ls');
  report.claim(
    states.some(({ name, state }) => name === 'lb3' && state === 'left'),
    'a host that leaves is seen as left, and its services go',
    states.map(({ name, state }) => `${name} ${state}`).join(', '),
  );
  const own = await until('lb3 serves its own alone', 15_000, async () => {
    const lines = await virtualServices(topology, 'lb3');
    return lines.some((line) => line.includes('10.96.0.22:80')) ? undefined : lines;
  });
  report.claim(
    own.some((line) => line.includes('10.96.0.23:80')),
    'and it goes on serving its own',
  );
}

async function rotates({ report }: Scene, nodes: Nodes): Promise<void> {
  const key = newKey();
  const old = (await answer<NodeKeys[]>(nodes.lb, 'key', 'ls'))[0]!.fingerprints[0]!;
  const file = join(nodes.lb2.folder, 'new.key');
  await writeFile(file, key, { mode: 0o600 });
  const changing = { go: true, done: 0, failures: [] as string[] };
  const changes = keepApplying(nodes.lb3, changing);
  const installed = await answer<NodeKeys[]>(nodes.lb2, 'key', 'install', '--file', file);
  const fresh = installed[0]!.fingerprints[1]!;
  const early = await nodes.lb2.ctl('key', 'remove', old);
  report.claim(early.status === 5, 'a key that seals cannot be removed', early.stderr.trim());
  await answer(nodes.lb2, 'key', 'use', fresh);
  await until('some changes under the new key', 60_000, () => changing.done >= 2);
  const removed = await answer<NodeKeys[]>(nodes.lb2, 'key', 'remove', old);
  const seen = changing.done;
  await until('some more', 60_000, () => changing.done >= seen + 2);
  changing.go = false;
  await changes;
  report.claim(
    removed.every(({ fingerprints }) => fingerprints.join() === fresh),
    'three hosts went from one key to another',
    `${old} -> ${fresh}`,
  );
  report.claim(
    changing.failures.length === 0,
    'and every change meanwhile came to all kernels',
    `${changing.done} changes${changing.failures.join('; ')}`,
  );
  const kept = await Promise.all(
    Object.values(nodes).map((node) => readFile(keyFile(node), 'utf8')),
  );
  const modes = await Promise.all(
    Object.values(nodes).map(async (node) => (await stat(keyFile(node))).mode),
  );
  report.claim(
    kept.every((text) => text.includes(key)) && modes.every((mode) => (mode & 0o77) === 0),
    'their key files have it, for root alone',
  );
  const logs = Object.values(nodes).flatMap(({ log }) => log);
  report.claim(!logs.some((line) => line.includes(key)), 'no log has it');
}

async function keepApplying(
  node: Meshd,
  changing: { go: boolean; done: number; failures: string[] },
): Promise<void> {
  const file = join(node.folder, 'changing.yaml');
  while (changing.go) {
    const weights = { s1: 1 + (changing.done % 50), s2: 1 };
    await writeFile(file, servicesYaml([{ name: 'changing', vip: 31, weights }]));
    const { status, stderr } = await node.ctl('service', 'apply', '--wait', '-f', file);
    if (status !== 0) changing.failures.push(stderr.trim());
    changing.done++;
  }
}

async function strangerStaysOutside({ report }: Scene, nodes: Nodes): Promise<void> {
  await answer(nodes.lb3, 'node', 'leave');
  await nodes.lb3.end('SIGTERM');
  await writeKey(nodes.lb3, newKey());
  await nodes.lb3.start();
  await until('lb drops what it cannot read', 30_000, async () => {
    return (await nodes.lb.metric('meshd_gossip_dropped_total')) > 0;
  });
  const states = await answer<NodeState[]>(nodes.lb, 'node', 'ls');
  const own = await answer<NodeState[]>(nodes.lb3, 'node', 'ls');
  report.claim(
    own.length === 1 && states.every(({ name, state }) => name !== 'lb3' || state !== 'alive'),
    'a host with another key is not let in, and the refusals are counted',
    states.map(({ name, state }) => `${name} ${state}`).join(', '),
  );
}

async function diesAndReturns({ topology, report }: Scene, nodes: Nodes): Promise<void> {
  const isGone = async (balancer: Balancer): Promise<boolean> => {
    const lines = await virtualServices(topology, balancer);
    return !lines.some((line) => line.includes('10.96.0.22:80'));
  };
  const started = performance.now();
  await nodes.lb2.end('SIGKILL');
  for (const name of ['lb', 'lb3'] as const) {
    await until(`the services of lb2 are gone at ${name}`, 30_000, () => isGone(name));
  }
  const seconds = (performance.now() - started) / 1_000;
  report.claim(
    seconds < 15,
    'the services of a host that died go out of service everywhere',
    `${seconds.toFixed(1)} s after kill -9, profile lan`,
  );
  await nodes.lb2.start();
  await settled(nodes);
  const back = (await Promise.all((['lb', 'lb3'] as const).map(isGone))).every((gone) => !gone);
  report.claim(back, 'and come back when it returns');
}
