import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { MeshPeer, type MeshPeerOptions } from './mesh-peer.js';
import { requireSerf, SerfAgent, type SerfOptions } from './serf-agent.js';
import { until } from './waiting.js';

/*
 * Agents of serf, which is built on memberlist, and nodes of ours in one cluster on loopback.
 */

const key = randomBytes(32);
const agents: SerfAgent[] = [];
const peers: MeshPeer[] = [];

beforeAll(requireSerf);
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.kill()));
  await Promise.all(peers.splice(0).map((peer) => peer.node.stop()));
});

async function serf(options: SerfOptions): Promise<SerfAgent> {
  const agent = await SerfAgent.start(options);
  agents.push(agent);
  return agent;
}

async function ours(options: MeshPeerOptions): Promise<MeshPeer> {
  const peer = await MeshPeer.start(options);
  peers.push(peer);
  return peer;
}

/** One of each, who know each other. */
async function couple(): Promise<[SerfAgent, MeshPeer]> {
  const [agent, peer] = [await serf({ name: 's', key }), await ours({ name: 'm', key })];
  peer.join(agent);
  await Promise.all([agent.sees('m alive, s alive'), peer.sees('s alive')]);
  return [agent, peer];
}

describe('serf and ours', () => {
  test('see each other when we join', async () => {
    const [agent, peer] = await couple();
    const [shown] = (await agent.members()).filter(({ name }) => name === 'm');
    expect(shown).toMatchObject({
      addr: `${peer.at.address}:${peer.at.port}`,
      tags: { role: 'meshd', version: '1.2.3' },
    });
    expect(agent.complaints()).toEqual([]);
  });

  test('see each other when serf joins', async () => {
    const peer = await ours({ name: 'm', key });
    const agent = await serf({
      name: 's',
      key,
      more: [`-join=${peer.at.address}:${peer.at.port}`, '-tag', 'role=web'],
    });
    await Promise.all([agent.sees('m alive, s alive'), peer.sees('s alive')]);
    expect(agent.complaints()).toEqual([]);
  });

  test('share a cluster over IPv6', async () => {
    const address = '::1';
    const agent = await serf({ name: 's', key, address });
    const peer = await ours({ name: 'm', key, address });
    peer.join(agent);
    await Promise.all([agent.sees('m alive, s alive'), peer.sees('s alive')]);
    expect(agent.complaints()).toEqual([]);
  });

  test.each([
    ['without keys', undefined, []],
    ['with 16 bytes of key', randomBytes(16), []],
    ['with 24 bytes of key', randomBytes(24), []],
    ['when neither compresses', randomBytes(32), ['-disable-compression']],
  ])('share a cluster %s', async (_, clusterKey, more) => {
    const shared = clusterKey === undefined ? {} : { key: clusterKey };
    const agent = await serf({ name: 's', more, ...shared });
    const peer = await ours({ name: 'm', compress: more.length === 0, ...shared });
    peer.join(agent);
    await Promise.all([agent.sees('m alive, s alive'), peer.sees('s alive')]);
    await agent.command('event', 'deploy', 'x'.repeat(200));
    await peer.log.line(/^serf event deploy/);
    expect([...peer.node.gossip.drops]).toEqual([]);
    expect(agent.complaints()).toEqual([]);
  });

  test("hear of serf's events once, and of those before they came not at all", async () => {
    const agent = await serf({ name: 's', key });
    await agent.command('event', 'early');
    const peer = await ours({ name: 'm', key });
    peer.join(agent);
    await Promise.all([agent.sees('m alive, s alive'), peer.sees('s alive')]);
    await agent.command('event', 'deploy', 'version 7');
    await agent.command('event', '-coalesce=false', 'deploy', 'version 8');
    await peer.log.line(/^serf event deploy/);
    // Its query comes after the events; nobody but serf answers.
    expect(await agent.command('query', '-timeout=1s', 'uptime')).toContain('Total Responses: 0');
    await peer.log.line(/^serf query uptime/);
    expect(peer.log.all.filter((line) => line.startsWith('serf event'))).toHaveLength(2);
    expect(peer.node.serf.counters).toMatchObject({ events: 2, queries: 1, malformed: 0 });
    expect(agent.complaints()).toEqual([]);
  });

  test('part as leavers', async () => {
    const [agent, peer] = await couple();
    await peer.node.leave();
    await agent.sees('m left, s alive');
    await peer.node.stop();
    const again = await ours({ name: 'm2', key });
    again.join(agent);
    await again.log.line(/^foreign member s joined/);
    await agent.command('leave');
    await again.log.line(/^foreign member s left/);
    expect(agent.complaints(/shutdown detected/)).toEqual([]);
  });

  test('come back under their names after a leave, and leave again', async () => {
    const [agent, peer] = await couple();
    await peer.node.leave();
    await agent.sees('m left, s alive');
    await peer.node.stop();
    const again = await ours({ name: 'm', key });
    again.join(agent);
    await Promise.all([agent.sees('m alive, s alive'), again.sees('s alive')]);
    await again.node.leave();
    await agent.sees('m left, s alive');
    expect(agent.complaints()).toEqual([]);
  });

  test('fail when they are killed', async () => {
    const [agent, peer] = await couple();
    await peer.node.stop();
    await agent.sees('m failed, s alive');
    const again = await ours({ name: 'm2', key });
    again.join(agent);
    await again.log.line(/^foreign member s joined/);
    await agent.kill();
    await again.log.line(/^foreign member s failed/);
    await again.sees('s dead');
  });

  test('do not believe that they left when somebody else says so', async () => {
    const [agent, peer] = await couple();
    // Serf tells nobody unless there is somebody else.
    const other = await serf({ name: 's2', key, more: [`-join=${agent.address}:${agent.port}`] });
    await Promise.all([agent, other].map((one) => one.sees('m alive, s alive, s2 alive')));
    await agent.command('force-leave', 'm');
    await until(
      'we contradict',
      () => peer.node.serf.counters.intents,
      (count) => count > 0,
    );
    await Promise.all([agent, other].map((one) => one.sees('m alive, s alive, s2 alive')));
    await peer.node.stop();
    await Promise.all([agent, other].map((one) => one.sees('m failed, s alive, s2 alive')));
  });

  test('refuse each other with another key, and both say so', async () => {
    const agent = await serf({ name: 's', key });
    const peer = await ours({ name: 'm', key: randomBytes(32) });
    peer.join(agent);
    await peer.log.line(/^join: /);
    await agent.log.line(/could not decrypt|could decrypt/i);
    expect(peer.node.gossip.drops.get('undecryptable')).toBe(1);
    await expect(agent.command('join', `${peer.at.address}:${peer.at.port}`)).rejects.toThrow();
    expect(peer.node.gossip.drops.get('undecryptable')).toBeGreaterThan(1);
    expect(await agent.view()).toBe('s alive');
    expect(peer.view()).toBe('');
  });

  test('change their keys together, each side by its own command', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'serf-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const keyFiles = ['s1', 's2'].map((name) => join(folder, name));
    const next = randomBytes(32);
    const [before, after] = [key, next].map((bytes) => bytes.toString('base64'));
    const start = async (name: string): Promise<SerfAgent> => {
      const file = join(folder, name);
      await writeFile(file, JSON.stringify([before]), { mode: 0o600 });
      return serf({ name, more: [`-keyring-file=${file}`] });
    };
    const [first, second] = [await start('s1'), await start('s2')];
    const peer = await ours({ name: 'm', key });
    peer.join(first, second);
    const everybody = 'm alive, s1 alive, s2 alive';
    await Promise.all([first.sees(everybody), second.sees(everybody)]);
    const keyring = peer.keyring!;
    const steps = [
      { option: `-install=${after}`, here: () => keyring.install(next), left: [before, after] },
      { option: `-use=${after}`, here: () => keyring.use(next), left: [after, before] },
      { option: `-remove=${before}`, here: () => keyring.remove(key), left: [after] },
    ];
    for (const { option, here, left } of steps) {
      here();
      // Serf asks all members and says that we did not answer; its own do as they were told.
      await expect(first.command('keys', option)).rejects.toThrow(/2\/3 nodes/);
      for (const file of keyFiles) {
        expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(left);
      }
    }
    await second.command('event', 'rotated');
    await peer.log.line(/^serf event rotated/);
    await first.log.line(/Received event: user-event: rotated/);
    await Promise.all([first.sees(everybody), second.sees(everybody)]);
    expect(peer.log.all.filter((line) => / (failed|suspected)$/.test(line))).toEqual([]);
    expect([...peer.node.gossip.drops]).toEqual([]);
  });
});

describe('three of serf and two of ours', () => {
  /** Of all five, with `s3` in this state; our own view leaves out ourselves, and says dead. */
  async function allSee(serfs: readonly SerfAgent[], s3: 'alive' | 'failed'): Promise<void> {
    const common = `s1 alive, s2 alive, s3 ${s3}`;
    const [a, b] = peers;
    const ourCommon = common.replace('failed', 'dead');
    await Promise.all([
      ...serfs.map((one) => one.sees(`a alive, b alive, ${common}`, 60_000)),
      a!.sees(`b alive, ${ourCommon}`, 60_000),
      b!.sees(`a alive, ${ourCommon}`, 60_000),
    ]);
  }

  test('live together for 30 s without a doubt; a pause of one is noticed and healed', async () => {
    const profile = 'lan';
    const s1 = await serf({ name: 's1', key, profile });
    const more = [`-join=${s1.address}:${s1.port}`];
    const s2 = await serf({ name: 's2', key, profile, more });
    const s3 = await serf({ name: 's3', key, profile, more });
    const a = await ours({ name: 'a', key, profile });
    const b = await ours({ name: 'b', key, profile });
    a.join(s1);
    b.join(a.at);
    await allSee([s1, s2, s3], 'alive');
    for (let n = 0; n < 20; n++)
      (n % 2 === 0 ? a : b).declare(`web${n} vip=10.96.0.${n + 1} port=80/tcp`);

    // The claim is one about time.
    await new Promise((passed) => setTimeout(passed, 30_000));
    await allSee([s1, s2, s3], 'alive');
    expect(a.services()).toContain('web0 of a, web1 of b');
    expect(b.services()).toBe(a.services());
    for (const { node, log } of [a, b]) {
      const { gossip, serf } = node;
      expect(gossip.counters).toMatchObject({ suspicions: 0, refutations: 0, deathsDeclared: 0 });
      expect(gossip.counters).toMatchObject({ pushPullsFailed: 0, mergesRefused: 0, conflicts: 0 });
      expect(serf.counters).toMatchObject({ malformed: 0, foreign: 0 });
      expect([...gossip.drops]).toEqual([]);
      expect(log.all.filter((line) => / (suspected|failed|left)$/.test(line))).toEqual([]);
    }
    for (const { log } of [s1, s2, s3]) {
      expect(log.all.filter((line) => /Suspect|Refut|MemberFailed/.test(line))).toEqual([]);
    }
    for (const agent of [s1, s2, s3]) expect(agent.complaints()).toEqual([]);

    await s2.command('event', 'deploy');
    await Promise.all([a, b].map(({ log }) => log.line(/^serf event deploy/)));

    s3.signal('SIGSTOP');
    await allSee([s1, s2], 'failed');
    s3.signal('SIGCONT');
    await allSee([s1, s2, s3], 'alive');
    for (const { node } of [a, b]) expect(node.gossip.counters.refutations).toBeLessThan(3);
  });
});
