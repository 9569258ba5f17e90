import { until } from '../support/command.js';
import { troubles, type LoadOptions, type RunningLoad } from '../support/peers.js';
import { print } from '../support/report.js';
import { addressOf, type Balancer } from '../support/topology.js';
import { attach } from './mesh.js';
import { profile, webs, type Story, type Web } from './story.js';

/** New connections all the time, so that a gap is seen. */
const steady: LoadOptions = { concurrency: 4, pauseMs: 20, timeoutMs: 4_000 };

function load({ scene }: Story, node: Balancer, options = steady): RunningLoad {
  return scene.peers.keepLoading('client', addressOf(node, 4), 80, options);
}

/** Of a few calls to a node, who answered; undefined when one failed. */
async function answering(
  { scene }: Story,
  node: Balancer,
  timeoutMs = 4_000,
): Promise<readonly Web[] | undefined> {
  const options = { requests: 9, concurrency: 1, timeoutMs };
  const result = await scene.peers.load('client', addressOf(node, 4), 80, options);
  return result.failed === 0 ? (Object.keys(result.servers) as Web[]) : undefined;
}

export async function drains(story: Story): Promise<void> {
  story.chapter('A task is drained while a client calls');
  // Connections of several requests: those that are open are to go on.
  const running = load(story, 'lb', { ...steady, perConnection: 20 });
  const detach = ['endpoint', 'detach', 'front', 'web-1', '--drain', '20s'];
  const text = await story.show(webs['web-1'], ...detach);
  const result = await running.stop();
  story.report.claim(
    result.failed === 0 && result.ok > 0 && !text.includes('time is up'),
    'no request failed, and it was off when its last connection had ended',
    troubles(result),
  );
  const left = await answering(story, 'lb');
  story.report.claim(
    left !== undefined && !left.includes('web-1'),
    'nobody is sent there any more',
    left?.join(', '),
  );
  await attach(story, 'front', 'web-1', ['--service', 'web']);
  await until('web-1 is back', 20_000, async () => {
    return (await answering(story, 'lb'))?.includes('web-1');
  });
}

export async function restarts(story: Story): Promise<void> {
  const { nodes, report } = story;
  story.chapter('kill -9 meshd, under load: packets never pass through it');
  const running = load(story, 'lb2');
  await nodes.lb2.end('SIGKILL');
  const without = await answering(story, 'lb2');
  report.claim(without?.length === 2, 'without its meshd, the node answers for all tasks');
  const begun = performance.now();
  await nodes.lb2.start();
  report.note(`meshd is up again after ${(performance.now() - begun).toFixed(0)} ms`);
  const ops = await nodes.lb2.metric('meshd_reconcile_ops_total');
  const result = await running.stop();
  report.claim(result.failed === 0 && result.ok > 0, 'no request failed', troubles(result));
  report.claim(ops === 0, 'it adopted what the kernel held', `${ops} Ops`);
}

export async function flushed(story: Story): Promise<void> {
  const { scene, report } = story;
  story.chapter("Somebody deletes what meshd made: all tables of nftables, and a network's device");
  const device = 'meshx-4097';
  await scene.topology.exec('lb2', ['nft', 'flush', 'ruleset']);
  await scene.topology.exec('lb2', ['ip', 'link', 'delete', device]);
  print(`  lb2$ nft flush ruleset; ip link delete ${device}`);
  const begun = performance.now();
  const show = ['ip', 'link', 'show', device];
  await until('all is back', 30_000, async () => {
    const names = await answering(story, 'lb2');
    const { status } = await scene.topology.exec('lb2', show, { mayFail: true });
    return names?.length === 2 && status === 0;
  });
  const seconds = (performance.now() - begun) / 1_000;
  report.claim(seconds < 5, 'all is back, and all tasks answer', `${seconds.toFixed(1)} s`);
  await story.show('lb2', 'diff', '--history');
}

export async function dies(story: Story): Promise<void> {
  const { nodes, scene, report } = story;
  story.chapter('A node dies under load: lb3, with web-2 and api-2');
  const running = load(story, 'lb', { ...steady, timeoutMs: 500 });
  const at = Date.now();
  await Promise.all([nodes.lb3.end('SIGKILL'), scene.topology.plug('lb3', 'down')]);
  const left = await until('the others go on without it', 20_000, async () => {
    const names = await answering(story, 'lb', 500);
    return names?.includes('web-2') === false ? names : undefined;
  });
  const result = await running.stop();
  const seconds = Math.max(0, (result.lastFailureAtMs - at) / 1_000);
  report.claim(
    seconds < { fast: 5, lan: 15 }[profile],
    `some connections to lb failed for ${seconds.toFixed(1)} s, then none (profile ${profile})`,
    `${troubles(result)}; ${left.join(', ')} answer`,
  );
  await story.show('lb', 'node', 'ls');
  const begun = performance.now();
  await scene.topology.plug('lb3', 'up');
  await nodes.lb3.start();
  await until('lb3 is back', 30_000, async () => {
    const names = await answering(story, 'lb3');
    return names !== undefined && Object.keys(webs).every((name) => names.includes(name as Web));
  });
  report.claim(
    true,
    'its host comes back, and all tasks answer by it',
    `${((performance.now() - begun) / 1_000).toFixed(1)} s, the start of meshd included`,
  );
}
