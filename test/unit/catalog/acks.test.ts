import { describe, expect, it } from 'vitest';
import {
  FirstSightTrust,
  decodeMessage,
  encodeMessage,
  type Applied,
  type CatalogOptions,
} from '../../../src/catalog/index.js';
import { CheapProofs } from '../../support/cheap-proofs.js';
import { Mesh, type Peer } from './pair.js';

const apply = (mesh: Mesh, peer: Peer): void => {
  for (const mark of peer.complete.splice(0)) peer.catalog.applied(mark, mesh.nowMs);
};

const put = (peer: Peer, key: string, value: string, network = ''): number =>
  peer.catalog.put(key, Buffer.from(value), network);

const give = (mesh: Mesh, to: Peer, message: Applied): void =>
  to.catalog.receive(encodeMessage(message), undefined, mesh.nowMs);

/** Each run has the same epochs, so that what is told in one is heard in another. */
const sameEpoch: Partial<CatalogOptions> = { random: () => 0 };

interface Scene {
  readonly mesh: Mesh;
  readonly a: Peer;
  readonly b: Peer;
  /** What `b` told `a` since this was asked last. */
  readonly told: () => Applied[];
  /** Lets `b` tell what it applied, to nobody's ears. */
  readonly tellInVain: () => Applied;
}

/** `a` and `b` have each other's rows; nothing is acknowledged. */
function scene(options: Partial<CatalogOptions> = {}): Scene {
  const mesh = new Mesh();
  const [a, b] = [mesh.add('a', { ...sameEpoch, ...options }), mesh.add('b', options)];
  mesh.add('c', sameEpoch);
  put(a, 'k', '1');
  mesh.run(500);
  let seen = 0;
  const told = (): Applied[] => {
    const fresh = mesh.sent.slice(seen).filter(({ from, to }) => from === 'b' && to === 'a');
    seen = mesh.sent.length;
    return fresh.flatMap(({ payload }) => {
      const message = decodeMessage(payload);
      return typeof message !== 'string' && message.type === 'applied' ? [message] : [];
    });
  };
  const tellInVain = (): Applied => {
    mesh.peers.splice(mesh.peers.indexOf(a), 1);
    apply(mesh, b);
    mesh.run(500);
    mesh.peers.push(a);
    return told().at(-1)!;
  };
  return { mesh, a, b, told, tellInVain };
}

/** Whether `a` believes that `b` has all of its rows in use, and what it refused. */
function beliefOf({ a }: Scene): string {
  const isThere = a.catalog.acknowledged(a.catalog.version).have.includes('b');
  return [isThere ? 'b has it' : 'b lacks it', ...a.catalog.refusals().keys()].join(', ');
}

describe('acknowledgements', () => {
  const key = (name: string): Uint8Array => new CheapProofs(name).publicKey;
  const messages: readonly (readonly [string, string, (real: Applied) => Applied])[] = [
    ['the real one', 'b has it', (m) => m],
    ['one of more', 'b lacks it, signature', (m) => ({ ...m, networks: [at(m, 1)] })],
    ['one of another epoch', 'b lacks it, signature', (m) => ({ ...m, epoch: m.epoch - 1 })],
    ['one of a life to come', 'b lacks it', (m) => ({ ...m, life: m.life + 1 })],
    ['one of a former life', 'b lacks it, stale', (m) => ({ ...m, life: m.life - 1 })],
    ['one told later', 'b lacks it, signature', (m) => ({ ...m, serial: m.serial + 1 })],
    ['one of other interest', 'b lacks it, signature', (m) => ({ ...m, interest: ['red'] })],
    ['one without a signature', 'b lacks it, signature', (m) => ({ ...m, signature: zeros(64) })],
    ['one with another key', 'b lacks it, key', (m) => ({ ...m, publicKey: key('c') })],
    ['one in the name of c', 'b lacks it, key', (m) => ({ ...m, from: 'c', life: 2 ** 20 })],
    [
      'one with the name and key of c',
      'b lacks it, signature',
      (m) => ({ ...m, from: 'c', life: 2 ** 20, publicKey: key('c') }),
    ],
    [
      'one of more networks than there are',
      'b lacks it, networks',
      (m) => ({ ...m, networks: Array.from({ length: 65 }, (_, n) => at(m, n)) }),
    ],
  ];
  const at = ({ networks }: Applied, more: number): Applied['networks'][number] => {
    return { network: '', version: networks[0]!.version + more };
  };
  const zeros = (length: number): Uint8Array => new Uint8Array(length);

  it.each(messages)('hears %s: %s', (_, belief, forge) => {
    const run = scene();
    const real = run.tellInVain();
    give(run.mesh, run.a, forge(real));
    expect(beliefOf(run)).toBe(belief);
    expect(run.a.catalog.acknowledged(1).have).not.toContain('c');
    give(run.mesh, run.a, real);
    expect(beliefOf(run)).toContain('b has it');
  });

  it('does not take what another owner was told of its rows', () => {
    const run = scene();
    const real = run.tellInVain();
    const other = new Mesh();
    const x = other.add('x', sameEpoch);
    other.add('b');
    put(x, 'k', '1');
    expect(x.catalog.epoch).toBe(run.a.catalog.epoch);
    give(other, x, real);
    expect(x.catalog.acknowledged(1).have).toEqual([]);
    expect([...x.catalog.refusals().keys()]).toEqual(['signature']);
  });

  it('does not go back to what was told before, nor to another interest', () => {
    const run = scene();
    const { mesh, a, b } = run;
    const before = run.tellInVain();
    put(a, 'k', '2');
    b.catalog.setInterest(['red']);
    mesh.run(500);
    apply(mesh, b);
    mesh.run(500);
    expect(beliefOf(run)).toBe('b has it');
    give(mesh, a, before);
    expect(beliefOf(run)).toBe('b has it, stale');
    put(a, 'k', '1', 'red');
    mesh.run(500);
    give(mesh, a, before);
    expect(beliefOf(run)).toBe('b lacks it, stale');
  });

  it('keeps what a node told that was taken for failed, and not what its former life told', () => {
    const run = scene();
    const { mesh, a, b } = run;
    const before = run.tellInVain();
    give(mesh, a, before);
    a.catalog.memberChanged('b', 'failed', mesh.nowMs);
    a.catalog.memberChanged('b', 'up', mesh.nowMs);
    expect(beliefOf(run)).toBe('b has it');
    mesh.restart(b, { lastEpoch: b.epoch });
    mesh.run(500);
    give(mesh, a, before);
    expect(beliefOf(run)).toBe('b lacks it, stale');
    mesh.run(5_000);
    apply(mesh, b);
    mesh.run(500);
    expect(beliefOf(run)).toBe('b has it, stale');
  });

  it('are told again by a node that hears of a life of its own which it had forgotten', () => {
    const run = scene();
    const { mesh, a, b } = run;
    apply(mesh, b);
    mesh.run(500);
    expect(beliefOf(run)).toBe('b has it');
    const former = new Mesh();
    const life = former.add('b', { lastEpoch: 2 ** 40 });
    former.add('x');
    former.run(100);
    const { payload } = former.sent.find(({ from }) => from === 'b')!;
    b.catalog.receive(payload, undefined, mesh.nowMs);
    mesh.run(200);
    expect(b.epoch).toBeGreaterThan(life.epoch);
    mesh.run(1_000);
    expect(a.catalog.watermark('b')!.epoch).toBe(b.epoch);
    expect(beliefOf(run)).toBe('b has it');
  });

  it('are heard of a node that forgot a life which nobody has proof of', () => {
    const real = scene().tellInVain();
    const mesh = new Mesh();
    const a = mesh.add('a', sameEpoch);
    a.catalog.memberChanged('b', 'up', mesh.nowMs);
    put(a, 'k', '1');
    give(mesh, a, real);
    a.catalog.memberChanged('b', 'failed', mesh.nowMs);
    const b = mesh.add('b', sameEpoch);
    expect(b.catalog.epoch).toBeLessThan(real.life);
    mesh.run(500);
    expect(a.catalog.acknowledged(1).have).toEqual([]);
    apply(mesh, b);
    mesh.run(500);
    expect(a.catalog.acknowledged(1).have).toEqual(['b']);
  });

  it('are not ended by what confirms those of a former life', () => {
    const run = scene();
    const { mesh, a, b } = run;
    const { networks, life } = run.tellInVain();
    mesh.peers.splice(mesh.peers.indexOf(a), 1);
    const late = {
      type: 'confirmed',
      from: 'a',
      epoch: a.epoch,
      life: life - 1,
      networks,
    } as const;
    b.catalog.receive(encodeMessage(late), 'a', mesh.nowMs);
    mesh.peers.push(a);
    mesh.run(2_000);
    expect(beliefOf(run)).toBe('b has it');
  });

  it('go as a stream where datagrams are lost', () => {
    const { mesh, b, tellInVain } = scene();
    tellInVain();
    const tries: string[] = [];
    for (let step = 0; step < 100; step++) {
      mesh.nowMs += 100;
      b.catalog.tick(mesh.nowMs);
      for (const effect of b.catalog.ready()) {
        if (effect.kind !== 'send' || effect.to !== 'a') continue;
        const message = decodeMessage(effect.payload);
        if (typeof message === 'string' || message.type !== 'applied') continue;
        tries.push(effect.reliable ? 'stream' : 'datagram');
      }
    }
    expect(tries).toEqual(['datagram', 'stream', 'stream']);
  });

  it.each([
    ['of a former life: a digest shows it the later one', -1, 'digest'],
    ['of a life not proved yet: a pull gets the proof', 1, 'pull'],
  ])('are answered where they are %s', (_, more, answer) => {
    const run = scene();
    const { mesh, a } = run;
    const real = run.tellInVain();
    const before = mesh.sent.length;
    give(mesh, a, { ...real, life: real.life + more });
    mesh.run(100);
    const types = mesh.sent
      .slice(before)
      .filter(({ from, to }) => from === 'a' && to === 'b')
      .map(({ payload }) => decodeMessage(payload))
      .map((message) => (typeof message === 'string' ? message : message.type));
    expect(types).toEqual([answer]);
  });

  it('bind a name to the first key that signs for it, if it may have that key', () => {
    const real = scene().tellInVain();
    const trust = new FirstSightTrust();
    const closed = new FirstSightTrust([], 0);
    const beliefs = [trust, closed].map((each) => {
      const mesh = new Mesh();
      const a = mesh.add('a', { ...sameEpoch, trust: each });
      a.catalog.memberChanged('b', 'up', mesh.nowMs);
      put(a, 'k', '1');
      give(mesh, a, real);
      return [a.catalog.acknowledged(1).have, [...a.catalog.refusals()]];
    });
    expect(beliefs).toEqual([
      [['b'], []],
      [[], [['key', 1]]],
    ]);
    expect(trust.keyOf('b')).toEqual(real.publicKey);
  });

  it('cost no more than so many checks of signatures a second', () => {
    let checks = 0;
    const proofs = new CheapProofs('a');
    const verify = proofs.verify.bind(proofs);
    proofs.verify = (...args) => {
      checks++;
      return verify(...args);
    };
    const mesh = new Mesh();
    const a = mesh.add('a', { ...sameEpoch, proofs, tunables: { checksPerSecond: 100 } });
    a.catalog.memberChanged('b', 'up', mesh.nowMs);
    const real = scene().tellInVain();
    for (let serial = 2; serial < 2_000; serial++) give(mesh, a, { ...real, serial });
    expect(checks).toBe(100);
    expect(a.catalog.refusals().get('busy')).toBe(1_998 - checks);
  });
});
